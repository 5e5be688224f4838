"""Matrix products that the graph is made of: of 8-bit integers without rounding, of real numbers with a bound on it.

`torch._int_mm` (int8 x int8 -> int32: VNNI on processors, tensor cores on GPUs) is a private name of torch: nothing
but this file calls it. Where it is missing, wrong or slow, float32 products of a few columns at a time do the same.
"""

import functools
import time
from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.neighbors.bounds import EXACT_COLUMNS, INT32_COLUMNS, REAL_COLUMNS

TIMED = (512, 512, 1024)
"""Rows, rows and columns of the products by which the implementations are timed: a millisecond each."""

CHECKED = ((1, 1, 1), (2, 1, 1), (3, 17, 1), (1, 5, 9), (17, 33, 100), (64, 48, 16))
"""Those by which they are checked, besides; small and odd ones are where libraries go wrong."""

MULTIPLE = 8
"""Columns are filled up to it with zeros: CUDA wants it, and of one column torch 2.14 gives back whatever lay there."""

Products = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Of left [m, D] and right [n, D], into an [m, n] if there is one: new memory costs time, a page at a time."""


def int8_products(left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
    """All inner products of int8 rows, exactly: int32, or int64 where int32 could overflow.

    left: [m, D], right: [n, D], int8, on one device. out: [m, n] int32 that may be written to. Returns [m, n].
    """
    multiply = fastest_int8_products(left.device.type)
    if left.shape[1] <= INT32_COLUMNS:
        return multiply(left, right, out)
    total = torch.zeros((len(left), len(right)), dtype=torch.int64, device=left.device)
    for start in range(0, left.shape[1], INT32_COLUMNS):
        columns = slice(start, start + INT32_COLUMNS)
        total += multiply(left[:, columns].contiguous(), right[:, columns].contiguous(), out)
    return total


def real_products(left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
    """All inner products of real rows, [m, D] and [n, D] of one dtype: [m, n], into `out` of that dtype or anew.

    At most `REAL_COLUMNS` columns are summed by the library in its own order, and those sums one after the other: the
    rounding is that of so many additions (`benchmark.neighbors.bounds`).
    """
    out = torch.mm(left[:, :REAL_COLUMNS], right[:, :REAL_COLUMNS].T, out=out)
    for start in range(REAL_COLUMNS, left.shape[1], REAL_COLUMNS):
        columns = slice(start, start + REAL_COLUMNS)
        out.addmm_(left[:, columns], right[:, columns].T)
    return out


@functools.cache
def fastest_int8_products(device: str) -> Products:
    """The implementation that is right and fastest on this kind of device (`cpu`, `cuda`), by a measurement."""
    if not all(_agree(*_sample(shape, device)) for shape in (*CHECKED, TIMED)):
        return by_float32
    left, right = _sample(TIMED, device)
    return min((by_int8, by_float32), key=lambda multiply: _seconds(multiply, left, right))


def by_int8(left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
    """Int8 instructions. CUDA's library wants more than 16 rows and multiples of 8: zeros fill them up."""
    m, n = len(left), len(right)
    rows = (max(-m % MULTIPLE, 24 - m), max(-n % MULTIPLE, 24 - n)) if left.device.type == "cuda" else (0, 0)
    columns = -left.shape[1] % MULTIPLE
    if columns or any(rows):
        left = torch.nn.functional.pad(left, (0, columns, 0, rows[0]))
        right = torch.nn.functional.pad(right, (0, columns, 0, rows[1]))
    if any(rows):
        out = None
    return torch._int_mm(left, right.T, out=out)[:m, :n]


def by_float32(left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
    """Float32 products: up to 1,024 columns, no partial sum passes 2^24, so float32 holds each of them exactly."""
    if out is None:
        out = torch.empty((len(left), len(right)), dtype=torch.int32, device=left.device)
    out.zero_()
    for start in range(0, left.shape[1], EXACT_COLUMNS):
        columns = slice(start, start + EXACT_COLUMNS)
        out += (left[:, columns].float() @ right[:, columns].float().T).to(torch.int32)
    return out


def _sample(shape: tuple[int, int, int], device: str) -> tuple[Tensor, Tensor]:
    m, n, columns = shape
    generator = torch.Generator().manual_seed(0)
    left = torch.randint(-128, 128, (m, columns), dtype=torch.int8, generator=generator)
    right = torch.randint(-128, 128, (n, columns), dtype=torch.int8, generator=generator)
    return left.to(device), right.to(device)


def _agree(left: Tensor, right: Tensor) -> bool:
    try:
        return torch.equal(by_int8(left, right), by_float32(left, right))
    except (AttributeError, TypeError, RuntimeError):  # no such function, another one, or not on this device
        return False


def _seconds(multiply: Products, left: Tensor, right: Tensor) -> float:
    """The best of a few runs: the first ones load libraries and wake the device."""
    times = []
    for _ in range(5):
        _finish(left.device)
        started = time.perf_counter()
        multiply(left, right, None)
        _finish(left.device)
        times.append(time.perf_counter() - started)
    return min(times)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
