"""scikit-dimension's lPCA on all points at once: it counts the directions of their linear span."""

import numpy as np
import skdim.id


class LPCA:
    """A rule applied to the eigenvalues of the covariance. Parameters: as in scikit-dimension."""

    def __init__(self, ver="FO", alphaRatio=0.95):
        self.ver = ver
        self.alphaRatio = alphaRatio

    def fit(self, X, y=None):
        eigenvalues = covariance_eigenvalues(X)
        inner = skdim.id.lPCA(ver=self.ver, alphaRatio=self.alphaRatio, fit_explained_variance=True)
        with np.errstate(all="ignore"):  # ratios of eigenvalues that are 0
            self.dimension_ = float(inner.fit(eigenvalues).dimension_)
        return self


def covariance_eigenvalues(X):
    """Eigenvalues [min(n, D)], descending, from the smaller of X'X and XX'; what is lost in rounding is 0."""
    n, columns = X.shape
    centred = X - X.mean(axis=0)
    scatter = centred.T @ centred if columns < n else centred @ centred.T
    eigenvalues = np.linalg.eigvalsh(scatter)[::-1] / (n - 1)
    return np.where(eigenvalues > eigenvalues[0] * max(n, columns) * np.finfo(float).eps, eigenvalues, 0)
