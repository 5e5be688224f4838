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
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import docker
import docker.errors

from benchmark.errors import UserError
from benchmark.sandbox.asking import AskedWorker, start_program
from benchmark.sandbox.containers import DOCKER_ERRORS, ENGINE_LABEL, clear, connect, reap, sentence
from benchmark.sandbox.docker_container import PROGRAM, SCRATCH, Container, Owner
from benchmark.sandbox.docker_images import BuildError, DerivedImages
from benchmark.sandbox.engine import Limits, Outcome, Program

BUILD_SECONDS = 900.0


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
        client: docker.DockerClient | None = None,
        build_seconds: float = BUILD_SECONDS,
    ) -> None:
        self._client = client or connect()
        self._owner = Owner()
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
        self._images = DerivedImages(self._client, image, self.image_digest, build_seconds)
        reap(self._client)

    @contextmanager
    def open(self, program: Program, limits: Limits) -> Iterator["DockerWorker | _Unbuilt"]:
        """Start a container for a program; leaving the context removes it and everything that it started.

        Raises InfrastructureError if the container cannot be started.
        """
        try:
            image = self._images.image_with(program.requirements)
        except BuildError as error:
            yield _Unbuilt(str(error))
            return
        gpu = self._free_gpus.get() if self._free_gpus is not None else None
        worker = DockerWorker(
            partial(Container, self._client, image, gpu, program, limits, self._owner), program, limits
        )
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


class DockerWorker(AskedWorker):
    """A worker in a container, started again when a submission managed to end it. Used by one thread at a time."""

    _running: Container | None

    def __init__(self, new_container: Callable[[], Container], program: Program, limits: Limits) -> None:
        super().__init__(program, limits)
        self._new_container = new_container

    def start(self) -> None:
        """Start the container, and wait until the program's libraries are imported."""
        self._running = self._new_container()
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
