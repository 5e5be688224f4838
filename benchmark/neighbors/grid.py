"""All pairs of rows, block by block: each block of products is made once and serves its rows and its columns.

Memory: the operand's rows if they fit half of what may be used (else blocks of them), and for each thread one block of
products. Blocks are small against the number of rows, so that little is done twice on the diagonal: nb blocks a side
cost (1 + 1 / nb) / 2 of a full product.
"""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.neighbors.device_selection import DeviceLists
from benchmark.neighbors.operands import Operand
from benchmark.neighbors.selection import Lists

T = TypeVar("T")

BLOCKS = 12
"""Blocks a side at least, where that leaves blocks large enough."""

SMALLEST, LARGEST = 256, 1024
"""Rows of a block on processors: large enough for the matrix product, small enough for the cache."""

LARGEST_ON_DEVICE = 8192
"""A GPU wants few large steps."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a graph may use."""

    device: torch.device
    threads: int
    memory_bytes: int
    block_rows: int | None
    """None: chosen from the number of rows and the memory."""

    @contextlib.contextmanager
    def executor(self) -> Iterator[Executor]:
        """A pool of threads, in each of which torch uses one; float32 products keep their precision meanwhile."""
        threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            with ThreadPoolExecutor(self.threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                yield pool
        finally:
            torch.set_num_threads(threads)
            torch.set_float32_matmul_precision(precision)

    def block(self, operand: Operand) -> int:
        """Rows of a block."""
        if self.block_rows is not None:
            return max(1, min(self.block_rows, len(operand)))
        if self.device.type == "cpu":
            rows = min(LARGEST, max(SMALLEST, -(-len(operand) // BLOCKS)))
        else:
            rows = LARGEST_ON_DEVICE
        while rows > 1 and self._block_bytes(operand, rows) > self.memory_bytes // 2:
            rows //= 2
        return min(len(operand), rows if rows < 64 else -(-rows // 64) * 64)

    def in_memory(self, operand: Operand) -> bool:
        """Whether all rows of an operand may be held ready."""
        return len(operand) * operand.row_bytes <= self.memory_bytes // 2

    def _block_bytes(self, operand: Operand, rows: int) -> int:
        converted = 0 if self.in_memory(operand) else 2 * rows * operand.row_bytes
        products = rows * rows * (4 if self.device.type == "cpu" else 24)
        return (converted + products) * (self.threads if self.device.type == "cpu" else 1)


def for_each(work: Callable[[T], None], items: Iterator[T], executor: Executor, workers: int) -> None:
    """Do the work on each item, by so many threads that take the next as they go: an executor would queue them all."""
    lock = threading.Lock()

    def take() -> Iterator[T]:
        while True:
            with lock:
                item = next(items, None)
            if item is None:
                return
            yield item

    def drain(_: int) -> None:
        try:
            for item in take():
                work(item)
        except BaseException:
            for _rest in take():  # nothing is left for the others
                pass
            raise

    list(executor.map(drain, range(workers)))


def on_processor(device: torch.device) -> bool:
    """Whether lists are kept by the compiled kernel and its threads, and not by torch on a device."""
    return device.type == "cpu"


def nearest_keys(
    operand: Operand,
    k: int,
    groups: NDArray[np.int64] | None,
    resources: Resources,
    shard: int = 0,
    shards: int = 1,
) -> NDArray[np.int64]:
    """The k smallest keys [n, k] of each row over the pairs of one shard of the grid, ascending.

    A shard has each `shards`-th pair of blocks: the lists of all shards of one block size merge to those of the whole.
    """
    block = resources.block(operand)
    starts = range(0, len(operand), block)
    # Diagonal by diagonal: neighbouring pairs of the list share no block, so threads seldom wait for one another.
    pairs = ((i, i + offset) for offset in range(len(starts)) for i in range(len(starts) - offset))
    with resources.executor() as executor:
        operand.prepare(executor, resources.in_memory(operand))
        lists: Lists | DeviceLists
        if on_processor(resources.device):
            lists = Lists(operand.base, k, groups, operand.shift, block)
        else:
            lists = DeviceLists(operand.base, k, groups, operand.shift, resources.device)

        own = threading.local()

        def take(pair: tuple[int, int]) -> None:
            i, j = (starts[place] for place in pair)
            left, right = operand.rows(i, i + block), operand.rows(j, j + block)
            if not hasattr(own, "scratch"):
                own.scratch = torch.empty(block * block, dtype=operand.products_dtype, device=resources.device)
            out = own.scratch[: len(left) * len(right)].view(len(left), len(right))
            lists.update(operand.products(left, right, out), i, j)

        workers = resources.threads if on_processor(resources.device) else 1
        for_each(take, itertools.islice(pairs, shard, None, shards), executor, workers)
    return lists.keys()
