"""The process engine: a worker in a process of its own, on this machine and as this user.

It is for development and for submissions that are trusted to mean well: limits hold, faults stay the submission's own,
and everything that a sample starts is ended. Where the kernel has Landlock a submission can neither read the harness's
files nor write outside its working folder; where it has none, a submission can do what this user can do.
"""

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from benchmark.errors import InfrastructureError
from benchmark.sandbox import asking
from benchmark.sandbox.answers import one_line
from benchmark.sandbox.asking import AskedWorker, WorkerEndedError, line_of, reply_bytes, start_program
from benchmark.sandbox.engine import Limits, Outcome, Program

WORKER = Path(__file__).with_name("worker.py")
MARK = "MANIFOLDBENCH_WORKER"
"""Environment variable by which the processes of a worker are found when the worker itself is gone."""
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


class ProcessEngine:
    """Runs each program in a worker process, and each sample in a fork of it.

    As a context manager it keeps the workers it has started and hands them to the next program with the same limits, so
    that libraries are imported once. Nothing of a submission runs in a worker itself, so nothing of it is handed on.
    """

    name = "process"
    version: str | None = None

    @property
    def image_digest(self) -> str | None:
        """Of the image that all of this runs in, which whoever started it tells; None outside one."""
        return os.environ.get("MANIFOLDBENCH_IMAGE_DIGEST")

    def __init__(self) -> None:
        self._idle: list[_Process] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> "ProcessEngine":
        self._idle = []
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            idle, self._idle = self._idle or [], None
        for process in idle:
            process.close()

    @contextmanager
    def open(self, program: Program, limits: Limits) -> Iterator["ProcessWorker"]:
        """Start a worker for a program; leaving the context ends it and everything that it started.

        Raises InfrastructureError if Python cannot be started, or the worker cannot import what it needs.
        """
        worker = ProcessWorker(program, limits)
        try:
            worker.start(self._kept(limits))
            yield worker
        finally:
            self._keep(worker.release())

    def _kept(self, limits: Limits) -> "_Process | None":
        """A worker process that waits for work with these limits, if there is one; a dead one is cleared away."""
        while True:
            with self._lock:
                found = next((process for process in self._idle or () if process.limits == limits), None)
                if found is None or self._idle is None:
                    return None
                self._idle.remove(found)
            if found.alive:
                return found
            found.close()

    def _keep(self, process: "_Process | None") -> None:
        with self._lock:
            if process is not None and self._idle is not None:
                self._idle.append(process)
                return
        if process is not None:
            process.close()


class ProcessWorker(AskedWorker):
    """A worker process, started again when a submission managed to end it. Used by one thread at a time."""

    _running: "_Process | None"

    def start(self, kept: "_Process | None" = None) -> None:
        """Start the worker process, or take one that was kept, and wait until its libraries are imported."""
        self._running = kept or _Process(self._limits)
        self._running.take(self._program)

    def release(self) -> "_Process | None":
        """Give the worker process away; None if there is none."""
        running, self._running = self._running, None
        return running

    @property
    def pid(self) -> int | None:
        """Process id of the worker; None while there is none."""
        return self._running.pid if self._running else None

    def ask(self, sample: Path) -> Outcome:
        """Run the program on one sample folder; see `Worker.ask`. Changed files of the sample are `refused`."""
        before = _files(sample)
        result = self._ask(sample, str(sample.resolve()))
        if _files(sample) != before:
            _restore(sample, before)
            return replace(
                Outcome("refused", "the files of the sample were changed"),
                wall_seconds=result.wall_seconds,
                cpu_seconds=result.cpu_seconds,
                peak_bytes=result.peak_bytes,
            )
        return result


class _Process:
    """One process of `worker.py`, and the pipes to it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._mark = secrets.token_hex(16)
        self._received = bytearray()
        self._reply_bytes = reply_bytes(limits)
        self._scratch = ""
        self._errors: IO[bytes] | None = None
        try:
            self._scratch = tempfile.mkdtemp(prefix="manifoldbench-worker-")
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
            self._popen = subprocess.Popen(
                [sys.executable, "-s", "-P", str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                cwd="/",
                env=_environment(self._scratch, self._mark, limits.threads),
                start_new_session=True,  # Ctrl-C at the terminal is the harness's to handle
                bufsize=0,
            )
        except OSError as error:
            self._remove_files()
            raise InfrastructureError(f"the worker cannot be started: {error}") from error

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def take(self, program: Program) -> None:
        """Serve a program from here on; returns when its libraries are imported."""
        start_program(self, program, str(program.folder.resolve()), self.limits, self._scratch)

    def exchange(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a message and return the reply; raises WorkerEndedError if none comes within `seconds`."""
        line = line_of(message)
        stdin = self._popen.stdin
        try:
            if stdin is not None:
                _write_all(stdin.fileno(), line)
        except BrokenPipeError:
            raise self._gone() from None
        return self._reply(time.monotonic() + seconds)

    def _reply(self, deadline: float) -> dict[str, Any]:
        stdout = self._popen.stdout
        if stdout is None:
            raise RuntimeError("a worker is started with pipes")
        poll = select.poll()
        poll.register(stdout.fileno(), select.POLLIN)
        while b"\n" not in self._received[-65536:]:
            left = deadline - time.monotonic()
            if left <= 0 or len(self._received) > self._reply_bytes:
                self._popen.kill()  # it may be stopped, and would then not see the end of its input
                raise WorkerEndedError(None, "it did not reply in time")
            if poll.poll(left * 1000):
                chunk = os.read(stdout.fileno(), 65536)
                if not chunk:
                    raise self._gone()
                self._received += chunk
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received[:] = rest
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _gone(self) -> WorkerEndedError:
        code = self._popen.wait()
        message = f"exit code {code}"
        if self._errors is not None:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            message = one_line(lines[-1]) if lines else message
        return WorkerEndedError(code, message)

    def close(self) -> None:
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._popen.wait(timeout=asking.GRACE_SECONDS if self._popen.poll() is None else None)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        finally:
            _end_marked(self._mark)
            self._remove_files()

    def _remove_files(self) -> None:
        if self._errors is not None:
            self._errors.close()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)


def _environment(scratch: str, mark: str, threads: int) -> dict[str, str]:
    """The worker's environment: nothing of the harness's own but where programs and libraries lie."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    fixed = {
        "LANG": "C.UTF-8",
        "HOME": scratch,
        "TMPDIR": scratch,
        "PYTHONHASHSEED": "0",  # the order of a set of texts, and so a score, is the same in every run
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        MARK: mark,
    }
    return kept | fixed | {name: str(threads) for name in THREAD_VARIABLES}


def _end_marked(mark: str) -> None:
    """End the processes that a worker left when it was killed: they carry its mark in their first environment."""
    needle = f"{MARK}={mark}".encode()
    deadline = time.monotonic() + asking.GRACE_SECONDS
    while (found := [pid for pid in _processes() if needle in _environ(pid)]) and time.monotonic() < deadline:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
        time.sleep(0.002)


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # ended, or another user's
        return b""


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _files(sample: Path) -> dict[str, tuple[int, int, int, int]]:
    """Name of each file of a sample -> inode, size, time of change, mode."""
    try:
        stats = {entry.name: entry.stat(follow_symlinks=False) for entry in os.scandir(sample)}
    except OSError:
        return {}
    return {name: (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_mode) for name, stat in stats.items()}


def _restore(sample: Path, before: dict[str, tuple[int, int, int, int]]) -> None:
    """Give files of a sample their permissions back: they may be links to files that other samples use."""
    for name, (inode, _, _, mode) in before.items():
        with contextlib.suppress(OSError):
            if (sample / name).stat(follow_symlinks=False).st_ino == inode:
                (sample / name).chmod(mode & 0o7777)
