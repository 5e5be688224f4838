"""Rows of a point cloud in the form that its products are made of: bytes as int8, real numbers centred and scaled.

An operand holds all its rows ready on the device if they fit the memory it may use, and else makes them anew, a block
at a time, from the points (which may be memory-mapped).
"""

import math
from concurrent.futures import Executor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.neighbors.bounds import UINT32_COLUMNS, lower_bound_terms
from benchmark.neighbors.compiling import compiled
from benchmark.neighbors.products import MULTIPLE, int8_products, real_products

CHUNK_VALUES = 1 << 18
"""Values that are converted at a time."""


class Operand:
    """Rows [n, D] and the terms b [n] of their squared distances b_i + b_j - 2 p_ij."""

    base: NDArray[Any]
    dtype: torch.dtype
    products_dtype: torch.dtype
    width: int
    """Columns of the rows in their new form."""
    shift: int
    """Bits of a key (`benchmark.neighbors.selection`) that hold the index."""

    def __init__(self, points: NDArray[Any], kept: NDArray[np.int64], device: torch.device) -> None:
        self.points = points
        self.kept = kept
        self.columns = self.width = points.shape[1]
        self.device = device
        self._ready: Tensor | None = None

    def __len__(self) -> int:
        return len(self.kept)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row in its new form."""
        return self.width * self.dtype.itemsize

    def prepare(self, executor: Executor, in_memory: bool) -> None:
        """Compute the base, and hold the rows if they may be `in_memory`."""
        held = torch.empty((len(self), self.width), dtype=self.dtype) if in_memory else None
        size = max(1, CHUNK_VALUES // self.columns)
        norms = np.empty(len(self), dtype=np.float64 if self.dtype.is_floating_point else np.int64)

        def chunk(start: int) -> None:
            place = slice(start, min(start + size, len(self)))
            target = None if held is None else held[place]
            norms[place] = self._convert(place, target)[1]

        list(executor.map(chunk, range(0, len(self), size)))
        self._ready = None if held is None else held.to(self.device)
        self.base = self._base(norms)

    def rows(self, start: int, stop: int) -> Tensor:
        """Rows start to stop, on the device."""
        if self._ready is not None:
            return self._ready[start:stop]
        return self._convert(slice(start, stop), None)[0].to(self.device)

    def products(self, left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
        """All inner products of rows, in `out` of the dtype `products_dtype` if there is one and it fits."""
        raise NotImplementedError

    def _convert(self, place: slice, out: Tensor | None) -> tuple[Tensor, NDArray[Any]]:
        """Rows in their new form, into `out` if there is one, and their squared norms."""
        raise NotImplementedError

    def _base(self, norms: NDArray[Any]) -> NDArray[Any]:
        raise NotImplementedError


class Bytes(Operand):
    """uint8 rows, less 128: differences stay as they are, and the values fit int8."""

    dtype = torch.int8
    products_dtype = torch.int32

    def __init__(self, points: NDArray[np.uint8], kept: NDArray[np.int64], device: torch.device) -> None:
        super().__init__(points, kept, device)
        self.width += -self.columns % MULTIPLE  # zeros, which add nothing to a product
        self._small = self.columns <= UINT32_COLUMNS
        self.shift = 31 if self._small else max(1, (len(kept) - 1).bit_length())

    def products(self, left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
        """Int32 or int64, exact."""
        products = int8_products(left, right, out)
        return products if self._small else products.to(torch.int64)

    def _convert(self, place: slice, out: Tensor | None) -> tuple[Tensor, NDArray[Any]]:
        rows = self.kept[place]
        values = torch.empty((len(rows), self.width), dtype=torch.int8) if out is None else out
        norms = np.empty(len(rows), dtype=np.int64)
        _shift_bytes(self.points, rows, values.numpy(), norms)
        return values, norms

    def _base(self, norms: NDArray[Any]) -> NDArray[Any]:
        return norms.astype(np.uint32) if self._small else norms


class Reals(Operand):
    """Real rows, centred, scaled into [-1, 1] by a power of 2, and rounded to float32 or float64."""

    shift = 31

    def __init__(
        self,
        points: NDArray[Any],
        kept: NDArray[np.int64],
        device: torch.device,
        centre: NDArray[np.float64],
        exponent: int,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(points, kept, device)
        self.dtype = self.products_dtype = dtype
        self.centre = centre
        self.exponent = exponent

    def products(self, left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
        """Of the rows' dtype, rounded."""
        return real_products(left, right, out)

    def _convert(self, place: slice, out: Tensor | None) -> tuple[Tensor, NDArray[Any]]:
        rows = self.kept[place]
        values = torch.empty((len(rows), self.width), dtype=self.dtype) if out is None else out
        norms = np.empty(len(rows))
        _centre_rows(self.points, rows, self.centre, 2.0**-self.exponent, values.numpy(), norms)
        return values, norms

    def _base(self, norms: NDArray[Any]) -> NDArray[Any]:
        return lower_bound_terms(norms, self.columns, np.float32 if self.dtype == torch.float32 else np.float64)


def centre_and_exponent(points: NDArray[Any], kept: NDArray[np.int64]) -> tuple[NDArray[np.float64], int]:
    """The mean of the rows (nearly: its rounding does not matter), and e such that |x - mean| <= 2^e."""
    size = max(1, CHUNK_VALUES // points.shape[1])
    blocks = [slice(start, start + size) for start in range(0, len(kept), size)]
    # A mean of quotients: a sum of the largest values could overflow.
    centre = sum(((points[kept[block]] / len(kept)).sum(axis=0, dtype=np.float64) for block in blocks), start=0.0)
    farthest = max(float(np.abs(points[kept[block]] - centre).max()) for block in blocks)
    return np.asarray(centre), math.frexp(farthest)[1]


@compiled
def _shift_bytes(
    points: NDArray[np.uint8], rows: NDArray[np.int64], out: NDArray[np.int8], norms: NDArray[np.int64]
) -> None:
    for r in range(len(rows)):
        source = points[rows[r]]
        target = out[r]
        norm = 0
        for start in range(0, len(source), 65536):  # 128^2 * 65,536 is below 2^31
            part = source[start : start + 65536]
            moved = target[start : start + 65536]
            partial = np.int32(0)
            for c in range(len(part)):
                value = np.int32(part[c]) - np.int32(128)
                moved[c] = np.int8(value)
                partial = np.int32(partial + np.int32(value * value))
            norm += int(partial)
        norms[r] = norm
        target[len(source) :] = 0


@compiled
def _centre_rows(
    points: NDArray[Any],
    rows: NDArray[np.int64],
    centre: NDArray[np.float64],
    scale: float,
    out: NDArray[Any],
    norms: NDArray[np.float64],
) -> None:
    for r in range(len(rows)):
        source = points[rows[r]]
        target = out[r]
        for c in range(len(source)):
            target[c] = (np.float64(source[c]) - centre[c]) * scale
        norm = 0.0
        for c in range(len(source)):
            value = np.float64(target[c])
            norm += value * value
        norms[r] = norm
