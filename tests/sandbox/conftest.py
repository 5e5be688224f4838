"""Samples, programs and limits that the tests of the sandbox share."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmark.sandbox.engine import Limits, Program


@pytest.fixture
def make_sample(tmp_path: Path) -> Callable[..., Path]:
    """Write a sample folder: `columns` normal columns, 60 rows, and a graph where k is given."""

    def make(columns: int = 3, *, seed: int = 7, neighbors: int | None = None, dtype: str = "float64") -> Path:
        folder = tmp_path / "samples" / os.urandom(4).hex()
        folder.mkdir(parents=True)
        points = 50 * np.random.default_rng(0).normal(size=(60, columns)) + 100
        np.save(folder / "points.npy", points.astype(dtype))
        if neighbors is not None:
            np.save(folder / "distances.npy", np.arange(60 * 10, dtype=np.float64).reshape(60, 10))
            np.save(folder / "indices.npy", np.arange(60 * 10, dtype=np.int64).reshape(60, 10))
        (folder / "task.json").write_text(json.dumps({"seed": seed, "neighbors": neighbors}))
        return folder

    return make


@pytest.fixture
def make_program(tmp_path: Path) -> Callable[..., Program]:
    """Write a submission: a class Estimator whose code is given as text."""

    def make(code: str, **parameters) -> Program:
        folder = tmp_path / "submissions" / os.urandom(4).hex()
        folder.mkdir(parents=True)
        (folder / "estimator.py").write_text(code)
        return Program(folder, "estimator.py:Estimator", parameters)

    return make


@pytest.fixture
def limits() -> Limits:
    """Small limits, wide enough for a busy machine."""
    return Limits(
        wall_seconds=20,
        cpu_seconds=10,
        memory_bytes=200 << 20,
        processes=8,
        output_bytes=1 << 20,
        scratch_bytes=4 << 20,
        answer_bytes=64 << 10,
    )


@pytest.fixture
def scratch_root(tmp_path: Path, monkeypatch) -> Path:
    """The temporary folder below which workers make theirs; no process may be left that has its home there."""
    root = tmp_path / "temporary"
    root.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(root))
    return root


@pytest.fixture
def processes_at_home_in() -> Callable[[Path], list[psutil.Process]]:
    """Finds what a worker left behind."""
    return _processes_at_home_in


def _processes_at_home_in(folder: Path) -> list[psutil.Process]:
    """Live processes whose first environment had its HOME below `folder`: a worker's and its samples'."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOME", "").startswith(str(folder)) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
