"""Correlation dimension (Grassberger & Procaccia 1983) by Takens' maximum likelihood (1985).

The share of pairs closer than r grows as r^d, so for pairs closer than a cutoff, -ln(r / cutoff) has mean 1 / d.
"""

import numpy as np


class CorrelationDimension:
    """1 / mean of ln(cutoff / r) over the closest pairs of points.

    pairs_per_point: how many pairs to use, as a multiple of the number of points: it sets the cutoff.
    """

    def __init__(self, pairs_per_point=5.0):
        self.pairs_per_point = pairs_per_point

    def fit(self, X, y=None):
        n = len(X)
        kept = int(self.pairs_per_point * n)
        if not 2 <= kept <= n * (n - 1) // 2:
            raise ValueError(
                f"pairs_per_point must be in [{2 / n:g}, {(n - 1) / 2:g}] for {n} points, not {self.pairs_per_point!r}"
            )
        squared = closest_pairs(X - X.mean(axis=0), kept)
        mean = 0.5 * np.log(squared.max() / squared).mean()
        if mean == 0:
            raise ValueError(f"the {kept} closest pairs are all at the same distance, so they hold no dimension")
        # The largest distance is the cutoff itself, so kept - 1 pairs lie below it.
        self.dimension_ = float((kept - 1) / kept / mean)
        return self


def closest_pairs(points, count):
    """Squared distances of the `count` closest pairs of the points [n, D], from inner products."""
    products = points @ points.T
    norms = np.diagonal(products)
    squared = norms[:, None] + norms[None, :] - 2 * products
    nearest = np.partition(squared[np.triu_indices(len(points), 1)], count - 1)[:count]
    # Inner products lose what is below the rounding of the norms; exact copies are removed, so nothing is 0.
    return np.maximum(nearest, np.finfo(float).eps * norms.max())
