"""The code that runs inside a sandbox: imports trusted libraries once, then forks a fresh process for each sample.

Started as `python -s -P <path of this file>` with a clean environment. It speaks JSON lines on its standard input and
output, which it moves out of the way of the submission first:

    in   {"folder", "entry", "parameters", "track", "fits_itself", "pretrained", "limits", "scratch"}
                                                                   the start message; again, for another program
    out  {"ready": true}
    in   {"sample": path}                                          once for each sample
    out  {"cause", "number", "wall_seconds", "cpu_seconds", "peak_bytes", "answer", "output"}
         or {"fault": text} for a fault that is ours

The end of the input ends the worker and everything below it. Needs the standard library and numpy.
"""

import ast
import contextlib
import gc
import importlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

TRUSTED = ("numpy", "scipy", "sklearn", "skdim", "torch", "torchvision", "numba")
"""Libraries that are imported before the fork, if the submission's file imports them."""
COMPILED = ("DANCo", "ESS", "FisherS")
"""Estimators of scikit-dimension that numba compiles at their first fit."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
REPOSITORY = str(Path(__file__).resolve().parents[2])


def main() -> None:
    """Serve samples until the input ends."""
    requests, replies = _take_channels()
    start = json.loads(requests.readline())
    # The package is found by this file's place, and is out of reach again before a submission runs.
    sys.path.insert(0, REPOSITORY)
    from benchmark.sandbox import confine, supervise

    confine.prctl(confine.PR_SET_CHILD_SUBREAPER, 1)
    server = _Server(requests.fileno())
    server.take(start)
    confine.prctl(confine.PR_SET_DUMPABLE, 0)  # a submission of the same user cannot read this process's memory
    _reply(replies, {"ready": True})
    try:
        for line in requests:
            message = json.loads(line)
            if "sample" in message:
                _reply(replies, server.serve(Path(message["sample"])))
            else:
                server.take(message)
                _reply(replies, {"ready": True})
    except (supervise.HarnessGoneError, BrokenPipeError):
        pass
    finally:
        shutil.rmtree(start["scratch"], ignore_errors=True)


class _Server:
    """Answers requests: a fork, a watch, a reply."""

    def __init__(self, harness_fd: int) -> None:
        from benchmark.sandbox import child, estimating, supervise

        self._child, self._supervise = child, supervise
        self._start: dict[str, Any] = {}
        self._kind: ModuleType = estimating
        self._harness_fd = harness_fd
        self._baseline = 0
        self._stack = supervise.stack_start(os.getpid())

    def take(self, start: dict[str, Any]) -> None:
        """Serve the program of a start message from here on: import what it needs, and measure a fork's memory."""
        self._start = start
        sys.path.insert(0, REPOSITORY)
        self._kind = self._child.kind_of(start["track"])
        _forget_repository()
        preload(Path(start["folder"]) / start["entry"].partition(":")[0])
        gc.collect()
        gc.freeze()  # the collector would touch, and so copy, the pages that forks share
        self._measure_baseline()

    def _measure_baseline(self) -> None:
        """Measure the resident memory of a fork that does nothing."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writer, str(self._supervise.resident_bytes()).encode())
            os._exit(0)
        os.close(writer)
        self._baseline = int(os.read(reader, 64))
        os.close(reader)
        os.waitpid(pid, 0)

    def serve(self, sample: Path) -> dict[str, Any]:
        """Run the submission on one sample; the reply for the harness."""
        try:
            root = Path(self._start["scratch"])
            root.mkdir(mode=0o700, exist_ok=True)  # a submission may have removed it
            scratch = Path(tempfile.mkdtemp(dir=root))
        except OSError as error:
            return {"fault": f"no working folder could be made: {error}"}
        try:
            return self._run(sample, scratch)
        finally:
            remove(scratch)

    def _run(self, sample: Path, scratch: Path) -> dict[str, Any]:
        shared = _shared_files()
        answer_reader, answer_writer = os.pipe()
        output_reader, output_writer = os.pipe()
        try:
            started = time.perf_counter()
            pid = os.fork()
            if pid == 0:
                self._child.run(sample, self._start, self._kind, scratch, answer_writer, output_writer)
            os.close(answer_writer)
            os.close(output_writer)
            limits, module = self._start["limits"], self._supervise
            watch = module.Watch(
                tree=module.Tree(pid, self._baseline, self._stack),
                limits=limits,
                answer=module.Pipe(answer_reader, limits["answer_bytes"] + len(self._child.LOADED), keep_all=True),
                output=module.Pipe(output_reader, limits["output_bytes"], keep_all=False),
                scratch=scratch,
                harness_fd=self._harness_fd,
                started=started,
            )
            ending = watch.until_end()
        finally:
            os.close(answer_reader)
            os.close(output_reader)
            _remove_unused(_shared_files() - shared)
        loaded = ending.answer.startswith(self._child.LOADED)
        if not loaded and ending.cause in ("exit", "signal"):
            text = ending.answer.decode(errors="replace") or f"{ending.cause} {ending.number}"
            return {"fault": f"the sample could not be loaded: {text}"}
        return {
            "cause": ending.cause,
            "number": ending.number,
            "wall_seconds": ending.wall_seconds,
            "cpu_seconds": ending.cpu_seconds,
            "peak_bytes": ending.peak_bytes,
            "answer": ending.answer.removeprefix(self._child.LOADED).decode("latin-1"),
            "output": ending.output.decode(errors="replace"),
        }


def preload(entry: Path) -> None:
    """Import the trusted libraries that the submission's file mentions; the file itself is only parsed, never run."""
    try:
        tree = ast.parse(entry.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # the child reports it, as the submission's own
    for module, name in _imports(tree):
        if module.split(".")[0] not in TRUSTED:
            continue
        with contextlib.suppress(Exception):  # the child meets the same error, and reports it
            found = importlib.import_module(module)
            if name and not hasattr(found, name):
                importlib.import_module(f"{module}.{name}")
    if "skdim" in sys.modules:
        _compile(tree)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from ((node.module, alias.name) for alias in node.names)


def _compile(tree: ast.Module) -> None:
    """Let numba compile what the estimators named in the file need, once here instead of once in every fork."""
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    points = np.random.default_rng(0).normal(size=(40, 3))
    estimators = importlib.import_module("skdim.id")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in COMPILED:
            if name in named:
                getattr(estimators, name)().fit(points)


def remove(folder: Path) -> None:
    """Remove a working folder, whatever a submission made of it."""

    def unlock(function: Any, path: str, _: Any) -> None:
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(path), 0o700)  # noqa: PTH101, PTH120 - a path of shutil's
            os.chmod(path, 0o700)  # noqa: PTH101
            function(path)

    try:
        shutil.rmtree(folder, onerror=unlock)
    except RecursionError:  # folders nested deeper than Python's stack
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)


def _shared_files() -> set[Path]:
    """Files of this user in shared memory."""
    found = set()
    for path in SHARED_MEMORY.iterdir() if SHARED_MEMORY.is_dir() else ():
        with contextlib.suppress(OSError):
            if path.lstat().st_uid == os.geteuid():
                found.add(path)
    return found


def _remove_unused(files: set[Path]) -> None:
    """Remove what a sample left in shared memory: of the new files those that no process has open or mapped."""
    if not files:
        return
    used = ""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            used += (process / "maps").read_text(errors="replace")
            used += "\n".join(os.readlink(link) for link in (process / "fd").iterdir())  # noqa: PTH115
    for path in files:
        if str(path) not in used:
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _take_channels() -> tuple[io.BufferedReader, io.FileIO]:
    """Standard input and output as private files; descriptors 0 and 1 are /dev/null from here on."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = io.FileIO(os.dup(1), "wb")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return requests, replies


def _reply(replies: io.FileIO, message: dict[str, Any]) -> None:
    view = memoryview(json.dumps(message).encode() + b"\n")
    while view:
        view = view[replies.write(view) or 0 :]


def _forget_repository() -> None:
    """Leave only the standard library and installed packages on the search path, also if the package is editable."""
    kept = [sys.prefix, sys.base_prefix, "/usr"]
    installed = ("site-packages", "dist-packages")
    sys.path[:] = [
        path for path in sys.path if Path(path).name in installed or any(path.startswith(f"{k}/lib") for k in kept)
    ]
    sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in str(finder)]


if __name__ == "__main__":
    main()
