"""The k nearest of each row, kept while blocks of products pass by, in plain torch: for CUDA; it runs anywhere.

The same lists of the same keys as `benchmark.neighbors.selection` makes. A block is looked through twice: the minimum
of each strip of columns, then the members of the k best strips only. Those hold the k best members: each strip with a
minimum below the k-th best member has one of the k, and of strips that tie there the first ones go first.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.neighbors.selection import EMPTY

STRIP = 32
"""Columns of a strip."""

OFFSET = 2**31
"""Subtracted from distances below 2^32, so that they fit int32."""


class DeviceLists:
    """Lists of `benchmark.neighbors.selection`, with its arguments and results, on a torch device; for one thread."""

    def __init__(
        self, base: NDArray[Any], k: int, groups: NDArray[np.int64] | None, shift: int, device: torch.device
    ) -> None:
        self._keys = torch.full((len(base), k), EMPTY, dtype=torch.int64, device=device)
        self._offset = OFFSET if base.dtype == np.uint32 else 0
        if self._offset:
            # Wrapped into int32: b_i - 2^31 and b_j, of which the sum less the products is wrapped back.
            self._of_rows = torch.from_numpy((base.astype(np.int64) - OFFSET).astype(np.int32)).to(device)
            self._of_columns = torch.from_numpy(base.view(np.int32)).to(device)
        else:
            self._of_rows = self._of_columns = torch.from_numpy(base).to(device)
        self._groups = None if groups is None else torch.from_numpy(groups).to(device)
        self._shift = shift

    def update(self, products: Tensor, row: int, column: int) -> None:
        """Take in the products [m, n] of rows `row`.. with rows `column`.., row <= column, for the lists of both."""
        rows = slice(row, row + products.shape[0])
        columns = slice(column, column + products.shape[1])
        squared = torch.sub(self._of_columns[columns], products, alpha=2)
        squared += self._of_rows[rows, None]
        farthest = torch.finfo(squared.dtype).max if squared.dtype.is_floating_point else torch.iinfo(squared.dtype).max
        masked = None
        if self._groups is not None:
            masked = self._groups[rows, None] == self._groups[columns]
        elif row == column:
            masked = torch.eye(len(squared), dtype=torch.bool, device=squared.device)
        self._take(squared, masked, row, column, farthest)
        if row != column:
            self._take(squared.T, None if masked is None else masked.T, column, row, farthest)

    def keys(self) -> NDArray[np.int64]:
        """The keys [n, k], ascending."""
        return self._keys.sort(dim=1).values.cpu().numpy()

    def _take(self, squared: Tensor, masked: Tensor | None, row: int, column: int, farthest: float) -> None:
        m, n = squared.shape
        k = self._keys.shape[1]
        if masked is not None:
            squared = squared.masked_fill(masked, farthest)
        places = torch.arange(n, device=squared.device)
        if n > 2 * k * STRIP:
            whole = n - n % STRIP
            minima = squared[:, :whole].reshape(m, -1, STRIP).amin(dim=2)
            strips = self._key(minima, torch.arange(whole // STRIP, device=squared.device))
            best = strips.topk(k, dim=1, largest=False, sorted=False).values & ((1 << self._shift) - 1)
            members = (best[:, :, None] * STRIP + places[:STRIP]).reshape(m, -1)
            places = torch.cat([members, places[whole:].expand(m, -1)], dim=1)
            squared = squared.gather(1, places)
            masked = None if masked is None else masked.gather(1, places)
        keys = self._key(squared, places + column)
        if masked is not None:
            keys.masked_fill_(masked, EMPTY)
        known = self._keys[row : row + m]
        known[:] = torch.cat([known, keys], dim=1).topk(k, dim=1, largest=False, sorted=False).values

    def _key(self, squared: Tensor, places: Tensor) -> Tensor:
        if squared.dtype.is_floating_point:
            bits = squared.contiguous().view(torch.int32).to(torch.int64)
            ordinals = torch.where(bits >= 0, bits, bits ^ 0x7FFFFFFF)
        else:
            ordinals = squared.to(torch.int64) + self._offset
        return (ordinals << self._shift) | places
