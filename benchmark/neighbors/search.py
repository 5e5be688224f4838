"""From points to exact neighbours: the pairs of a shard, and what makes a graph of the shards' lists.

Bytes: the keys hold the squared distances themselves, so merged lists are the answer.

Real numbers: the keys hold proven lower bounds of float32 products (`benchmark.neighbors.bounds`) for k + `SPARE`
candidates a row. These are computed again by direct differences in float64. A row is certified if its k-th distance is
below the bound of all that were left out. Rows that are not certified (near-equal rows, or an outlier that takes up the
precision) are searched again with float64 products, and what is left by direct differences with all rows. So the graph
is always that of the direct differences, whatever rounded on the way.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.neighbors.bounds import direct_relative_error
from benchmark.neighbors.direct import direct_squared
from benchmark.neighbors.grid import Resources, nearest_keys
from benchmark.neighbors.operands import Bytes, Operand, Reals, centre_and_exponent
from benchmark.neighbors.selection import distances_of, indices_of

SPARE = 16
"""Candidates beyond k for real numbers."""

CHUNK_PAIRS = 1 << 18
"""Direct distances that a thread computes at a time."""


class Search:
    """The neighbours of the kept rows of a point cloud.

    points: [N, D] uint8, float32 or float64. kept: [n] rows without copies. groups: [n] int64 or None.
    """

    def __init__(
        self,
        points: NDArray[Any],
        kept: NDArray[np.int64],
        k: int,
        groups: NDArray[np.int64] | None,
        resources: Resources,
    ) -> None:
        self._points = points
        self._kept = kept
        self._k = k
        self._groups = groups
        self._resources = resources
        self._real = points.dtype != np.uint8
        self._operand: Operand
        if self._real:
            self._centre, self._exponent = centre_and_exponent(points, kept)
            self._operand = self._reals(torch.float32)
        else:
            self._operand = Bytes(points, kept, resources.device)

    @property
    def block(self) -> int:
        """Rows of a block of the grid."""
        return self._resources.block(self._operand)

    def keys(self, shard: int, shards: int) -> NDArray[np.int64]:
        """The lists [n, k or more] of one shard, ascending."""
        size = min(self._k + SPARE, len(self._kept) - 1) if self._real else self._k
        return nearest_keys(self._operand, size, self._groups, self._resources, shard, shards)

    def merge(self, keys: list[NDArray[np.int64]]) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
        """Squared distances and indices [n, k] (inf, -1 where a group leaves none), and the certified share."""
        merged = keys[0]
        for more in keys[1:]:
            both = np.concatenate([merged, more], axis=1)
            merged = np.sort(both, axis=1)[:, : merged.shape[1]]
        indices = indices_of(merged, self._operand.shift)
        if self._real:
            return self._certified(indices, distances_of(merged[:, -1], self._operand.shift, real=True))
        return distances_of(merged, self._operand.shift, real=False), indices, 1.0

    def _reals(self, dtype: torch.dtype) -> Reals:
        return Reals(self._points, self._kept, self._resources.device, self._centre, self._exponent, dtype)

    def _certified(
        self, candidates: NDArray[np.int64], bounds: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
        """The nearest of the candidates [n, m], of which the others are at least at the bounds [n]; or of all."""
        rows = np.arange(len(self._kept))
        if candidates.shape[1] == len(rows) - 1:
            bounds = np.full(len(rows), np.inf)  # nothing was left out
        squared, indices, certain = self._nearest_of(rows, candidates, bounds)
        for again in (self._by_float64, self._by_all):
            rows = np.flatnonzero(~certain)
            if len(rows):
                squared[rows], indices[rows], certain[rows] = again(rows)
        return squared, indices, float(certain.mean())

    def _nearest_of(
        self, rows: NDArray[np.int64], candidates: NDArray[np.int64], bounds: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
        """Squared distances and indices [m, k] of the nearest candidates of some rows, and which rows are certain."""
        squared = np.empty((len(rows), self._k))
        indices = np.empty((len(rows), self._k), dtype=np.int64)
        kept = np.append(self._kept, -1)  # so that -1, no neighbour, stays -1

        def chunk(start: int) -> None:
            place = slice(start, start + size)
            direct = np.empty(candidates[place].shape)
            direct_squared(self._points, self._kept[rows[place]], kept[candidates[place]], direct)
            order = np.lexsort((candidates[place], direct), axis=1)[:, : self._k]
            squared[place] = np.take_along_axis(direct, order, axis=1)
            indices[place] = np.take_along_axis(candidates[place], order, axis=1)

        size = max(1, min(len(rows) // (4 * self._resources.threads), CHUNK_PAIRS // candidates.shape[1]))
        with self._resources.executor() as executor:
            list(executor.map(chunk, range(0, len(rows), size)))
        # In the points' own unit, less what the direct distances of those left out may be rounded down.
        limits = np.ldexp(bounds, 2 * self._exponent) * (1 - 2 * direct_relative_error(self._points.shape[1]))
        return squared, indices, (squared[:, -1] < limits) | np.isinf(bounds)

    def _by_float64(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
        operand = self._reals(torch.float64)
        n = len(self._kept)
        size = min(self._k + SPARE, n - 1)
        candidates = np.empty((len(rows), size), dtype=np.int64)
        bounds = np.empty(len(rows))
        with self._resources.executor() as executor:
            operand.prepare(executor, self._resources.in_memory(operand))
        base = torch.from_numpy(operand.base).to(operand.device)
        step = max(1, self._resources.memory_bytes // (8 * n * 4))
        for start in range(0, len(rows), step):
            place = rows[start : start + step]
            left = torch.cat([operand.rows(row, row + 1) for row in place])
            lower = torch.empty((len(place), n), dtype=torch.float64, device=operand.device)
            for column in range(0, n, step):
                stop = min(column + step, n)
                products = operand.products(left, operand.rows(column, stop))
                lower[:, column:stop] = base[torch.from_numpy(place), None] + base[column:stop] - 2 * products
            lower[torch.arange(len(place)), torch.from_numpy(place)] = torch.inf
            if self._groups is not None:
                lower[torch.from_numpy(self._groups[place, None] == self._groups)] = torch.inf
            nearest = lower.topk(size, dim=1, largest=False)
            found = nearest.indices.cpu().numpy()
            values = nearest.values.cpu().numpy()
            found[np.isinf(values)] = -1
            candidates[start : start + step] = found
            bounds[start : start + step] = values[:, -1]
        return self._nearest_of(rows, candidates, bounds)

    def _by_all(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
        n = len(self._kept)
        found = []
        step = max(1, self._resources.memory_bytes // (8 * n * 4))
        for start in range(0, len(rows), step):
            place = rows[start : start + step]
            others = np.broadcast_to(np.arange(n), (len(place), n)).copy()
            others[np.arange(len(place)), place] = -1
            if self._groups is not None:
                others[self._groups[place, None] == self._groups] = -1
            found.append(self._nearest_of(place, others, np.full(len(place), np.inf)))
        squared, indices, certain = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return squared, indices, certain
