"""What all tests share: where the real data lies, and a cache of their own."""

import contextlib
import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest

INTERRUPTIBLE = ("env", "--default-signal=INT")
"""Before a command that a test interrupts: in the background SIGINT is ignored, and that is inherited."""
MAY_BE_SKIPPED = "gpu"
"""The one marker whose tests may be skipped in continuous integration: they have a command of their own."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In continuous integration a skipped test is a failure: what it needs must be present there."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and item.get_closest_marker(MAY_BE_SKIPPED) is None:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which is a failure here: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory) -> Iterator[None]:
    """Prepared datasets and samples of the tests go to a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MANIFOLDBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def interruptible() -> tuple[str, ...]:
    """The words before a command that a test interrupts."""
    return INTERRUPTIBLE


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real datasets; skips with a reason where there is none."""
    folder = os.environ.get("MANIFOLDBENCH_DATA")
    if not folder:
        pytest.skip("MANIFOLDBENCH_DATA is not set: it names the folder of the real datasets")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.fail(f"MANIFOLDBENCH_DATA={folder} is no folder")
    return path


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """A client of the Docker engine; skips with a reason where none can be reached."""
    client, reason = None, ""
    try:
        client = docker.from_env()
    except docker.errors.DockerException as error:
        reason = str(error)
    if client is None:
        with warnings.catch_warnings():
            # a socket that could not connect is left open, which would be told at the very end, and as an error
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        pytest.skip(f"no Docker engine can be reached: {reason}")
    with contextlib.closing(client):
        yield client
