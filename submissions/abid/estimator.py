"""ABID (Thordsen & Schubert, SISAP 2020): the dimension from the angles between the directions to the neighbours.

For directions spread evenly over a sphere in d dimensions, the squared cosine of the angle of two has mean 1 / d.
"""

import contextlib

import numpy as np
import torch

BLOCK_BYTES = 1 << 20
"""Of rows or products at a time: few enough for the processor's cache."""

MULTIPLE = 64
"""Columns of int8 are filled up to it with zeros: other numbers are slower, and one column torch multiplies wrongly."""

EXACT_COLUMNS = 1024
"""Of int8 in a float32 product: no sum passes 2^24."""

INT32_COLUMNS = (1 << 17) - MULTIPLE
"""Of int8 in an int32 product: no sum passes 2^31."""


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
    pixels = pixels_of(X)
    rows = X if pixels is None else pixels
    squared = distances**2 if pixels is None else np.rint(distances**2)
    # All n^2 inner products cost less than k^2 at each point only if n < k^2, and are smaller than X only if n < D.
    few = n < min(X.shape[1], k**2)
    if few:
        products_at = products_of_few(rows, squared, indices)
    elif pixels is None:
        products_at = products_of_reals(rows, indices)
    else:
        products_at = products_of_pixels(rows, squared, indices)
    size = max(1, BLOCK_BYTES // (k * max(8 * k, 0 if few else rows[0].nbytes)))
    inverse = 1 / distances
    sums = np.empty(n)
    with one_thread():
        for start in range(0, n, size):
            block = slice(start, start + size)
            cosines = products_at(block)
            cosines.reshape(-1, k * k)[:, :: k + 1] = 0
            cosines *= inverse[block, None, :]
            sums[block] = (np.einsum("bij,bij->bi", cosines, cosines) * inverse[block] ** 2).sum(axis=1)
    return sums


@contextlib.contextmanager
def one_thread():
    """Let torch use one thread: several would wait for one another at each of many small products."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


# --- functions of a block of points, which give the inner products [b, k, k] of the directions to their neighbours ---


def products_of_few(rows, squared, indices):
    """Read off all inner products, [n, n]."""
    if rows.dtype == np.int8:
        products = exact_products(*rows.shape)(rows[None])[0].astype(np.float64)
    else:
        centred = rows - rows.mean(axis=0)
        products = centred @ centred.T

    def products_at(block):
        near = indices[block]
        return about_points(products[near[:, :, None], near[:, None, :]], squared[block])

    return products_at


def products_of_reals(X, indices):
    """Of the directions themselves."""

    def products_at(block):
        directions = X[indices[block]] - X[block, None]
        return directions @ directions.swapaxes(1, 2)

    return products_at


def products_of_pixels(pixels, squared, indices):
    """Of the neighbours, in whole numbers; then about the point."""
    multiply = exact_products(indices.shape[1], pixels.shape[1])

    def products_at(block):
        products = multiply(pixels.take(indices[block], axis=0))
        return about_points(products.astype(np.float64), squared[block])

    return products_at


def about_points(products, squared):
    """Inner products [b, k, k] about b points, in place, from those about any other origin: the law of cosines.

    squared: [b, k] squared distances to the points.
    """
    excess = (np.einsum("bii->bi", products) - squared) / 2
    products -= excess[:, :, None]
    products -= excess[:, None, :]
    return products


# --- inner products of 8-bit numbers without rounding ---


def pixels_of(X):
    """8-bit values less 128 as int8, columns filled up with zeros; None if X has other values or too many columns."""
    n, columns = X.shape
    filled = -(-columns // MULTIPLE) * MULTIPLE
    if not (X.min() >= 0 and X.max() <= 255) or filled > INT32_COLUMNS:
        return None
    values = X.astype(np.uint8)
    if (values != X).any():
        return None
    pixels = np.zeros((n, filled), dtype=np.int8)
    np.bitwise_xor(values, 128, out=pixels[:, :columns].view(np.uint8))
    return pixels


def exact_products(m, columns):
    """The function that gives all inner products [b, m, m] of the rows of each of b sets, int8 [b, m, columns].

    torch's int8 product is a private function, and known to be wrong on some machines.
    """
    extremes = np.random.default_rng(0).choice(np.array([-128, 127], dtype=np.int8), (1, min(m, 64), columns))
    with contextlib.suppress(AttributeError, TypeError, RuntimeError):  # no such function, another, or not here
        if (by_int8(extremes) == by_float32(extremes)).all():
            return by_int8
    return by_float32


def by_int8(sets):
    """Int8 instructions: 3 times as fast."""
    left = torch.from_numpy(sets)
    products = torch.empty((len(sets), sets.shape[1], sets.shape[1]), dtype=torch.int32)
    for own, across, out in zip(left.unbind(), left.transpose(1, 2).unbind(), products.unbind(), strict=True):
        torch._int_mm(own, across, out=out)
    return products.numpy()


def by_float32(sets):
    """Float32 instructions, a few columns at a time."""
    total = np.zeros((len(sets), sets.shape[1], sets.shape[1]), dtype=np.int32)
    for start in range(0, sets.shape[2], EXACT_COLUMNS):
        part = sets[:, :, start : start + EXACT_COLUMNS].astype(np.float32)
        total += (part @ part.swapaxes(1, 2)).astype(np.int32)
    return total
