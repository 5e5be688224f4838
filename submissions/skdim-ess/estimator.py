"""scikit-dimension's ESS, on the neighbourhoods of a random part of the points."""

import contextlib
import io

import numpy as np
import skdim.id


class ESS:
    """Mean of the dimension over the neighbourhoods of `points` random points.

    points: each costs some 10 ms, so all of 2500 would take minutes.
    """

    def __init__(self, points=50, random_state=None):
        self.points = points
        self.random_state = random_state

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        _, indices = precomputed_knn_arrays  # [n, k], self excluded
        generator = np.random.default_rng(self.random_state)
        chosen = generator.permutation(len(X))[: self.points]
        inner = skdim.id.ESS(random_state=generator)
        points = fewer_columns(X)
        with contextlib.redirect_stdout(io.StringIO()):
            self.dimension_ = float(np.mean([inner.fit_once(points[indices[i]]).dimension_ for i in chosen]))
        return self


def fewer_columns(X):
    """X [n, D] turned into the n dimensions that n points span if D > n: their distances stay as they are."""
    if X.shape[1] <= len(X):
        return X
    centred = X - X.mean(axis=0)
    squares, directions = np.linalg.eigh(centred @ centred.T)
    return directions * np.sqrt(np.maximum(squares, 0))
