"""scikit-dimension's PH, with fewer and smaller subsamples than its defaults."""

import numpy as np
import skdim.id


class PH:
    """How the total length of the minimum spanning tree grows with the size of a sample.

    smallest, largest: sample sizes, as fractions of the number of points. sizes: how many. samples: of each size.
    """

    def __init__(self, smallest=0.1, largest=0.5, sizes=3, samples=4, random_state=None):
        self.smallest = smallest
        self.largest = largest
        self.sizes = sizes
        self.samples = samples
        self.random_state = random_state

    def fit(self, X, y=None):
        inner = skdim.id.PH(
            n_range_min=self.smallest,
            n_range_max=self.largest,
            nsteps=self.sizes,
            subsamples=self.samples,
            random_state=self.random_state,
        )
        with np.errstate(divide="ignore"):
            inner.fit(fewer_columns(X))
        slope = float(np.ravel(inner.reg_.coef_)[0])
        if not slope < 1:
            raise ValueError(f"the tree grows faster than the sample (slope {slope:.3g}), which no dimension explains")
        self.dimension_ = float(inner.dimension_)
        return self


def fewer_columns(X):
    """X [n, D] turned into the n dimensions that n points span if D > n: their distances stay as they are."""
    if X.shape[1] <= len(X):
        return X
    centred = X - X.mean(axis=0)
    squares, directions = np.linalg.eigh(centred @ centred.T)
    return directions * np.sqrt(np.maximum(squares, 0))
