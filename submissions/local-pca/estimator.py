"""Local principal components: the dimension of each neighbourhood's covariance, averaged over the points."""

import numpy as np

BLOCK = 64


class LocalPCA:
    """Mean over the points of a rule applied to the eigenvalues of the covariance of the k neighbours.

    rule: `fukunaga-olsen` counts eigenvalues above `threshold` times the largest;
        `variance` counts those needed for the share `threshold` of the variance;
        `participation` is (sum of eigenvalues)^2 / sum of squares, and takes no threshold.
    """

    def __init__(self, rule="fukunaga-olsen", threshold=None):
        self.rule = rule
        self.threshold = threshold

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        rules = {"fukunaga-olsen": fukunaga_olsen, "variance": variance_share, "participation": participation_ratio}
        if self.rule not in rules:
            raise ValueError(f"rule must be one of {', '.join(rules)}, not {self.rule!r}")
        if self.rule != "participation" and not (self.threshold is not None and 0 < self.threshold < 1):
            raise ValueError(f"threshold must be in (0, 1) for {self.rule}, not {self.threshold!r}")
        _, indices = precomputed_knn_arrays  # [n, k], self excluded
        if indices.shape[1] < 2:
            raise ValueError(f"neighbors must be at least 2, not {indices.shape[1]}")
        blocks = [rules[self.rule](values, self.threshold) for values in spectra(X - X.mean(axis=0), indices)]
        self.dimension_pw_ = np.concatenate(blocks).astype(float)
        self.dimension_ = float(self.dimension_pw_.mean())
        return self


def spectra(points, indices):
    """Blocks [b, min(k, D)] of the eigenvalues, descending, of the neighbourhoods' scatter matrices."""
    n, k = indices.shape
    few_columns = points.shape[1] < k
    products = None if few_columns else points @ points.T  # [n, n] once, whatever the columns
    for start in range(0, n, BLOCK):
        near = indices[start : start + BLOCK]
        if few_columns:
            local = points[near]
            local -= local.mean(axis=1, keepdims=True)
            scatter = local.transpose(0, 2, 1) @ local
        else:  # the inner products of the centred neighbours have the same eigenvalues
            scatter = products[near[:, :, None], near[:, None, :]]
            means = scatter.mean(axis=2)
            scatter = scatter - means[:, :, None] - means[:, None, :] + means.mean(axis=1)[:, None, None]
        yield np.maximum(np.linalg.eigvalsh(scatter)[:, ::-1], 0)


def fukunaga_olsen(eigenvalues, threshold):
    """Number of eigenvalues above `threshold` times the largest (Fukunaga & Olsen 1971)."""
    return (eigenvalues > threshold * eigenvalues[:, :1]).sum(axis=1)


def variance_share(eigenvalues, threshold):
    """Number of eigenvalues needed for the share `threshold` of the variance."""
    shares = np.cumsum(eigenvalues, axis=1) / eigenvalues.sum(axis=1, keepdims=True)
    return (shares < threshold).sum(axis=1) + 1


def participation_ratio(eigenvalues, _):
    """(sum of eigenvalues)^2 / sum of their squares: d for d equal ones."""
    return eigenvalues.sum(axis=1) ** 2 / (eigenvalues**2).sum(axis=1)
