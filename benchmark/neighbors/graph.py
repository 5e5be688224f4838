"""The exact nearest-neighbour graph of a point cloud, in a plainly correct form.

uint8 points (images): squared distances are integers, |x|^2 + |y|^2 - 2 x.y. A float32 matrix product over at most 256
columns only ever holds integers of at most 255^2 * 256 = 16,646,400 < 2^24, which float32 holds exactly, in whatever
order or fusion the library sums them. The parts are summed in float64, where integers are exact below 2^53: no term
passes 4 * 255^2 D, so nothing is rounded for D < 3e10. The square root of that integer is the only rounding.

Everything else: differences are taken and squared in float64 and summed, without the Gram identity, which cancels. The
order of summation is fixed, so the result does not depend on the blocks or on the number of threads.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from benchmark.errors import UserError
from benchmark.hashing import sha256_of, sha256_of_array

BLOCK_VALUES = 1 << 22
"""Distances in a block: 32 MiB of float64."""

INTEGER_COLUMNS = 256
"""The most columns whose integer products float32 sums exactly (see the top of this file)."""

FLOAT_COLUMNS = 512
"""Columns at a time: small enough for the processor's cache. It fixes the order of summation, so it is a constant."""

LARGEST = 1e140
"""Values beyond this, and distances below its inverse, have squares that float64 cannot hold."""


@dataclass(frozen=True, slots=True)
class NeighborGraph:
    """The k nearest neighbours of each point, exact copies removed."""

    distances: NDArray[np.float64]
    """[n, k], ascending, self excluded."""
    indices: NDArray[np.int64]
    """[n, k], rows of the points that stay; equal distances are in order of index."""
    kept: NDArray[np.int64]
    """[n], the rows of the input that stay: the first of each set of copies, ascending."""
    inverse: NDArray[np.int64]
    """[N], for each row of the input the position of its representative in `kept`."""
    duplicates: int
    """Rows that were removed."""
    certified: float
    """Share of the rows whose distances are certified exact."""
    sha256: str
    """Over distances and indices."""


def neighbor_graph(
    points: NDArray[Any], k: int, *, groups: NDArray[Any] | None = None, block_rows: int | None = None
) -> NeighborGraph:
    """The exact k-nearest-neighbour graph of a point cloud (Euclidean distance).

    points: [N, D] uint8, or real numbers (taken as float64); may be memory-mapped. Rows that are exact copies of an
        earlier row are removed and counted.
    k: neighbours of each remaining point, from 1 to n - 1.
    groups: [N], for instance patients; neighbours of the same group are passed over. Copies across groups are one
        point, of the group of the first.
    block_rows: rows computed at a time; it changes memory, never the result.

    Cost: n^2 D operations; memory of a few blocks of distances beside the points.
    Raises UserError for points that are not a finite [N, D] array, for k out of range, and for a point that has fewer
    than k neighbours outside its group.
    """
    points = _checked(points)
    kept, inverse = first_copies(points)
    n = len(kept)
    if n < 2:
        raise UserError(f"points: all {len(points)} rows are equal; a neighbour graph needs at least 2 different ones.")
    if not 1 <= k < n:
        raise UserError(f"k must be from 1 to {n - 1} for {n} different points, not {k}.")
    labels = None if groups is None else _checked_groups(groups, len(points))[kept]
    unique = points if n == len(points) else points[kept]
    squared_distances = _squared_integer if unique.dtype == np.uint8 else _squared_float
    rows = max(1, BLOCK_VALUES // n) if block_rows is None else block_rows
    distances = np.empty((n, k))
    indices = np.empty((n, k), dtype=np.int64)
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        squared = squared_distances(unique[start:stop], unique)
        squared[np.arange(stop - start), np.arange(start, stop)] = np.inf
        if labels is not None:
            squared[labels[start:stop, None] == labels[None, :]] = np.inf
        indices[start:stop] = _smallest(squared, k)
        distances[start:stop] = np.sqrt(np.take_along_axis(squared, indices[start:stop], axis=1))
    _check_distances(distances, kept)
    return NeighborGraph(
        distances=distances,
        indices=indices,
        kept=kept,
        inverse=inverse,
        duplicates=len(points) - n,
        certified=1.0,
        sha256=sha256_of([sha256_of_array(distances), sha256_of_array(indices)]),
    )


def first_copies(points: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which rows are the first of their kind, and for each row the position of its first in that list.

    points: [N, D]. Returns kept [n] (ascending) and inverse [N]. Zeros of either sign are equal.
    """
    seen: dict[bytes, int] = {}
    inverse = np.empty(len(points), dtype=np.int64)
    kept: list[int] = []
    for row, values in enumerate(points):
        # Adding zero turns -0.0 into 0.0. Equal bytes are found by their digest: the bytes would double the memory.
        plain = values if values.dtype == np.uint8 else values + 0.0
        position = seen.setdefault(hashlib.sha256(np.ascontiguousarray(plain).data).digest(), len(kept))
        if position == len(kept):
            kept.append(row)
        inverse[row] = position
    return np.array(kept, dtype=np.int64), inverse


def restore_copies(graph: NeighborGraph, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The graph of all N input rows, copies kept: each row passes over its own copies and sees those of others.

    This is what the papers' code computes (ppope/dimensions: zero distances are skipped).
    graph: made without groups. k: from 1 to the graph's own; no neighbour is missed, since copies only push others out.
    Returns distances [N, k] and indices [N, k], indices into the input; equal distances are in order of index.
    """
    if not 1 <= k <= graph.indices.shape[1]:
        raise ValueError(f"k must be from 1 to the graph's {graph.indices.shape[1]}, not {k}")
    counts = np.bincount(graph.inverse)
    members = np.split(np.argsort(graph.inverse, kind="stable"), np.cumsum(counts)[:-1])
    distances = np.empty((len(graph.kept), k))
    indices = np.empty((len(graph.kept), k), dtype=np.int64)
    for row, neighbors in enumerate(graph.indices):
        copies = np.concatenate([members[neighbor] for neighbor in neighbors])
        spread = np.repeat(graph.distances[row], counts[neighbors])
        first = np.lexsort((copies, spread))[:k]
        distances[row] = spread[first]
        indices[row] = copies[first]
    return distances[graph.inverse], indices[graph.inverse]


def _squared_integer(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Squared distances [m, n] of uint8 rows [m, D] and [n, D]: integers, exact (see the top of this file)."""
    products = np.zeros((len(left), len(right)))
    left_squares, right_squares = np.zeros(len(left)), np.zeros(len(right))
    for start in range(0, left.shape[1], INTEGER_COLUMNS):
        a = left[:, start : start + INTEGER_COLUMNS].astype(np.float32)
        b = right[:, start : start + INTEGER_COLUMNS].astype(np.float32)
        products += a @ b.T
        left_squares += np.einsum("ij,ij->i", a, a)
        right_squares += np.einsum("ij,ij->i", b, b)
    products *= -2
    products += left_squares[:, None]
    products += right_squares[None, :]
    return products


def _squared_float(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float64]:
    """Squared distances [m, n] of real rows [m, D] and [n, D], by direct differences in float64."""
    squared = np.zeros((len(left), len(right)))
    for start in range(0, left.shape[1], FLOAT_COLUMNS):
        a = left[:, start : start + FLOAT_COLUMNS].astype(np.float64)
        b = right[:, start : start + FLOAT_COLUMNS].astype(np.float64)
        squared += cdist(a, b, "sqeuclidean")
    return squared


def _smallest(block: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Columns of the k smallest values of each row, ascending, equal values in order of column."""
    near = np.argpartition(block, k - 1, axis=1)[:, :k]
    values = np.take_along_axis(block, near, axis=1)
    bound = values.max(axis=1)
    # argpartition takes any of the columns that tie at the k-th value: the first of them are put in their place.
    for row in np.flatnonzero((block <= bound[:, None]).sum(axis=1) > k):
        below = np.flatnonzero(block[row] < bound[row])
        tied = np.flatnonzero(block[row] == bound[row])[: k - len(below)]
        near[row] = np.concatenate([below, tied])
        values[row] = block[row, near[row]]
    order = np.lexsort((near, values), axis=1)
    return np.take_along_axis(near, order, axis=1).astype(np.int64)


def _checked(points: NDArray[Any]) -> NDArray[Any]:
    """The points as uint8, float32 or float64, or a UserError."""
    points = np.asarray(points)
    if points.ndim != 2 or 0 in points.shape:
        raise UserError(f"points must be an array of shape [N, D], not {list(points.shape)}.")
    if points.dtype == np.uint8:
        return points
    if points.dtype.kind not in "iufb":
        raise UserError(f"points must be real numbers, not {points.dtype}.")
    if points.dtype not in (np.float32, np.float64):
        points = points.astype(np.float64)
    low, high = float(points.min()), float(points.max())  # NaN if any value is
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UserError("points must be finite: there is a NaN or an infinity.")
    if max(-low, high) > LARGEST:
        raise UserError(f"points must lie within {LARGEST:g}, and there is {max(-low, high):g}: rescale them.")
    return points


def _checked_groups(groups: NDArray[Any], rows: int) -> NDArray[Any]:
    groups = np.asarray(groups)
    if groups.shape != (rows,):
        raise UserError(f"groups must be of shape [{rows}], one a point, not {list(groups.shape)}.")
    return groups


def _check_distances(distances: NDArray[np.float64], kept: NDArray[np.int64]) -> None:
    """Refuse masked neighbours (infinite), and different points whose squared distance underflows."""
    masked = np.isinf(distances[:, -1])
    if masked.any():
        row, k = kept[np.argmax(masked)], distances.shape[1]
        raise UserError(f"Row {row} of points has fewer than {k} neighbours outside its group: ask for a smaller k.")
    close = distances[:, 0] < 1 / LARGEST
    if close.any():
        row = kept[np.argmax(close)]
        raise UserError(f"Row {row} of points is within {1 / LARGEST:g} of another but not equal to it: rescale them.")
