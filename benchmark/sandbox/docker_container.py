"""A container for one submission: what it may do, what it sees, and the stream to the worker inside it."""

import contextlib
import json
import os
import select
import shutil
import struct
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import docker.models.containers
import docker.types

from benchmark.errors import InfrastructureError, reason_of
from benchmark.sandbox.answers import one_line
from benchmark.sandbox.asking import WorkerEndedError, line_of, reply_bytes
from benchmark.sandbox.containers import (
    DOCKER_ERRORS,
    ENGINE_LABEL,
    LABEL,
    STAGE_LABEL,
    STAGE_PREFIX,
    STOP_SECONDS,
    harness_identity,
    remove,
    sentence,
)
from benchmark.sandbox.engine import Limits, Program
from benchmark.sandbox.process import THREAD_VARIABLES

WORKER = "/opt/manifoldbench/benchmark/sandbox/worker.py"
"""In the image."""
PROGRAM, SAMPLES, SCRATCH = "/program", "/samples", "/tmp/work"  # noqa: S108 - inside the container
USER = "65534:65534"
MEMORY_ALLOWANCE = 1 << 30
"""Beside a sample's own memory: the worker with its libraries, and files in tmpfs, which count as memory."""
TMPFS_ALLOWANCE = 64 << 20
THREADS_PER_PROCESS = 8
"""The kernel counts threads, `Limits.processes` does not."""
OPEN_FILES = 4096
PROCESSES_OF_USER = 4096
"""Of all containers together, whose user is one; stated, since podman else asks for more than a service may grant."""
ERROR_BYTES = 8192


class Owner:
    """What the containers of one engine have in common: its key, and whether it still makes any."""

    def __init__(self) -> None:
        self.key = os.urandom(8).hex()
        self.lock = threading.Lock()
        self.closed = False


class Container:
    """One container with a running worker, the stream to it, and the folder on the host that it sees."""

    def __init__(
        self,
        client: docker.DockerClient,
        image: str,
        gpu: str | None,
        program: Program,
        limits: Limits,
        owner: Owner,
    ) -> None:
        self._client = client
        self._limits = limits
        self._received = bytearray()
        self._frames = bytearray()
        self._errors = b""
        self._container: docker.models.containers.Container | None = None
        self._attached: Any = None
        self._socket: Any = None
        self._stage = Path(tempfile.mkdtemp(prefix=STAGE_PREFIX))
        try:
            self._stage.chmod(0o755)
            (self._stage / "samples").mkdir(mode=0o755)
            # A copy that the container's user can read, whatever the permissions and links of the folder are.
            shutil.copytree(program.folder, self._stage / "program", ignore=shutil.ignore_patterns("__pycache__"))
            _let_read(self._stage / "program")
            with owner.lock:
                if owner.closed:
                    raise InfrastructureError("the run is over")
                self._container = client.containers.create(image, **settings(limits, self._stage, gpu, owner.key))
            self._attached = self._container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            self._socket = getattr(self._attached, "_sock", self._attached)
            self._container.start()
        except InfrastructureError:
            self.close()
            raise
        except DOCKER_ERRORS as error:  # which are OSErrors too
            self.close()
            raise InfrastructureError(f"the container cannot be started: {sentence(error)}") from error
        except OSError as error:
            self.close()
            raise InfrastructureError(f"the container cannot be prepared: {reason_of(error)}") from error

    @property
    def id(self) -> str | None:
        """None before the engine has made it."""
        return self._container.id if self._container else None

    @contextmanager
    def showing(self, sample: Path) -> Iterator[str]:
        """Let the container see a sample folder; gives its path there."""
        name = os.urandom(8).hex()
        folder = self._stage / "samples" / name
        try:
            folder.mkdir()
            for file in sample.iterdir():
                _share(file, folder / file.name)
            _let_read(folder)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise InfrastructureError(f"the sample cannot be handed over: {reason_of(error)}") from error
        try:
            yield f"{SAMPLES}/{name}"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def exchange(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a message and return the reply; raises WorkerEndedError if none comes within `seconds`."""
        if self._socket is None:
            raise RuntimeError("a container is started with a stream")
        deadline = time.monotonic() + seconds
        try:
            self._socket.settimeout(seconds)
            self._socket.sendall(line_of(message))
        except OSError:
            raise self._gone() from None
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while b"\n" not in self._received:
            left = deadline - time.monotonic()
            if left <= 0 or len(self._received) > reply_bytes(self._limits):
                raise WorkerEndedError(None, "it did not reply in time")
            if poll.poll(left * 1000):
                try:
                    chunk = self._socket.recv(1 << 16)
                except OSError:
                    chunk = b""
                if not chunk:
                    raise self._gone()
                self._take_frames(chunk)
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received[:] = rest
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _take_frames(self, chunk: bytes) -> None:
        """Sort a chunk of Docker's stream, of frames [1 byte which, 3 bytes 0, 4 bytes length, content]."""
        self._frames += chunk
        while len(self._frames) >= 8:
            which, length = struct.unpack(">BxxxL", self._frames[:8])
            if len(self._frames) < 8 + length:
                return
            content = bytes(self._frames[8 : 8 + length])
            del self._frames[: 8 + length]
            if which == 1:
                self._received += content
            else:
                self._errors = (self._errors + content)[-ERROR_BYTES:]

    def _gone(self) -> WorkerEndedError:
        """Why the worker is gone, as the engine tells it."""
        if self._container is None:
            raise RuntimeError("a container is started first")
        try:
            self._container.wait(timeout=STOP_SECONDS)
            self._container.reload()
        except DOCKER_ERRORS as error:
            raise InfrastructureError(f"the Docker engine does not answer: {sentence(error)}") from error
        state = self._container.attrs["State"]
        lines = self._errors.decode(errors="replace").strip().splitlines()
        code = int(state["ExitCode"])
        message = one_line(lines[-1]) if lines else one_line(state.get("Error") or f"exit code {code}")
        limit = "memory_bytes" if state.get("OOMKilled") else None
        return WorkerEndedError(128 - code if code > 128 else code, message, limit)

    def close(self) -> None:
        """Remove the container, its volumes, and the folder that it saw."""
        for stream in (self._attached, self._socket):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            if self._container is not None:
                remove(self._container)
        finally:
            shutil.rmtree(self._stage, ignore_errors=True)


def settings(limits: Limits, stage: Path, gpu: str | None, key: str) -> dict[str, Any]:
    """What the container of a submission is created with, as the arguments of the `docker` package.

    stage: the folder on this machine with `program` and `samples`. gpu: id of the one leased GPU, or None. key: of the
    engine that makes it.
    """
    memory = limits.memory_bytes + limits.scratch_bytes + MEMORY_ALLOWANCE
    return {
        "entrypoint": ["python", "-s", "-P", WORKER],
        "command": [],
        "stdin_open": True,
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {
            "/tmp": f"rw,nosuid,nodev,noexec,mode=1777,size={limits.scratch_bytes + TMPFS_ALLOWANCE}",  # noqa: S108
            # In place of the image's volumes, which could be filled.
            "/results": "ro,nosuid,nodev,noexec,size=4096",
            "/site": "ro,nosuid,nodev,noexec,size=4096",
        },
        "shm_size": TMPFS_ALLOWANCE,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "user": USER,
        "mem_limit": memory,
        "memswap_limit": memory,  # memory and swap together: no swap
        "nano_cpus": limits.threads * 10**9,
        "pids_limit": limits.processes * THREADS_PER_PROCESS + 64,
        "ulimits": [
            docker.types.Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES),
            docker.types.Ulimit(name="core", soft=0, hard=0),
            docker.types.Ulimit(name="nproc", soft=PROCESSES_OF_USER, hard=PROCESSES_OF_USER),
        ],
        "log_config": docker.types.LogConfig(type="none"),  # what is printed is bounded by the worker, and kept nowhere
        "environment": _environment(limits.threads, gpu),
        "working_dir": "/",
        "mounts": [
            docker.types.Mount(PROGRAM, str(stage / "program"), type="bind", read_only=True),
            docker.types.Mount(SAMPLES, str(stage / "samples"), type="bind", read_only=True),
        ],
        "labels": {LABEL: harness_identity(), ENGINE_LABEL: key, STAGE_LABEL: str(stage)},
        "device_requests": [docker.types.DeviceRequest(device_ids=[gpu], capabilities=[["gpu"]])] if gpu else [],
    }


def _environment(threads: int, gpu: str | None) -> Mapping[str, str]:
    # Where NVIDIA's is the default runtime, the image's own "all" would hand every GPU to every container.
    fixed = {"NVIDIA_VISIBLE_DEVICES": gpu or "void"}
    fixed |= {"HOME": SCRATCH, "TMPDIR": "/tmp", "PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1"}  # noqa: S108
    return fixed | {name: str(threads) for name in THREAD_VARIABLES}


def _share(source: Path, target: Path) -> None:
    try:
        if source.stat().st_mode & 0o444 != 0o444:
            raise OSError  # a link would share its permissions
        target.hardlink_to(source)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
        target.chmod(0o444)


def _let_read(folder: Path) -> None:
    """Let everyone read a folder of ours and what is in it."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
        elif path.stat().st_mode & 0o444 != 0o444:
            path.chmod(0o444)
