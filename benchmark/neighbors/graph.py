"""The exact nearest-neighbour graph of a point cloud.

uint8 points (images): squared distances are integers, |x|^2 + |y|^2 - 2 x.y of values less 128, from matrix products of
8-bit integers (`benchmark.neighbors.products`). The square root of that integer is the only rounding.

Everything else: neighbours are searched with rounded products whose error is bounded, and their distances are those of
direct differences in float64, summed in a fixed order; each row is certified (`benchmark.neighbors.search`).

Equal distances are in order of index, so the graph is the same for every block size, number of threads and device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.hashing import sha256_of, sha256_of_array
from benchmark.neighbors.copies import first_copies

if TYPE_CHECKING:
    from benchmark.neighbors.grid import Resources
    from benchmark.neighbors.search import Search

LARGEST = 1e140
"""Values beyond this, and distances below its inverse, have squares that float64 cannot hold."""

MEMORY_BYTES = 1 << 30
"""What a graph takes unless told otherwise, beside its points and what it returns."""


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


@dataclass(frozen=True, slots=True)
class NeighborShard:
    """What one of several machines or devices found, to be merged; plain arrays, so that it can be saved or sent."""

    keys: NDArray[np.int64]
    """[n, k or more], of `benchmark.neighbors.selection`."""
    shard: int
    shards: int
    k: int
    block_rows: int
    """Of the grid, which must be the same for all shards."""
    duplicates: int


def neighbor_graph(
    points: NDArray[Any],
    k: int,
    *,
    groups: NDArray[Any] | None = None,
    device: str = "cpu",
    threads: int | None = None,
    memory_bytes: int = MEMORY_BYTES,
    block_rows: int | None = None,
) -> NeighborGraph:
    """The exact k-nearest-neighbour graph of a point cloud (Euclidean distance).

    points: [N, D] uint8, or real numbers (taken as float64); may be memory-mapped. Rows that are exact copies of an
        earlier row are removed and counted.
    k: neighbours of each remaining point, from 1 to n - 1.
    groups: [N], for instance patients; neighbours of the same group are passed over. Copies across groups are one
        point, of the group of the first.
    device: of the products and the selection, as torch names it: `cpu`, `cuda`, `cuda:1`. threads: of the processor;
        None for as many as torch uses. memory_bytes: what may be taken beside the points and the result, on the
        processor or on the device. block_rows: rows of a block; None for what fits. None of these changes the result.

    Cost: about n^2 D / 2 multiplications (8-bit for uint8, else float32), and for real numbers n (k + 16) D more in
    float64. Memory: `memory_bytes`, and 8 n (k + 16) bytes for the lists.
    Raises UserError for points that are not a finite [N, D] array, for k out of range, for a point that has fewer than
    k neighbours outside its group, and for a device that is not there.
    """
    prepared = _prepare(points, k, groups, device, threads, memory_bytes, block_rows)
    return _finish(prepared, [prepared.search.keys(0, 1)])


def neighbor_shard(
    points: NDArray[Any],
    k: int,
    shard: int,
    shards: int,
    *,
    groups: NDArray[Any] | None = None,
    device: str = "cpu",
    threads: int | None = None,
    memory_bytes: int = MEMORY_BYTES,
    block_rows: int = 1024,
) -> NeighborShard:
    """One of `shards` equal parts of the work of `neighbor_graph`, for another device or machine; see `merge_shards`.

    shard: from 0 to shards - 1. The rest is as in `neighbor_graph`, and is the same for all shards but for device,
    threads and memory.
    """
    if not 0 <= shard < shards:
        raise UserError(f"shard must be from 0 to {shards - 1}, not {shard}.")
    prepared = _prepare(points, k, groups, device, threads, memory_bytes, block_rows)
    return NeighborShard(
        keys=prepared.search.keys(shard, shards),
        shard=shard,
        shards=shards,
        k=k,
        block_rows=prepared.search.block,
        duplicates=len(points) - len(prepared.kept),
    )


def merge_shards(
    points: NDArray[Any],
    parts: Sequence[NeighborShard],
    *,
    groups: NDArray[Any] | None = None,
    threads: int | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> NeighborGraph:
    """The graph that `neighbor_graph` makes, from all shards of it.

    points, groups: those that the shards were made of. Raises UserError for shards that do not belong together.
    """
    if not parts or sorted(part.shard for part in parts) != list(range(parts[0].shards)):
        raise UserError(f"A graph needs each of its shards once, and there are {sorted(part.shard for part in parts)}.")
    prepared = _prepare(points, parts[0].k, groups, "cpu", threads, memory_bytes, parts[0].block_rows)
    made = {(part.shards, part.k, part.block_rows, part.duplicates, part.keys.shape) for part in parts}
    if len(made) > 1 or len(parts[0].keys) != len(prepared.kept):
        raise UserError("The shards were made of different points, k or blocks.")
    return _finish(prepared, [part.keys for part in parts])


@dataclass(frozen=True, slots=True)
class _Prepared:
    kept: NDArray[np.int64]
    inverse: NDArray[np.int64]
    k: int
    search: "Search"


def _prepare(
    points: NDArray[Any],
    k: int,
    groups: NDArray[Any] | None,
    device: str,
    threads: int | None,
    memory_bytes: int,
    block_rows: int | None,
) -> _Prepared:
    """Check what was asked for, find the copies, and get ready to search."""
    from benchmark.neighbors.search import Search  # imports torch and numba, slowly: not at start-up

    points = _checked(points)
    resources = _resources(device, threads, memory_bytes, block_rows)
    kept, inverse = first_copies(points)
    n = len(kept)
    if n < 2:
        raise UserError(f"points: all {len(points)} rows are equal; a neighbour graph needs at least 2 different ones.")
    if not 1 <= k < n:
        raise UserError(f"k must be from 1 to {n - 1} for {n} different points, not {k}.")
    labels = None if groups is None else _checked_groups(groups, len(points))[kept]
    return _Prepared(kept, inverse, k, Search(points, kept, k, labels, resources))


def _finish(prepared: _Prepared, keys: list[NDArray[np.int64]]) -> NeighborGraph:
    squared, indices, certified = prepared.search.merge(keys)
    distances = np.sqrt(squared)
    _check_distances(distances, prepared.kept)
    return NeighborGraph(
        distances=distances,
        indices=indices,
        kept=prepared.kept,
        inverse=prepared.inverse,
        duplicates=len(prepared.inverse) - len(prepared.kept),
        certified=certified,
        sha256=sha256_of([sha256_of_array(distances), sha256_of_array(indices)]),
    )


def _resources(device: str, threads: int | None, memory_bytes: int, block_rows: int | None) -> "Resources":
    import torch

    from benchmark.neighbors.grid import Resources

    for name, value in (("threads", threads), ("memory_bytes", memory_bytes), ("block_rows", block_rows)):
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1, not {value}.")
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f'The device "{device}" cannot be used: {str(error).splitlines()[0]}') from None
    return Resources(place, threads or torch.get_num_threads(), memory_bytes, block_rows)


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
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


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
