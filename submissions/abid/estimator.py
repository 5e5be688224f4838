"""ABID (Thordsen & Schubert, SISAP 2020): the dimension from the angles between the directions to the neighbours.

For directions spread evenly over a sphere in d dimensions, the squared cosine of the angle of two has mean 1 / d.
"""

import numpy as np

BLOCK = 64


class ABID:
    """Mean over the points of 1 / mean cos^2 over pairs of the k neighbours.

    own_pairs: count the k pairs of a direction with itself too, as the published ABID does (it then never exceeds k);
        without them it is the authors' regularised form, RABID.
    """

    def __init__(self, own_pairs=False):
        self.own_pairs = own_pairs

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, indices = precomputed_knn_arrays  # [n, k] self excluded; exact copies removed: no distance is 0
        n, k = indices.shape
        if k < 2:
            raise ValueError(f"neighbors must be at least 2, not {k}")
        centred = X - X.mean(axis=0)
        products = centred @ centred.T  # all that follows is inner products: [n, n] once, whatever the columns
        squares = np.empty(n)
        for start in range(0, n, BLOCK):
            block = slice(start, start + BLOCK)
            near, origin = indices[block], np.arange(n)[block, None]
            to_origin = products[near, origin]
            cosines = products[near[:, :, None], near[:, None, :]]
            cosines -= to_origin[:, :, None]
            cosines -= to_origin[:, None, :]
            cosines += products[origin, origin][:, :, None]
            cosines /= distances[block, :, None]
            cosines /= distances[block, None, :]
            squares[block] = np.einsum("bij,bij->b", cosines, cosines)
        if self.own_pairs:
            self.dimension_pw_ = k**2 / squares
        else:
            self.dimension_pw_ = (k**2 - k) / (squares - k)
        self.dimension_ = float(self.dimension_pw_.mean())
        return self
