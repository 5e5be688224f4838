"""scikit-dimension's lPCA on the neighbourhood of each point, its eigenvalues computed for many at a time."""

import numpy as np
import skdim.id

BLOCK = 64


class LocalLPCA:
    """Mean over the points of a rule applied to the eigenvalues of the covariance of the k neighbours.

    ver: as in scikit-dimension.
    """

    def __init__(self, ver="FO"):
        self.ver = ver

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        _, indices = precomputed_knn_arrays  # [n, k], self excluded
        inner = skdim.id.lPCA(ver=self.ver, fit_explained_variance=True)
        self.dimension_pw_ = np.array(
            [
                float(inner.fit(eigenvalues).dimension_)
                for block in spectra(X - X.mean(axis=0), indices)
                for eigenvalues in block
            ]
        )
        self.dimension_ = float(self.dimension_pw_.mean())
        return self


def spectra(points, indices):
    """Blocks [b, min(k - 1, D)] of the eigenvalues, descending, of the neighbourhoods' scatter matrices.

    Eigenvalues that rounding hides are raised to where it does: rules on the ratio of two see one gap there, not many.
    """
    n, k = indices.shape
    few_columns = points.shape[1] < k
    products = None if few_columns else points @ points.T  # [n, n] once, whatever the columns
    for start in range(0, n, BLOCK):
        near = indices[start : start + BLOCK]
        if few_columns:
            local = points[near]
            local -= local.mean(axis=1, keepdims=True)
            scatter = local.transpose(0, 2, 1) @ local
        else:  # the inner products of the centred neighbours have the same eigenvalues, and one 0 for the centre
            scatter = products[near[:, :, None], near[:, None, :]]
            means = scatter.mean(axis=2)
            scatter = scatter - means[:, :, None] - means[:, None, :] + means.mean(axis=1)[:, None, None]
        eigenvalues = np.linalg.eigvalsh(scatter)[:, ::-1][:, : k - 1]
        yield np.maximum(eigenvalues, 1e-12 * eigenvalues[:, :1])
