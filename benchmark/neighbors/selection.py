"""The k nearest of each row, kept while blocks of products pass by: a compiled kernel (numba), one pass over a block.

A candidate is one int64 key, (squared distance, index): the smaller key is the nearer neighbour, and of equal distances
the lower index. So a row's list does not depend on the order in which blocks arrive. Distances are whole numbers below
2^32, larger whole numbers (int64 arithmetic), or real lower bounds, of which a key holds the next float32 below.
"""

import contextlib
import threading
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray
from torch import Tensor

from benchmark.neighbors.compiling import compiled

STRIP = 64
"""Pairs compared with the thresholds at once, without a branch: a bit of a word each. Only hits are looked at alone."""

BISECTIONS = 12
"""Tries for the first limit of a list."""

EMPTY = np.iinfo(np.int64).max
"""A key beyond all others: an unfilled place."""


class Lists:
    """The k smallest keys of each of n rows, updated from several threads.

    base: [n] uint32, int64 or float32: b of the squared distance b_i + b_j - 2 p_ij, computed in its dtype.
    groups: [n] int64, pairs of one group are passed over; None for no groups. shift: bits of a key that hold the index.
    block: rows of the grid; its pairs are locked, so that two threads never write to one list.
    """

    def __init__(self, base: NDArray[Any], k: int, groups: NDArray[np.int64] | None, shift: int, block: int) -> None:
        self._keys = np.full((len(base), k), EMPTY)
        self._base = base
        self._none = base.dtype.type(highest(base.dtype))  # beyond all distances
        self._worst = np.full(len(base), self._none)
        self._groups = np.empty(0, dtype=np.int64) if groups is None else groups
        self._shift = shift
        self._block = block
        self._locks = [threading.Lock() for _ in range(0, len(base), block)]

    def update(self, products: Tensor, row: int, column: int) -> None:
        """Take in the products [m, n] of rows `row`.. with rows `column`.., row <= column, for the lists of both.

        On the diagonal (row = column) no point is taken with itself.
        """
        arrays = products.numpy()
        if self._base.dtype == np.uint32:
            arrays = arrays.view(np.uint32)  # arithmetic modulo 2^32: the result is below it
        with contextlib.ExitStack() as stack:
            for block in sorted({row // self._block, column // self._block}):
                stack.enter_context(self._locks[block])
            if row == column:
                _select_diagonal(
                    arrays, self._base, row, self._keys, self._worst, self._groups, self._shift, self._none
                )
            else:
                _select(arrays, self._base, row, column, self._keys, self._worst, self._groups, self._shift)

    def keys(self) -> NDArray[np.int64]:
        """The keys [n, k], ascending."""
        return self._keys


def highest(dtype: np.dtype[Any]) -> Any:
    """The largest value of a dtype."""
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def distances_of(keys: NDArray[np.int64], shift: int, real: bool) -> NDArray[np.float64]:
    """The squared distances (integers) or lower bounds (real) of keys, inf for those unfilled."""
    ordinals = keys >> shift
    if real:
        bits = np.where(ordinals >= 0, ordinals, ordinals ^ 0x7FFFFFFF).astype(np.int32)
        values = bits.view(np.float32).astype(np.float64)
    else:
        values = ordinals.astype(np.float64)
    values[keys == EMPTY] = np.inf
    return values


def indices_of(keys: NDArray[np.int64], shift: int) -> NDArray[np.int64]:
    """The indices of keys, -1 for those unfilled."""
    indices = keys & ((1 << shift) - 1)
    indices[keys == EMPTY] = -1
    return indices


# --- compiled: for numba, whose types follow those of the base ---


def _squared(b: Any, c: Any, product: Any) -> Any:
    """The value b + c - 2 product in the dtype of b: numba widens 32-bit sums, which would halve the speed."""


def _ordinal(value: Any) -> Any:
    """An integer that orders as the value does; for reals that of the next float32 below, less than 2^32 in size."""


def _value(like: Any, ordinal: Any) -> Any:
    """The value of an ordinal, in the dtype of `like`."""


@overload(_squared)
def _squared_of_dtype(b: Any, c: Any, product: Any) -> Any:  # noqa: ARG001 - numba matches the names
    def narrow(b: Any, c: Any, product: Any) -> Any:
        return np.uint32(np.uint32(b + c) - np.uint32(product + product))

    def wide(b: Any, c: Any, product: Any) -> Any:
        return b + c - (product + product)

    return narrow if b == types.uint32 else wide


@overload(_ordinal)
def _ordinal_of_dtype(value: Any) -> Any:
    def of_real(value: Any) -> Any:
        nearest = np.float32(value)
        below = np.nextafter(nearest, np.float32(-np.inf)) if nearest > value else nearest
        bits = np.int64(np.float32(below).view(np.int32))
        return bits if bits >= 0 else bits ^ np.int64(0x7FFFFFFF)

    def of_integer(value: Any) -> Any:
        return np.int64(value)

    return of_real if isinstance(value, types.Float) else of_integer


@overload(_value)
def _value_of_dtype(like: Any, ordinal: Any) -> Any:  # noqa: ARG001 - numba matches the names
    def real(like: Any, ordinal: Any) -> Any:
        bits = ordinal if ordinal >= 0 else ordinal ^ np.int64(0x7FFFFFFF)
        return like * 0 + np.int32(bits).view(np.float32)

    def narrow(like: Any, ordinal: Any) -> Any:  # noqa: ARG001
        return np.uint32(ordinal)

    def wide(like: Any, ordinal: Any) -> Any:  # noqa: ARG001
        return ordinal

    if isinstance(like, types.Float):
        return real
    return narrow if like == types.uint32 else wide


@compiled
def _hits(products: NDArray[Any], base: NDArray[Any], worst: NDArray[Any], b: Any, limit: Any) -> Any:
    """The pairs within their row's or their column's threshold, a bit each; without a branch, so it is vectorised."""
    hits = np.uint64(0)
    for c in range(products.size):
        value = _squared(b, base[c], products[c])
        hits |= (np.uint64(value <= limit) | np.uint64(value <= worst[c])) << np.uint64(c)
    return hits


@compiled
def _lowest(bits: Any) -> Any:
    """Which bit is the lowest that is set: the exponent, in a float64, of that power of two."""
    return (np.float64(bits & (~bits + np.uint64(1))).view(np.int64) >> 52) - 1023


@compiled
def _insert(keys: NDArray[np.int64], row: int, key: int) -> None:
    """Put a key into an ascending list, of which the last falls out: each place takes the middle of three keys."""
    for place in range(keys.shape[1] - 1, 0, -1):
        keys[row, place] = max(keys[row, place - 1], min(key, keys[row, place]))
    keys[row, 0] = min(keys[row, 0], key)


@compiled
def _limit(values: NDArray[Any], k: int, none: Any) -> Any:
    """A value that at least k of the values do not exceed, and not many more: by bisection, since counting is quick.

    Values of `none` do not count; it is the answer where fewer than k others are.
    """
    lowest = values.min()
    farthest, there = lowest, np.uint32(0)
    for c in range(values.size):
        farthest = max(farthest, lowest if values[c] == none else values[c])
        there += np.uint32(values[c] != none)
    if there < k:
        return none
    low, high = _ordinal(lowest), _ordinal(farthest)
    for _ in range(BISECTIONS):
        middle = (low + high) >> 1
        limit = _value(none, middle)
        count = np.uint32(0)
        for c in range(values.size):
            count += np.uint32(values[c] <= limit)
        if count < k:
            low = middle
        else:
            high = middle
            if count <= 2 * k:
                break
    return _value(none, high)


@compiled
def _select_diagonal(
    products: NDArray[Any],
    base: NDArray[Any],
    row: int,
    keys: NDArray[np.int64],
    worst: NDArray[Any],
    groups: NDArray[np.int64],
    shift: int,
    none: Any,
) -> None:
    """Lists.update on the diagonal: each row alone. Its lists start here, so that a first limit spares insertions."""
    rows = len(products)
    last = keys.shape[1] - 1
    values = np.empty(rows, dtype=base.dtype)
    base_of_columns = base[row : row + rows]
    for r in range(rows):
        i = row + r
        line = products[r]
        for c in range(rows):
            values[c] = _squared(base[i], base_of_columns[c], line[c])
        values[r] = none
        if len(groups) > 0:
            for c in range(rows):
                if groups[row + c] == groups[i]:
                    values[c] = none
        worst[i] = min(worst[i], _limit(values, last + 1, none))
        for start in range(0, rows, STRIP):
            hits = np.uint64(0)
            for c in range(start, min(start + STRIP, rows)):
                hits |= np.uint64((values[c] <= worst[i]) & (values[c] != none)) << np.uint64(c - start)
            while hits != 0:
                c = start + _lowest(hits)
                hits &= hits - np.uint64(1)
                key = (_ordinal(values[c]) << shift) | (row + c)
                if key < keys[i, last]:
                    _insert(keys, i, key)
                    if keys[i, last] != EMPTY:
                        worst[i] = _value(base[i], keys[i, last] >> shift)


@compiled
def _select(
    products: NDArray[Any],
    base: NDArray[Any],
    row: int,
    column: int,
    keys: NDArray[np.int64],
    worst: NDArray[Any],
    groups: NDArray[np.int64],
    shift: int,
) -> None:
    """Lists.update beside the diagonal, on plain arrays."""
    rows, columns = products.shape
    last = keys.shape[1] - 1
    grouped = len(groups) > 0
    base_of_columns = base[column : column + columns]
    worst_of_columns = worst[column : column + columns]
    for r in range(rows):
        i = row + r
        b = base[i]
        for start in range(0, columns, STRIP):
            strip = slice(start, min(start + STRIP, columns))
            hits = _hits(products[r, strip], base_of_columns[strip], worst_of_columns[strip], b, worst[i])
            while hits != 0:
                c = start + _lowest(hits)
                hits &= hits - np.uint64(1)
                j = column + c
                value = _squared(b, base_of_columns[c], products[r, c])
                for_row = value <= worst[i]
                for_column = value <= worst_of_columns[c]
                if not (for_row or for_column) or (grouped and groups[i] == groups[j]):
                    continue
                ordinal = _ordinal(value) << shift
                if for_row and ordinal | j < keys[i, last]:
                    _insert(keys, i, ordinal | j)
                    if keys[i, last] != EMPTY:
                        worst[i] = _value(b, keys[i, last] >> shift)
                if for_column and ordinal | i < keys[j, last]:
                    _insert(keys, j, ordinal | i)
                    if keys[j, last] != EMPTY:
                        worst[j] = _value(b, keys[j, last] >> shift)
