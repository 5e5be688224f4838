"""scikit-dimension's DANCo, calibrated from its table (DANCoFit)."""

import contextlib
import io

import numpy as np
import skdim.id


class DANCoFit:
    """Neighbour distances and angles, compared with those of balls of 1..max_dimension dimensions.

    max_dimension: scikit-dimension's table ends at 100, and holds k = 10 and 20 to 5000 points.
    """

    def __init__(self, max_dimension=100):
        self.max_dimension = max_dimension

    def fit(self, X, y=None):
        inner = skdim.id.DANCo(ver="DANCoFit", k=10, D=min(self.max_dimension, X.shape[1]))
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
