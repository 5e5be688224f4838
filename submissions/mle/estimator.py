"""Pooled maximum-likelihood dimension (Levina & Bickel, NIPS 2004), with the pooling of MacKay & Ghahramani (2005)."""

import numpy as np
from scipy.sparse import csr_array


class PooledMLE:
    """1 / mean of the points' inverse dimensions, s_i = sum_{j<k} ln(T_k / T_j) / (k - 1); k is the graph's."""

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, indices = precomputed_knn_arrays  # [n, k] ascending, self excluded; exact copies removed: T_1 > 0
        k = distances.shape[1]
        if k < 3:
            raise ValueError(f"neighbors must be at least 3, not {k}")
        inverse = np.log(distances[:, -1:] / distances[:, :-1]).mean(axis=1)
        if not inverse.any():
            raise ValueError("each point's neighbours are all at the same distance, so their ratios hold no dimension")
        self.dimension_ = float(1 / inverse.mean())
        spread = 1.96 * standard_error(inverse / inverse.mean(), indices)  # of the logarithm of the dimension
        self.dimension_interval_ = (self.dimension_ * np.exp(-spread), self.dimension_ * np.exp(spread))
        if inverse.all():  # a point whose neighbours all tie has no dimension of its own
            self.dimension_pw_ = (k - 2) / (k - 1) / inverse  # unbiased for one point, which the pooled value is not
        return self


def standard_error(contributions, indices):
    """Standard error of the mean of contributions [n] of points with neighbours indices [n, k].

    Neighbours share distances, so their contributions are correlated: products over neighbouring pairs are summed too
    (Conley, Journal of Econometrics 1999). On uniform points, 95 % intervals without them cover about 87 %.
    """
    n, k = indices.shape
    residuals = contributions - contributions.mean()
    rows = np.repeat(np.arange(n), k)
    neighbors = csr_array((np.ones(n * k), (rows, indices.ravel())), shape=(n, n))
    neighbors = neighbors.maximum(neighbors.T)
    independent = residuals @ residuals
    return np.sqrt(max(independent, independent + residuals @ (neighbors @ residuals))) / n
