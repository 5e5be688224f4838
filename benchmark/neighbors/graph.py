"""The exact nearest-neighbour graph of a point cloud, in a plainly correct form.

uint8 points (images): squared distances are integers. |x|^2 + |y|^2 - 2 x.y is computed with a float64 matrix product
whose every partial sum is an integer of at most 255^2 D < 2^53, so no product or sum is ever rounded (for D < 1.3e11).
Everything else: squared differences are summed in float64, without the Gram identity, which cancels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from benchmark.errors import UserError
from benchmark.hashing import sha256_of, sha256_of_array

BLOCK_VALUES = 1 << 22
"""Distances in a block: 32 MiB of float64."""


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

    points: [N, D] uint8, or real numbers. Rows that are exact copies of an earlier row are removed and counted.
    k: neighbours of each remaining point, from 1 to n - 1.
    groups: [N], for instance patients; neighbours of the same group are passed over.
    block_rows: rows computed at a time; it changes memory, never the result.

    Cost: n^2 D operations; memory of a block of distances beside the points.
    Raises UserError for points that are not a finite [N, D] array, for k out of range, and for a point that has fewer
    than k neighbours outside its group.
    """
    points = _checked(points)
    kept, inverse = first_copies(points)
    unique = points[kept]
    n = len(unique)
    if not 1 <= k < n:
        raise UserError(f"k must be from 1 to {n - 1} for {n} different points, not {k}.")
    labels = None if groups is None else np.asarray(groups)[kept]
    squared = _IntegerDistances(unique) if unique.dtype == np.uint8 else _FloatDistances(unique)
    rows = block_rows or max(1, BLOCK_VALUES // n)
    distances = np.empty((n, k))
    indices = np.empty((n, k), dtype=np.int64)
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        block = squared.block(start, stop)
        block[np.arange(stop - start), np.arange(start, stop)] = np.inf
        if labels is not None:
            block[labels[start:stop, None] == labels[None, :]] = np.inf
        chosen = _smallest(block, k)
        values = np.take_along_axis(block, chosen, axis=1)
        if not np.isfinite(values).all():
            row = kept[start + int(np.argmin(np.isfinite(values).all(axis=1)))]
            raise UserError(f"Row {row} has fewer than {k} neighbours outside its group: ask for a smaller k.")
        distances[start:stop] = np.sqrt(values)
        indices[start:stop] = chosen
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
    rows = np.ascontiguousarray(points if points.dtype == np.uint8 else points + 0.0)
    seen: dict[bytes, int] = {}
    inverse = np.empty(len(rows), dtype=np.int64)
    kept: list[int] = []
    for row, values in enumerate(rows):
        position = seen.setdefault(values.tobytes(), len(kept))
        if position == len(kept):
            kept.append(row)
        inverse[row] = position
    return np.array(kept, dtype=np.int64), inverse


def restore_copies(graph: NeighborGraph, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The graph of all N input rows, copies kept: each row passes over its own copies and sees those of others.

    This is what the papers' code computes (ppope/dimensions: zero distances are skipped).
    Returns distances [N, k] and indices [N, k], indices into the input; k at most the graph's.
    """
    members = [np.flatnonzero(graph.inverse == position) for position in range(len(graph.kept))]
    distances = np.empty((len(graph.inverse), k))
    indices = np.empty((len(graph.inverse), k), dtype=np.int64)
    for row, position in enumerate(graph.inverse):
        copies = [members[neighbor] for neighbor in graph.indices[position]]
        repeats = [len(c) for c in copies]
        distances[row] = np.repeat(graph.distances[position], repeats)[:k]
        indices[row] = np.concatenate(copies)[:k]
    return distances, indices


class _IntegerDistances:
    """Squared distances of uint8 points, exact (see the top of this file)."""

    def __init__(self, points: NDArray[np.uint8]) -> None:
        self._points = points.astype(np.float64)
        self._squares = np.einsum("ij,ij->i", self._points, self._points)

    def block(self, start: int, stop: int) -> NDArray[np.float64]:
        products = self._points[start:stop] @ self._points.T
        return self._squares[start:stop, None] + self._squares[None, :] - 2 * products


class _FloatDistances:
    """Squared distances by direct differences in float64."""

    def __init__(self, points: NDArray[Any]) -> None:
        self._points = points.astype(np.float64)

    def block(self, start: int, stop: int) -> NDArray[np.float64]:
        block: NDArray[np.float64] = cdist(self._points[start:stop], self._points, "sqeuclidean")
        return block


def _smallest(block: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Columns of the k smallest values of each row, ascending, equal values in order of column."""
    # argpartition takes any of the columns that tie at the k-th value: rows where that is a choice are sorted whole.
    near = np.argpartition(block, k - 1, axis=1)[:, :k]
    values = np.take_along_axis(block, near, axis=1)
    bound = values.max(axis=1)
    torn = (block <= bound[:, None]).sum(axis=1) > k
    order = np.lexsort((near, values), axis=1)
    chosen = np.take_along_axis(near, order, axis=1)
    for row in np.flatnonzero(torn):
        chosen[row] = np.argsort(block[row], kind="stable")[:k]
    return chosen.astype(np.int64)


def _checked(points: NDArray[Any]) -> NDArray[Any]:
    points = np.asarray(points)
    if points.ndim != 2 or 0 in points.shape:
        raise UserError(f"points must be an array of shape [N, D], not {list(points.shape)}.")
    if points.dtype == np.uint8:
        return points
    if points.dtype.kind not in "iufb":
        raise UserError(f"points must be numbers, not {points.dtype}.")
    if not np.isfinite(points).all():
        raise UserError("points must be finite: there is a NaN or an infinity.")
    return points.astype(np.float64)
