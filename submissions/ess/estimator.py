"""Expected simplex skewness (Johnsson, Soneson & Fontes, IEEE TPAMI 2015), version a with triangles (d = 1).

Two vectors from the centre of a neighbourhood span an area; relative to the product of their lengths it is the sine of
their angle, whose mean over a ball depends on the dimension alone.
"""

import numpy as np
from scipy.special import gammaln

BLOCK = 64
MAX_DIMENSION = 100_000


class ESS:
    """Mean over the points of the dimension whose expected skewness equals that of the point's k neighbours."""

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        _, indices = precomputed_knn_arrays  # [n, k], self excluded
        n, k = indices.shape
        if k < 3:
            raise ValueError(f"neighbors must be at least 3, not {k}")
        centred = X - X.mean(axis=0)
        products = centred @ centred.T  # all that follows is inner products: [n, n] once, whatever the columns
        skewness = np.empty(n)
        for start in range(0, n, BLOCK):
            near = indices[start : start + BLOCK]
            skewness[start : start + BLOCK] = simplex_skewness(products[near[:, :, None], near[:, None, :]])
        dimensions = np.arange(1, MAX_DIMENSION)
        self.dimension_pw_ = np.interp(skewness, expected_skewness(dimensions), dimensions)
        self.dimension_ = float(self.dimension_pw_.mean())
        return self


def simplex_skewness(products):
    """Sum of areas over sum of products of lengths, over all pairs of vectors from the mean.

    products: [b, k, k], inner products of the points of each of b neighbourhoods. Returns [b].
    """
    k = products.shape[1]
    means = products.mean(axis=2)
    products = products - means[:, :, None] - means[:, None, :] + means.mean(axis=1)[:, None, None]
    squared = np.maximum(np.einsum("bii->bi", products), 0)
    weights = squared[:, :, None] * squared[:, None, :]
    areas = np.sqrt(np.maximum(weights - products**2, 0))
    areas[:, np.arange(k), np.arange(k)] = 0  # a vector spans no area with itself
    lengths = np.sqrt(squared)
    return areas.sum(axis=(1, 2)) / (lengths.sum(axis=1) ** 2 - squared.sum(axis=1))


def expected_skewness(dimensions):
    """Expected sine of the angle of two directions, gamma(n/2)^2 / (gamma((n+1)/2) gamma((n-1)/2)); 0 in one."""
    n = np.asarray(dimensions, dtype=float)
    with np.errstate(invalid="ignore"):
        return np.exp(2 * gammaln(n / 2) - gammaln((n + 1) / 2) - gammaln((n - 1) / 2))
