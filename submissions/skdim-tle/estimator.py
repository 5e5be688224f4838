"""scikit-dimension's TLE, with distances in units of the data's own."""

import numpy as np
import skdim.id


class TLE:
    """Tight localities, from the shared graph.

    epsilon: distances and measurements below it are dropped. scikit-dimension takes it as absolute, so its answer
        depends on the unit of X; here it is relative to the median distance of the last neighbour.
    """

    def __init__(self, epsilon=1e-4):
        self.epsilon = epsilon

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, indices = precomputed_knn_arrays  # [n, k] ascending, self excluded
        unit = np.median(distances[:, -1])
        inner = skdim.id.TLE(epsilon=self.epsilon)
        with np.errstate(all="ignore"):  # it divides by 0 at the last neighbour, and then mends that
            inner.fit(
                fewer_columns(X) / unit,
                precomputed_knn_arrays=(distances / unit, indices),
                n_neighbors=distances.shape[1],
            )
        self.dimension_ = inner.dimension_
        self.dimension_pw_ = inner.dimension_pw_
        return self


def fewer_columns(X):
    """X [n, D] turned into the n dimensions that n points span if D > n: their distances stay as they are."""
    if X.shape[1] <= len(X):
        return X
    centred = X - X.mean(axis=0)
    squares, directions = np.linalg.eigh(centred @ centred.T)
    return directions * np.sqrt(np.maximum(squares, 0))
