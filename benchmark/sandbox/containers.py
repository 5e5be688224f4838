"""Containers as a whole: the way to the engine, whose a container is, and how it goes.

Every container of ours carries labels that name its harness, its engine and the folder that it sees, so that another
harness can clear away what a killed one left.
"""

import contextlib
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

import docker
import docker.errors
import docker.models.containers
import requests.exceptions

from benchmark.errors import InfrastructureError, UserError
from benchmark.sandbox.answers import one_line

LABEL = "org.manifoldbench.sandbox"
"""Of every container that this engine makes; its value names the harness."""
ENGINE_LABEL = "org.manifoldbench.engine"
"""Which engine of that harness."""
STAGE_LABEL = "org.manifoldbench.stage"
"""The folder on the host that a container's mounts lie in."""
STAGE_PREFIX = "manifoldbench-stage-"
STOP_SECONDS = 10.0
"""How long to wait for a container to end."""
DOCKER_ERRORS = (docker.errors.DockerException, requests.exceptions.RequestException)


def harness_identity() -> str:
    """This process, as no other process of any boot of any machine is called."""
    return _identity(os.getpid()) or "unknown"


def reap(client: "docker.DockerClient") -> int:
    """Remove the containers and stage folders of harnesses of this machine that are gone; how many there were."""
    removed = 0
    with contextlib.suppress(*DOCKER_ERRORS):
        for container in client.containers.list(all=True, ignore_removed=True, filters={"label": LABEL}):
            machine, _, rest = container.labels[LABEL].partition("/")
            boot, _, process = rest.partition("/")
            alive = boot == _boot() and _identity(int(process.partition("-")[0] or 0)) == container.labels[LABEL]
            if machine != socket.gethostname() or alive:
                continue
            clear(container)
            removed += 1
    return removed


def clear(container: docker.models.containers.Container) -> None:
    """Remove a container that nobody holds, with the folder that it saw."""
    remove(container)
    stage = Path(container.labels.get(STAGE_LABEL, ""))
    if stage.name.startswith(STAGE_PREFIX) and stage.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(stage, ignore_errors=True)


def _identity(pid: int) -> str | None:
    """Machine, boot, process id and start time of a process; None if there is no such process."""
    try:
        started = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
    except OSError:
        return None
    return f"{socket.gethostname()}/{_boot()}/{pid}-{started}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def connect() -> "docker.DockerClient":
    """A client of the engine that the environment names; raises UserError if it cannot be reached."""
    try:
        client = docker.from_env()
        client.ping()
    except DOCKER_ERRORS as error:
        raise UserError(
            f"The Docker engine cannot be reached: {sentence(error)}. Start it, or set DOCKER_HOST to its socket; "
            "a user needs the right to use it (on most systems: membership of the group docker)."
        ) from None
    return client


def sentence(error: Exception) -> str:
    """What the engine or the way to it says, in one line."""
    text = getattr(error, "explanation", None) or str(error)
    for cause in ("Permission denied", "No such file or directory", "Connection refused", "no space left on device"):
        if cause in text:
            return cause[0].lower() + cause[1:]
    return one_line(text, 300).rstrip(".")


def remove(container: docker.models.containers.Container) -> None:
    """Remove a container and its volumes; again, if the engine objects since it is ending by itself."""
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        try:
            container.remove(force=True, v=True)
        except docker.errors.NotFound:
            return
        except DOCKER_ERRORS as error:
            if time.monotonic() > deadline:
                raise InfrastructureError(
                    f"the Docker engine does not remove a container: {sentence(error)}"
                ) from error
            time.sleep(0.1)
        else:
            return
