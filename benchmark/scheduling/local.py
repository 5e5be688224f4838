"""Jobs in parallel on one machine: slots, each with one open worker at a time."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue

import psutil

from benchmark.errors import UserError
from benchmark.sandbox.engine import Engine, Limits, Program, Worker


@dataclass(frozen=True, slots=True)
class Work:
    """One job as the scheduler sees it: a program, its limits, and what to do with a worker that runs it."""

    submission: str
    """Work of one submission stays together."""
    program: Program
    limits: Limits
    run: Callable[[Worker], None]
    """Asks the worker its samples and keeps the result; called in a slot's thread."""


def slots_for(limits: Iterable[Limits], requested: int | None) -> int:
    """How many jobs run at a time: as many as cores and memory allow, or fewer if so requested.

    Raises UserError if a single job may use more memory than this machine has.
    """
    available = psutil.virtual_memory().total
    largest = max((limit.memory_bytes for limit in limits), default=0)
    if largest > available:
        raise UserError(
            f"A job of this suite may use {largest / 2**30:.0f} GiB of memory, and this machine has "
            f"{available / 2**30:.0f} GiB: choose a smaller suite."
        )
    cores = len(os.sched_getaffinity(0))
    possible = min(cores, available // largest if largest else cores)
    return max(1, min(requested or possible, possible))


def run_all(work: Iterable[Work], engine: Engine, slots: int) -> None:
    """Run all work on `slots` threads; work of one program stays together, so that a worker starts once.

    An exception in a slot (a fault of ours) stops the others after their present sample and is raised here.
    KeyboardInterrupt ends at once: the slots are daemons, and their workers die with this process.
    """
    queue = _Queue(work)
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    threads = [
        threading.Thread(target=_slot, args=(queue, engine, ended), name=f"slot-{index}", daemon=True)
        for index in range(slots)
    ]
    for thread in threads:
        thread.start()
    faults = [fault for fault in (ended.get() for _ in threads) if fault is not None]
    if faults:
        raise faults[0]


class _Queue:
    """Hands out work: first of the program that a slot has open, then of one that nobody has, then anybody's."""

    def __init__(self, work: Iterable[Work]) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Work]] = {}
        self._open: dict[str, int] = {}
        for item in work:
            self._waiting.setdefault(item.submission, deque()).append(item)

    def next(self, held: str | None) -> Work | None:
        """The next piece of work for a slot that has submission `held` open; None when nothing is left."""
        with self._lock:
            if held is not None and self._waiting[held]:
                return self._waiting[held].popleft()
            if held is not None:
                self._open[held] -= 1
            left = [name for name, items in self._waiting.items() if items]
            if not left:
                return None
            name = min(left, key=lambda name: self._open.get(name, 0))
            self._open[name] = self._open.get(name, 0) + 1
            return self._waiting[name].popleft()

    def clear(self) -> None:
        """Drop what has not begun."""
        with self._lock:
            for items in self._waiting.values():
                items.clear()


def _slot(queue: _Queue, engine: Engine, ended: "SimpleQueue[BaseException | None]") -> None:
    fault: BaseException | None = None
    held: str | None = None
    worker: Worker | None = None
    try:
        with ExitStack() as stack:
            while (work := queue.next(held)) is not None:
                if worker is None or work.submission != held:
                    stack.close()
                    worker = stack.enter_context(engine.open(work.program, work.limits))
                held = work.submission
                work.run(worker)
    except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
        queue.clear()
        fault = error
    ended.put(fault)
