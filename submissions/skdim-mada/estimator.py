"""scikit-dimension's MADA, given the shared graph instead of all n^2 distances."""

import numpy as np
import skdim.id


class MADA:
    """Mean over the points of ln 2 / ln(r_k / r_{k/2}).

    Of a distance matrix (`DM=True`) MADA sorts each column and reads entries k/2 and k: the columns of the graph's
    distances, which are its first entries, hold all that it reads.
    """

    def __init__(self, k=20):
        self.k = k

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, indices = precomputed_knn_arrays  # [n, K] ascending, self excluded; exact copies removed: no 0
        if not 2 <= self.k < distances.shape[1]:  # MADA lowers k to the length of its input - 1
            raise ValueError(f"k must be from 2 to neighbors - 1 = {distances.shape[1] - 1}, not {self.k!r}")
        if (distances[:, self.k - 1] == distances[:, self.k // 2 - 1]).any():
            raise ValueError(f"neighbours {self.k // 2} to {self.k} of a point are at one distance: no ratio above 1")
        inner = skdim.id.MADA(DM=True)
        inner.fit(np.array(distances.T), precomputed_knn_arrays=(distances, indices), n_neighbors=self.k)
        self.dimension_ = inner.dimension_
        self.dimension_pw_ = inner.dimension_pw_
        return self
