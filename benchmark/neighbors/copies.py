"""Rows that are exact copies of an earlier one: found, counted, and put back where the papers' code keeps them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from benchmark.neighbors.graph import NeighborGraph

CHUNK_VALUES = 1 << 18
"""Values that are hashed at a time."""


def first_copies(points: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which rows are the first of their kind, and for each row the position of its first in that list.

    points: [N, D] numbers. Returns kept [n] (ascending) and inverse [N]. Zeros of either sign are equal. Rows are
    hashed, and those of one hash are then compared.
    """
    hashes = _hashes(points)
    order = np.argsort(hashes, kind="stable")
    together = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    first = np.arange(len(points), dtype=np.int64)
    if len(together):
        for members in np.split(order, np.flatnonzero(np.diff(hashes[order])) + 1):
            if len(members) > 1:
                _find_firsts(points, members, first)
    kept = np.flatnonzero(first == np.arange(len(points)))
    return kept, np.searchsorted(kept, first)


def restore_copies(graph: "NeighborGraph", k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
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


def _hashes(points: NDArray[Any]) -> NDArray[np.uint64]:
    """A number [N] for each row, the same for equal rows: its values, as bits, times fixed random odd numbers."""
    weights = np.random.default_rng(0).integers(1 << 63, size=points.shape[1], dtype=np.uint64) * np.uint64(2)
    weights += np.uint64(1)
    hashes = np.empty(len(points), dtype=np.uint64)
    size = max(1, CHUNK_VALUES // points.shape[1])
    from benchmark.neighbors.hashing import weigh  # compiles: only where a graph is made

    for start in range(0, len(points), size):
        block = slice(start, start + size)
        weigh(_bits(points[block]), weights, hashes[block])
    return hashes


def _find_firsts(points: NDArray[Any], members: NDArray[np.int64], first: NDArray[np.int64]) -> None:
    """Among rows `members` (ascending) of one hash, write for each the first that equals it."""
    seen: dict[bytes, int] = {}
    for row in members:
        first[row] = seen.setdefault(_bits(points[row]).tobytes(), int(row))


def _bits(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers as unsigned integers, equal where the numbers are."""
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "f":
        values = values + values.dtype.type(0)  # turns -0.0 into 0.0
    return values.view(f"u{values.dtype.itemsize}")
