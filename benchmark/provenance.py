"""What ran a job: versions, commit, hardware. Gathered once a run."""

import functools
import importlib.metadata
import os
import platform
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmark import __version__
from benchmark.results import Provenance
from benchmark.sandbox.engine import Engine, Limits

PACKAGES = ("numpy", "scipy", "scikit-learn", "scikit-dimension", "numba", "torch", "pandas")
"""The packages whose version can change a number."""


def now() -> str:
    """This moment in UTC, ISO 8601, to the second."""
    return datetime.now(tz=UTC).isoformat(timespec="seconds")


def provenance(engine: Engine, limits: Limits, started: str) -> Provenance:
    """The provenance of a job that ends now."""
    return Provenance(
        version=__version__,
        git_commit=_git_commit(),
        image_digest=engine.image_digest,
        engine=engine.name,
        engine_version=engine.version,
        limits={name: float(value) for name, value in asdict(limits).items()},
        packages={name: importlib.metadata.version(name) for name in PACKAGES},
        python=platform.python_version(),
        hardware=_hardware(),
        started=started,
        finished=now(),
    )


@functools.cache
def _git_commit() -> str | None:
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return os.environ.get("MANIFOLDBENCH_REVISION")  # an image is built without the history
    try:
        commit = _git(root, "rev-parse", "HEAD")
        # Results and demo output are what a run writes: they do not make the code another.
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}-dirty" if changed else commit


def _git(root: Path, *arguments: str) -> str:
    # safe.directory: in a container the checkout often belongs to another user.
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@functools.cache
def _hardware() -> dict[str, str | int]:
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
