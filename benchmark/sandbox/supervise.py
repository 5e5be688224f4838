"""The process tree of one sample, watched, held to its limits and ended whole.

Runs inside the worker, which is the reaper of all its descendants (PR_SET_CHILD_SUBREAPER): a process that leaves its
session or loses its parent comes back to the worker, so "no child left" means that nothing is left.

Memory is resident memory (RSS) summed over the tree, less what a fork of the worker holds before it does anything
(`baseline`), since the libraries that the worker imported are shared pages. A process that called exec shares nothing
and counts whole.
"""

import contextlib
import os
import select
import signal
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.02
SCRATCH_POLL_SECONDS = 0.25
SCRATCH_FILES = 100_000
ENTRY_BYTES = 4096
"""What a file or folder counts at least: some file systems say that folders and small files take nothing."""
TAIL_BYTES = 8192
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


class HarnessGoneError(Exception):
    """The other end of the request pipe was closed: nobody waits for an answer."""


@dataclass(slots=True)
class Ending:
    """How the process of a sample ended."""

    cause: str
    """`exit` or `signal`, or the limit that was passed: a field of Limits."""
    number: int
    """Exit code or signal; 0 for a limit."""
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    answer: bytes
    output: bytes


@dataclass(slots=True)
class Tree:
    """The processes of one sample, below the worker."""

    child: int
    baseline: int
    """Resident memory, bytes, of a fork of the worker that did nothing."""
    stack: int
    """Start of the worker's stack: a fork has the same, an exec gets another."""
    status: int | None = None
    """Of `child`, once it ended, as wait gives it."""
    reaped_cpu: float = 0.0
    peak_bytes: int = 0

    def reap(self) -> bool:
        """Collect what ended; True if no process is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            self.reaped_cpu += usage.ru_utime + usage.ru_stime
            if pid == self.child:
                self.status = status
                self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * 1024 - self.baseline)

    def measure(self) -> tuple[int, float]:
        """Number of live processes, and the CPU seconds of all that live or ended."""
        cpu, memory, count = self.reaped_cpu, 0, 0
        for pid in descendants(os.getpid()):
            try:
                fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[0] == b"Z":
                continue
            count += 1
            cpu += sum(int(ticks) for ticks in fields[11:15]) / TICKS
            # 0 means that the kernel does not tell; of the child itself it is known to be a fork.
            fork = int(fields[25]) == self.stack or (pid == self.child and fields[25] == b"0")
            shared = self.baseline if fork else 0
            memory += max(0, int(fields[21]) * PAGE - shared)
        self.peak_bytes = max(self.peak_bytes, memory)
        return count, cpu

    def end(self) -> None:
        """Kill every process of the tree, and return when none is left."""
        while not self.reap():
            stopped: set[int] = set()
            # A stopped process cannot fork: when a look finds nobody new, nobody can appear any more.
            while found := descendants(os.getpid()) - stopped:
                for pid in found:
                    _kill(pid, signal.SIGSTOP)
                stopped |= found
            for pid in stopped:
                _kill(pid, signal.SIGKILL)
            time.sleep(0.001)


@dataclass(slots=True)
class Pipe:
    """The read end of a pipe from the child, with a bound."""

    descriptor: int
    limit: int
    keep_all: bool
    received: int = 0
    chunks: deque[bytes] = field(default_factory=deque)

    def __post_init__(self) -> None:
        os.set_blocking(self.descriptor, False)

    def read(self) -> None:
        """Read what is there without waiting, at most a little past the limit."""
        while self.received <= self.limit:
            try:
                chunk = os.read(self.descriptor, 65536)
            except BlockingIOError:
                return
            if not chunk:
                return
            self.received += len(chunk)
            self.chunks.append(chunk if self.keep_all else chunk[-TAIL_BYTES:])
            while not self.keep_all and len(self.chunks) > 2 and sum(map(len, self.chunks)) > 2 * TAIL_BYTES:
                self.chunks.popleft()

    def content(self) -> bytes:
        """What was received, or its tail."""
        return b"".join(self.chunks)


@dataclass(slots=True)
class Watch:
    """One sample under watch."""

    tree: Tree
    limits: dict[str, Any]
    """The fields of Limits."""
    answer: Pipe
    output: Pipe
    scratch: Path
    """The working folder."""
    harness_fd: int
    """The request pipe: when its other end is closed, nobody waits for the answer."""
    started: float
    """time.perf_counter() just before the fork."""

    def until_end(self) -> Ending:
        """Wait until the child ends or passes a limit, end the whole tree, and say how it went.

        Raises HarnessGoneError, with the tree ended, if nobody waits for the answer any more.
        """
        exit_fd = os.pidfd_open(self.tree.child)
        try:
            passed = self._wait(exit_fd)
            wall = time.perf_counter() - self.started
        finally:
            self.tree.end()
            os.close(exit_fd)
        self.answer.read()
        self.output.read()
        passed = passed or self._passed_at_the_end()
        cause, number = (passed, 0) if passed else _cause(self.tree.status or 0)
        return Ending(
            cause=cause,
            number=number,
            wall_seconds=wall,
            cpu_seconds=self.tree.reaped_cpu,
            peak_bytes=max(0, self.tree.peak_bytes),
            answer=self.answer.content(),
            output=self.output.content(),
        )

    def _wait(self, exit_fd: int) -> str | None:
        """Return the limit that was passed, or None when the child ended."""
        poll = select.poll()
        for descriptor in (exit_fd, self.answer.descriptor, self.output.descriptor):
            poll.register(descriptor, select.POLLIN)
        poll.register(self.harness_fd, 0)  # a hang-up is reported whatever is asked for
        next_look, next_scratch = self.started + POLL_SECONDS, self.started + SCRATCH_POLL_SECONDS
        passed = None
        while passed is None:
            events = dict(poll.poll(POLL_SECONDS * 1000))
            if self.harness_fd in events:
                raise HarnessGoneError
            passed = self._read(poll, events)
            if exit_fd in events or self.tree.status is not None:
                break
            now = time.perf_counter()
            if now - self.started > self.limits["wall_seconds"]:
                passed = "wall_seconds"
            if now >= next_look:
                next_look = now + POLL_SECONDS
                passed = passed or self._look()
            if now >= next_scratch:
                next_scratch = now + SCRATCH_POLL_SECONDS
                passed = passed or self._look_at_scratch()
        return passed

    def _read(self, poll: select.poll, events: dict[int, int]) -> str | None:
        for pipe, name in ((self.answer, "answer_bytes"), (self.output, "output_bytes")):
            if pipe.descriptor in events:
                pipe.read()
                if pipe.received > pipe.limit:
                    return name
                if events[pipe.descriptor] & select.POLLHUP:
                    poll.unregister(pipe.descriptor)
        return None

    def _look(self) -> str | None:
        self.tree.reap()
        processes, cpu = self.tree.measure()
        if self.tree.peak_bytes > self.limits["memory_bytes"]:
            return "memory_bytes"
        if processes > self.limits["processes"]:
            return "processes"
        return "cpu_seconds" if cpu > self.limits["cpu_seconds"] else None

    def _look_at_scratch(self) -> str | None:
        return "scratch_bytes" if _too_large(self.scratch, self.limits["scratch_bytes"]) else None

    def _passed_at_the_end(self) -> str | None:
        """The limit that was passed between two looks, if any."""
        if self.tree.peak_bytes > self.limits["memory_bytes"]:
            return "memory_bytes"
        if self.tree.reaped_cpu > self.limits["cpu_seconds"]:
            return "cpu_seconds"
        if self.output.received > self.output.limit:
            return "output_bytes"
        if self.answer.received > self.answer.limit:
            return "answer_bytes"
        return self._look_at_scratch()


def _cause(status: int) -> tuple[str, int]:
    """Cause and number of an Ending from the status that wait gave."""
    if not os.WIFSIGNALED(status):
        return "exit", os.WEXITSTATUS(status)
    number = os.WTERMSIG(status)
    limits: dict[int, str] = {signal.SIGXCPU: "cpu_seconds", signal.SIGXFSZ: "scratch_bytes"}
    return limits.get(number, "signal"), number


def descendants(pid: int) -> set[int]:
    """Processes below `pid` as the kernel lists them now, zombies included."""
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        new = _children(parent) - found
        found |= new
        waiting.extend(new)
    return found


def _children(pid: int) -> set[int]:
    children: set[int] = set()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children.update(map(int, (task / "children").read_bytes().split()))
    return children


def stack_start(pid: int) -> int:
    """Address where the stack of a process starts: field 28 of /proc/<pid>/stat."""
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[25])


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * PAGE


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _too_large(folder: Path, limit: int) -> bool:
    """Whether the files below `folder` take more than `limit` bytes of disk, or are too many to count."""
    total = files = 0
    waiting = [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                files += 1
                with contextlib.suppress(OSError):
                    total += max(ENTRY_BYTES, entry.stat(follow_symlinks=False).st_blocks * 512)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                if total > limit or files > SCRATCH_FILES:
                    return True
    return False
