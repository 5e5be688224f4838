"""ABID (Thordsen & Schubert, SISAP 2020): the dimension from the angles between the directions to the neighbours.

For directions spread evenly over a sphere in d dimensions, the squared cosine of the angle of two has mean 1 / d.
"""

import numpy as np

BLOCK_VALUES = 1 << 18
"""Of directions or cosines at a time: few enough for the processor's cache."""


class ABID:
    """Mean over the points of 1 / mean cos^2 over pairs of the k neighbours.

    own_pairs: count the k pairs of a direction with itself too, as the published ABID does (it then never exceeds k);
        without them it is the authors' regularised form, RABID.
    """

    def __init__(self, own_pairs=False):
        self.own_pairs = own_pairs

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, indices = precomputed_knn_arrays  # [n, k] self excluded; exact copies removed: no distance is 0
        k = indices.shape[1]
        if k < 2:
            raise ValueError(f"neighbors must be at least 2, not {k}")
        squares = squared_cosines(X, distances, indices)
        if self.own_pairs:
            self.dimension_pw_ = k**2 / (k + squares)
        elif squares.all():
            self.dimension_pw_ = (k**2 - k) / squares
        else:
            raise ValueError(f"the {k} neighbours of a point are all at right angles: no limit to its dimension")
        self.dimension_ = float(self.dimension_pw_.mean())
        return self


def squared_cosines(X, distances, indices):
    """Sum over the ordered pairs of different neighbours, for each point [n], of the squared cosine of their angle."""
    n, k = indices.shape
    columns = X.shape[1]
    # All n^2 inner products cost less than k^2 at each point only if n < k^2, and are smaller than X only if n < D.
    few = n < min(columns, k**2)
    products_at = products_of_few(X) if few else products_of_many(X)
    rows = max(1, BLOCK_VALUES // (k * (k if few else max(k, columns))))
    own = np.arange(k)
    squares = np.empty(n)
    for start in range(0, n, rows):
        block = slice(start, start + rows)
        cosines = products_at(np.arange(n)[block, None], indices[block])
        cosines /= distances[block, :, None]
        cosines /= distances[block, None, :]
        cosines[:, own, own] = 0
        squares[block] = np.einsum("bij,bij->b", cosines, cosines)
    return squares


def products_of_few(X):
    """Function of points [b, 1] and their neighbours [b, k]: inner products [b, k, k] of the directions to them.

    It reads them off all inner products, [n, n].
    """
    centred = X - X.mean(axis=0)
    products = centred @ centred.T

    def products_at(points, near):
        to_origin = products[near, points]
        between = products[near[:, :, None], near[:, None, :]]
        between -= to_origin[:, :, None]
        between -= to_origin[:, None, :]
        between += products[points, points][:, :, None]
        return between

    return products_at


def products_of_many(X):
    """The same function, which computes them at each point: in float32 for 8-bit images, else in float64.

    float32 holds the differences of pixels exactly; a point's mean squared cosine has been seen to err by 1e-6 then.
    """
    precision = np.float64
    if X.min() >= 0 and X.max() <= 255:
        pixels = X.astype(np.uint8)
        if (pixels == X).all():
            X, precision = pixels, np.float32

    def products_at(points, near):
        directions = X[near].astype(precision, copy=False)
        directions -= X[points]
        return directions @ directions.swapaxes(1, 2)

    return products_at
