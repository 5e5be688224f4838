"""The maximum-likelihood dimension as Levina & Bickel (NIPS 2004) averaged it: over the points, then over k."""

import numpy as np


class LevinaBickel:
    """Mean over points and over k = k1..K of (k - 2) / sum_{j<k} ln(T_k / T_j), K the number of neighbours given."""

    def __init__(self, k1=10):
        self.k1 = k1

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, _ = precomputed_knn_arrays  # [n, K] ascending, self excluded; exact copies removed: T_1 > 0
        if not 3 <= self.k1 <= distances.shape[1]:
            raise ValueError(f"k1 must be from 3 to {distances.shape[1]} (neighbors), not {self.k1!r}")
        logs = np.log(distances)
        k = np.arange(self.k1, distances.shape[1] + 1)
        below = np.cumsum(logs, axis=1)[:, k - 2]  # sum of ln T_j over j < k
        sums = (k - 1) * logs[:, k - 1] - below
        tied = (sums <= 0).any(axis=1)  # the k nearest neighbours are all at one distance
        if tied.all():
            raise ValueError("each point's neighbours are all at the same distance, so their ratios hold no dimension")
        pointwise = ((k - 2) / sums[~tied]).mean(axis=1)
        self.dimension_ = float(pointwise.mean())
        if not tied.any():
            self.dimension_pw_ = pointwise
        return self
