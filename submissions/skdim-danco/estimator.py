"""scikit-dimension's DANCo, calibrated by simulation for the number of points at hand."""

import contextlib
import io

import numpy as np
import skdim.id


class DANCo:
    """Neighbour distances and angles, compared with those of simulated balls of 1..max_dimension dimensions.

    max_dimension: scikit-dimension takes the number of columns, which is out of reach for images.
    """

    def __init__(self, k=10, max_dimension=100, random_state=None):
        self.k = k
        self.max_dimension = max_dimension
        self.random_state = random_state

    def fit(self, X, y=None):
        inner = skdim.id.DANCo(k=self.k, D=min(self.max_dimension, X.shape[1]), random_state=self.random_state)
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            inner.fit(fewer_columns(X))
        if not np.isfinite(inner.dimension_):
            raise ValueError("the neighbour distances and angles of these points fit no ball")
        self.dimension_ = float(inner.dimension_)
        return self


def fewer_columns(X):
    """X [n, D] turned into the n dimensions that n points span if D > n: their distances stay as they are."""
    if X.shape[1] <= len(X):
        return X
    centred = X - X.mean(axis=0)
    squares, directions = np.linalg.eigh(centred @ centred.T)
    return directions * np.sqrt(np.maximum(squares, 0))
