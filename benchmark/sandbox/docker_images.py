"""Images with the packages that a submission requires."""

import contextlib
import hashlib
import io
import json
import re
import tarfile
import threading
import time
from collections.abc import Mapping, Sequence

import docker
import docker.errors
import requests.exceptions
from packaging.requirements import InvalidRequirement, Requirement

from benchmark.errors import InfrastructureError
from benchmark.sandbox.answers import one_line
from benchmark.sandbox.containers import DOCKER_ERRORS, sentence
from benchmark.sandbox.docker_container import USER

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class BuildError(Exception):
    """Requirements that cannot be installed: the submission's own fault. Its text is a sentence for the submitter."""


class DerivedImages:
    """Makes images from the one named `image`, whose content is `digest`, in `seconds` each at most."""

    def __init__(self, client: docker.DockerClient, image: str, digest: str | None, seconds: float) -> None:
        self._client, self._image, self._digest, self._seconds = client, image, digest, seconds
        self._lock = threading.Lock()

    def image_with(self, packages: Sequence[str]) -> str:
        """Name of the image with these packages added: built once, and found by its content afterwards.

        Raises BuildError, and InfrastructureError if the engine does not answer.
        """
        if not packages:
            return self._image
        for line in packages:
            _check_requirement(line)
        wanted = json.dumps([self._digest, sorted(packages)])
        tag = f"manifoldbench-derived:{hashlib.sha256(wanted.encode()).hexdigest()[:24]}"
        with self._lock:
            try:
                self._client.images.get(tag)
            except docker.errors.ImageNotFound:
                self._build(tag, packages)
            except DOCKER_ERRORS as error:
                raise InfrastructureError(f"the Docker engine does not answer: {sentence(error)}") from error
        return tag

    def _build(self, tag: str, packages: Sequence[str]) -> None:
        # Wheels only: a source package's code would run here, with a network. The trusted packages stay as they are.
        steps = (
            f"FROM {self._image}\nUSER 0:0\nCOPY requirements.txt /opt/submission.txt\n"
            "RUN pip freeze --exclude-editable > /opt/trusted.txt && pip install --quiet --no-cache-dir"
            " --only-binary :all: --constraint /opt/trusted.txt --requirement /opt/submission.txt\n"
            f"USER {USER}\n"
        )
        context = _tar({"Dockerfile": steps, "requirements.txt": "\n".join(packages) + "\n"})
        deadline = time.monotonic() + self._seconds
        said: list[str] = []
        try:
            # An installation is silent for longer than an answer of the engine may otherwise take.
            with contextlib.closing(docker.from_env(timeout=max(1, int(self._seconds)))) as builder:
                events = builder.api.build(
                    fileobj=context, custom_context=True, tag=tag, rm=True, forcerm=True, decode=True
                )
                with contextlib.closing(events):
                    for event in events:
                        said.append(COLOURS.sub("", str(event.get("stream", ""))).strip())
                        if "error" in event:
                            lines = [line for part in said for line in part.splitlines() if "ERROR" in line]
                            why = one_line(lines[-1] if lines else event["error"], 300)
                            raise BuildError(f"its requirements cannot be installed: {why}")
                        if time.monotonic() > deadline:
                            raise BuildError(self._too_long)
        except requests.exceptions.ReadTimeout:
            raise BuildError(self._too_long) from None
        except DOCKER_ERRORS as error:
            raise InfrastructureError(f"the Docker engine does not build: {sentence(error)}") from error

    @property
    def _too_long(self) -> str:
        return f"its requirements were not installed within {self._seconds:g} s"


def _check_requirement(line: str) -> None:
    """Let names with versions through: pip's options or an address would undo the rule that only wheels are taken."""
    try:
        plain = Requirement(line).url is None
    except InvalidRequirement:
        plain = False
    if not plain:
        raise BuildError(
            f"its requirement {one_line(line, 80)!r} is no package name with versions, such as umap-learn==0.5"
        )


def _tar(files: Mapping[str, str]) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    stream.seek(0)
    return stream
