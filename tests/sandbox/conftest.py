"""Samples, programs and limits that the tests of the sandbox share."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import docker.errors
import numpy as np
import psutil
import pytest

from benchmark.cli.sandboxes import IMAGE
from benchmark.paths import REPOSITORY
from benchmark.provenance import now, provenance
from benchmark.sandbox.containers import LABEL, harness_identity
from benchmark.sandbox.docker import DockerEngine
from benchmark.sandbox.engine import Limits, Outcome, Program
from benchmark.sandbox.process import ProcessEngine

SANDBOX = REPOSITORY / "benchmark" / "sandbox"
HASHES = """
import hashlib, json, pathlib
files = pathlib.Path("/opt/manifoldbench/benchmark/sandbox").glob("*.py")
print(json.dumps({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}))
"""


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


@pytest.fixture(scope="session")
def docker_image(docker_client: docker.DockerClient) -> str:
    """Name of the image to run submissions in; skips with a reason without an engine or an image of this checkout."""
    try:
        docker_client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        pytest.skip(f"the Docker engine has no image {IMAGE}: `make image` builds it")
    inside = docker_client.containers.run(IMAGE, ["-c", HASHES], entrypoint="python", remove=True)
    here = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in SANDBOX.glob("*.py")}
    if json.loads(inside) != here:
        pytest.skip(f"the image {IMAGE} holds another version of benchmark/sandbox: `make image` builds it anew")
    return IMAGE


@pytest.fixture(scope="session")
def docker_engine(docker_image: str, docker_client: docker.DockerClient) -> Iterator[DockerEngine]:
    """The Docker engine; when all is over no container of ours may be left."""
    with DockerEngine(docker_image) as engine:
        yield engine
    ours = {"label": f"{LABEL}={harness_identity()}"}
    assert docker_client.containers.list(all=True, ignore_removed=True, filters=ours) == []


@pytest.fixture(params=["process", "docker"])
def real_engine(request) -> ProcessEngine | DockerEngine:
    """Each engine that runs code."""
    return ProcessEngine() if request.param == "process" else request.getfixturevalue("docker_engine")


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


@pytest.fixture
def record() -> Callable[..., None]:
    """Keep how a misbehaving submission ended, for the page that shows it, if MANIFOLDBENCH_RECORD names a folder."""
    return _record


def _record(name: str, engine: ProcessEngine | DockerEngine, outcome: Outcome, contained: bool = True) -> None:
    root = os.environ.get("MANIFOLDBENCH_RECORD")
    if not root:
        return
    from benchmark.cheats import CheatOutcome, write_cheat

    what = (REPOSITORY / "tests" / "cheats" / name / "estimator.py").read_text().split('"""')[1].partition(". ")[0]
    made = provenance(engine, Limits(), now())
    write_cheat(
        Path(root),
        CheatOutcome(
            name=name,
            what=f"{what.rstrip('.')}.",
            engine=engine.name,
            engine_version=engine.version,
            image_digest=engine.image_digest,
            status=outcome.status,
            reason=outcome.reason,
            contained=contained,
            recorded=made.finished,
            version=made.version,
            git_commit=made.git_commit,
        ),
    )
