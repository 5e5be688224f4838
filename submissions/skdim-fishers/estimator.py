"""scikit-dimension's FisherS, with a sentence where it answers nan."""

import contextlib
import io
import warnings

import numpy as np
import skdim.id


class FisherS:
    """Separability of whitened points from each other, compared with that on a sphere.

    conditional_number: principal components are kept down to the largest eigenvalue divided by it.
    """

    def __init__(self, conditional_number=10.0):
        self.conditional_number = conditional_number

    def fit(self, X, y=None):
        inner = skdim.id.FisherS(conditional_number=self.conditional_number)
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            inner.fit(fewer_columns(X))
        if not np.isfinite(inner.dimension_):
            raise ValueError("every point is separable from all others, so the sample is too small for its dimension")
        self.dimension_ = float(inner.dimension_)
        return self


def fewer_columns(X):
    """X [n, D] turned into the n dimensions that n points span if D > n: their distances stay as they are."""
    if X.shape[1] <= len(X):
        return X
    centred = X - X.mean(axis=0)
    squares, directions = np.linalg.eigh(centred @ centred.T)
    return directions * np.sqrt(np.maximum(squares, 0))
