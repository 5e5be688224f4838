"""The Docker engine: each submission in a container of its own, for code that nobody vouches for.

A container has no network, a read-only root, small tmpfs folders to write in, no capabilities, no way to new
privileges, the engine's default seccomp filter, a user that is not root, and limits on memory (no swap), processors,
processes and open files. It sees the submission's code and the sample at hand, read-only; never the engine's socket,
results, truths, the repository's history or the harness's environment. Inside runs the same worker as in the process
engine, so a sample's own limits, its answer and its score are the same; what the container adds holds also where that
worker fails.

Containers carry a label that names their harness. Those of a harness that is gone are removed at the next start.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import select
import shutil
import struct
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import docker
import docker.errors
import docker.models.containers
import docker.types
import requests.exceptions
from packaging.requirements import InvalidRequirement, Requirement

from benchmark.errors import InfrastructureError, UserError, reason_of
from benchmark.sandbox.answers import one_line
from benchmark.sandbox.asking import AskedWorker, WorkerEndedError, line_of, reply_bytes, start_program
from benchmark.sandbox.containers import (
    DOCKER_ERRORS,
    ENGINE_LABEL,
    LABEL,
    STAGE_LABEL,
    STAGE_PREFIX,
    STOP_SECONDS,
    clear,
    connect,
    harness_identity,
    reap,
    remove,
    sentence,
)
from benchmark.sandbox.engine import Limits, Outcome, Program
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
BUILD_SECONDS = 900.0
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class DockerEngine:
    """Runs each program in a container, and each sample in a fork of the worker inside it.

    image: name of a local image, built from the repository's Dockerfile. gpus: ids of the GPUs that containers may
    lease, one each and one at a time; none by default. build_seconds: for the image of a submission with
    `requirements`.
    Raises UserError if the engine cannot be reached or has no such image.
    """

    name = "docker"

    def __init__(
        self,
        image: str,
        gpus: Sequence[str] = (),
        client: "docker.DockerClient | None" = None,
        build_seconds: float = BUILD_SECONDS,
    ) -> None:
        self._client = client or connect()
        # An installation is silent for longer than an answer of the engine may otherwise take.
        self._builder = client.api if client else docker.from_env(timeout=int(build_seconds)).api
        self._image = image
        self._build_seconds = build_seconds
        self._building = threading.Lock()
        self._owner = _Owner()
        self._free_gpus: SimpleQueue[str] | None = SimpleQueue() if gpus else None
        for gpu in gpus:
            if self._free_gpus is not None:
                self._free_gpus.put(gpu)
        try:
            self.image_digest: str | None = self._client.images.get(image).id
            self.version: str | None = self._client.version()["Version"]
        except docker.errors.ImageNotFound:
            raise UserError(f"The Docker engine has no image {image}: build it with `make image`.") from None
        except DOCKER_ERRORS as error:
            raise UserError(f"The Docker engine does not answer: {sentence(error)}.") from None
        reap(self._client)

    @contextmanager
    def open(self, program: Program, limits: Limits) -> Iterator["DockerWorker | _Unbuilt"]:
        """Start a container for a program; leaving the context removes it and everything that it started.

        Raises InfrastructureError if the container cannot be started.
        """
        try:
            image = self._with_requirements(program.requirements)
        except _BuildError as error:
            yield _Unbuilt(str(error))
            return
        gpu = self._free_gpus.get() if self._free_gpus is not None else None
        worker = DockerWorker(self._client, image, gpu, program, limits, self._owner)
        try:
            worker.start()
            yield worker
        finally:
            worker.close()
            if self._free_gpus is not None and gpu is not None:
                self._free_gpus.put(gpu)

    def __enter__(self) -> "DockerEngine":
        return self

    def __exit__(self, *_: object) -> None:
        with self._owner.lock:
            self._owner.closed = True
        # An interrupted run leaves its slots where they are, and so their containers.
        label = f"{ENGINE_LABEL}={self._owner.key}"
        with contextlib.suppress(*DOCKER_ERRORS):
            for container in self._client.containers.list(all=True, ignore_removed=True, filters={"label": label}):
                clear(container)
        self._client.close()
        self._builder.close()

    def _with_requirements(self, requirements: Sequence[str]) -> str:
        """Name of the image with these packages added: built once, and found by its content afterwards.

        Raises _BuildError with a sentence for the submitter.
        """
        if not requirements:
            return self._image
        for line in requirements:
            _check_requirement(line)
        wanted = json.dumps([self.image_digest, sorted(requirements)])
        tag = f"manifoldbench-derived:{hashlib.sha256(wanted.encode()).hexdigest()[:24]}"
        with self._building:
            try:
                self._client.images.get(tag)
            except docker.errors.ImageNotFound:
                self._build(tag, requirements)
            except DOCKER_ERRORS as error:
                raise InfrastructureError(f"the Docker engine does not answer: {sentence(error)}") from error
        return tag

    def _build(self, tag: str, requirements: Sequence[str]) -> None:
        # Wheels only: a source package's code would run here, with a network. The trusted packages stay as they are.
        steps = (
            f"FROM {self._image}\nUSER 0:0\nCOPY requirements.txt /opt/submission.txt\n"
            "RUN pip freeze --exclude-editable > /opt/trusted.txt && pip install --quiet --no-cache-dir"
            " --only-binary :all: --constraint /opt/trusted.txt --requirement /opt/submission.txt\n"
            f"USER {USER}\n"
        )
        files = {"Dockerfile": steps, "requirements.txt": "\n".join(requirements) + "\n"}
        deadline = time.monotonic() + self._build_seconds
        said: list[str] = []
        try:
            events = self._builder.build(
                fileobj=_tar(files), custom_context=True, tag=tag, rm=True, forcerm=True, decode=True
            )
            with contextlib.closing(events):
                for event in events:
                    said.append(COLOURS.sub("", str(event.get("stream", ""))).strip())
                    if "error" in event:
                        lines = [line for part in said for line in part.splitlines() if "ERROR" in line]
                        why = one_line(lines[-1] if lines else event["error"], 300)
                        raise _BuildError(f"its requirements cannot be installed: {why}")
                    if time.monotonic() > deadline:
                        raise _BuildError(_too_long(self._build_seconds))
        except requests.exceptions.ReadTimeout:
            raise _BuildError(_too_long(self._build_seconds)) from None
        except DOCKER_ERRORS as error:
            raise InfrastructureError(f"the Docker engine does not build: {sentence(error)}") from error


class _Owner:
    """What the containers of one engine have in common: its key, and whether it still makes any."""

    def __init__(self) -> None:
        self.key = os.urandom(8).hex()
        self.lock = threading.Lock()
        self.closed = False


class DockerWorker(AskedWorker):
    """A worker in a container, started again when a submission managed to end it. Used by one thread at a time."""

    _running: "_Container | None"

    def __init__(
        self,
        client: "docker.DockerClient",
        image: str,
        gpu: str | None,
        program: Program,
        limits: Limits,
        owner: "_Owner",
    ) -> None:
        super().__init__(program, limits)
        self._owner = owner
        self._client = client
        self._image = image
        self._gpu = gpu

    def start(self) -> None:
        """Start the container, and wait until the program's libraries are imported."""
        self._running = _Container(self._client, self._image, self._gpu, self._program, self._limits, self._owner)
        try:
            start_program(self._running, self._program, PROGRAM, self._limits, SCRATCH)
        except BaseException:
            self.close()
            raise

    @property
    def container_id(self) -> str | None:
        """Of the running container; None while there is none."""
        return self._running.id if self._running else None

    def ask(self, sample: Path) -> Outcome:
        """Run the program on one sample folder; see `Worker.ask`."""
        if self._running is None:
            self.start()
        if self._running is None:
            raise RuntimeError("start makes the container")
        with self._running.showing(sample) as seen:
            return self._ask(sample, seen)


class _Unbuilt:
    """Stands for a worker whose image cannot be built: each sample ends with the reason."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def ask(self, sample: Path) -> Outcome:  # noqa: ARG002 - there is nothing to ask it with
        return Outcome("failed", self._reason)


class _BuildError(Exception):
    """Requirements that cannot be installed: the submission's own fault."""


def _check_requirement(line: str) -> None:
    """Let names with versions through: pip's options or an address would undo the rule that only wheels are taken."""
    try:
        plain = Requirement(line).url is None
    except InvalidRequirement:
        plain = False
    if not plain:
        raise _BuildError(
            f"its requirement {one_line(line, 80)!r} is no package name with versions, such as umap-learn==0.5"
        )


class _Container:
    """One container with a running worker, the stream to it, and the folder on the host that it sees."""

    def __init__(
        self,
        client: "docker.DockerClient",
        image: str,
        gpu: str | None,
        program: Program,
        limits: Limits,
        owner: "_Owner",
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


def leasable_gpus(wanted: str) -> list[str]:
    """Ids of the GPUs that `all`, `none` or a list such as `0,1` means; raises UserError for one that is not there."""
    if wanted == "none":
        return []
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        there = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    except (OSError, subprocess.SubprocessError):
        there = []
    if not there:
        raise UserError("A GPU was asked for, and nvidia-smi finds none on this machine: leave out --gpus.")
    ids = there if wanted == "all" else [name.strip() for name in wanted.split(",")]
    missing = [name for name in ids if name not in there]
    if missing:
        raise UserError(f"There is no GPU {missing[0]!r} on this machine: there are {', '.join(there)}.")
    return ids


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


def _tar(files: Mapping[str, str]) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    stream.seek(0)
    return stream


def _too_long(seconds: float) -> str:
    return f"its requirements were not installed within {seconds:g} s"
