"""What a forked process does with one sample: load it, shut itself in, run the submission, send one answer.

Runs inside the worker: standard library and numpy alone. Nothing here is trusted by the harness once the submission's
code has run in the same process; `answers.py` validates every byte. The order of the steps is what matters: the sample
is loaded, and `LOADED` is sent, before a line of the submission runs, so a fault of ours can be told from one of its.
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import random
import signal
import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NoReturn

import numpy as np

from benchmark.sandbox import confine, estimating

LOADED = b"loaded\n"
"""Sent before the answer: the sample is in memory, and what follows is the submission's doing."""
ANSWER_FD = 3
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
KEPT_VARIABLES = ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONHASHSEED", "PYTHONNOUSERSITE", "PYTHONSAFEPATH")
MODULE = "submission"


def kind_of(track: str) -> ModuleType:
    """The module that knows what is asked of a submission of this track: `load` and `answer`."""
    if track == "models":
        from benchmark.sandbox import modelling  # imports torch

        return modelling
    return estimating


def run(
    sample: Path, start: dict[str, Any], kind: ModuleType, scratch: Path, answer_fd: int, output_fd: int
) -> NoReturn:
    """Run the program of the start message on one sample in this process, just forked, and end the process.

    start: the worker's start message: folder, entry, parameters, track, limits.
    kind: as `kind_of` gives it; it is out of reach by now.
    scratch: the working folder, fresh and empty.
    answer_fd, output_fd: write ends of the pipes for the answer and for what is printed.
    """
    code = 1
    try:
        _detach(scratch, answer_fd, output_fd, start["limits"]["threads"])
        loaded = _prepare(sample, start, kind, scratch)
        if loaded is not None:
            os.write(ANSWER_FD, LOADED)
            _send(json.dumps(_answer(start, kind, loaded)).encode())
            code = 0
    except SystemExit as exit_:
        code = _exit_code(exit_)
    finally:  # also when the submission broke what reports its errors: this process never returns to the worker's loop
        os._exit(code)


def _prepare(sample: Path, start: dict[str, Any], kind: ModuleType, scratch: Path) -> Any:
    """Load the sample and shut this process in; None, and a message instead of LOADED, for a fault of ours."""
    limits = start["limits"]
    try:
        loaded = kind.load(sample)
        confine.limit_resources(limits["cpu_seconds"], limits["scratch_bytes"], limits["processes"])
        confine.drop_privileges()
        confine.shut_file_system([*confine.readable_folders(), start["folder"]], str(scratch))
    except (OSError, ValueError, KeyError) as error:
        os.write(ANSWER_FD, f"{type(error).__name__}: {error}".encode()[:2000])
        return None
    return loaded


def _detach(scratch: Path, answer_fd: int, output_fd: int, threads: int) -> None:
    os.setsid()
    confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)
    confine.prctl(confine.PR_SET_DUMPABLE, 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Python ignores it, and a file that is too large would look like a full disk to the submission.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    # The lowest number that dup may give is above all that are set below, so none is closed by another's dup2.
    answer_fd, output_fd = _above(answer_fd), _above(output_fd)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    os.dup2(answer_fd, ANSWER_FD, inheritable=False)
    os.closerange(ANSWER_FD + 1, 65536)
    with contextlib.suppress(OSError):  # when memory runs out, the kernel should take this process first
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.umask(0o077)
    os.chdir(scratch)
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    os.environ.clear()
    os.environ.update(kept | {name: str(threads) for name in THREAD_VARIABLES})
    os.environ["HOME"] = os.environ["TMPDIR"] = str(scratch)


def _above(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10)


def _answer(start: dict[str, Any], kind: ModuleType, loaded: Any) -> Any:
    """Run the submission; an exception becomes an answer that says where and what."""
    folder = Path(start["folder"])
    file, _, name = start["entry"].partition(":")
    stages = [f"importing {file}"]
    try:
        module = _import(folder, file, loaded.seed, start["limits"]["threads"])
        return kind.answer(getattr(module, name), loaded, start, stages.append)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the boundary to foreign code
        return {"error": _error(stages[-1], error, folder / file)}


def _import(folder: Path, file: str, seed: int, threads: int) -> ModuleType:
    _hide_harness()
    seed_generators(seed, threads)
    torch_was_there = "torch" in sys.modules
    sys.path.insert(0, str(folder))
    # A compiled file in the folder's __pycache__ could stand in for the code that was hashed: it is never looked for.
    sys.pycache_prefix = os.environ["HOME"]
    spec = importlib.util.spec_from_file_location(MODULE, folder / file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    if not torch_was_there:
        _seed_torch(seed, threads)
    return module


def _hide_harness() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmark"]:
        del sys.modules[name]
    sys.modules["benchmark"] = None  # type: ignore[assignment]  # importing it is an ImportError from here on
    sys.modules.pop("__main__", None)
    sys.modules["__main__"] = ModuleType("__main__")


def seed_generators(seed: int, threads: int) -> None:
    """Seed Python's, numpy's and torch's generators, and let torch use so many threads."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - submissions use the global generator
    _seed_torch(seed, threads)


def _seed_torch(seed: int, threads: int) -> None:
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)
        torch.set_num_threads(threads)


def _error(stage: str, error: BaseException, entry: Path) -> dict[str, Any]:
    line = _line(error.__traceback__, str(entry))
    try:
        message = str(error)[:2000]
    except Exception:  # noqa: BLE001 - foreign code
        message = ""
    if isinstance(error, SyntaxError) and error.filename == str(entry):
        message, line = error.msg, error.lineno
    memory = isinstance(error, MemoryError)
    return {"stage": stage, "type": type(error).__name__, "message": message, "line": line, "memory": memory}


def _line(trace: TracebackType | None, file: str) -> int | None:
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _send(answer: bytes) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    view = memoryview(answer)
    while view:
        view = view[os.write(ANSWER_FD, view) :]


def _exit_code(exit_: SystemExit) -> int:
    if exit_.code is None:
        return 0
    return exit_.code & 0xFF if isinstance(exit_.code, int) else 1
