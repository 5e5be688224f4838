"""The interface of a sandbox: an engine opens a worker for a submission, the worker answers samples one by one."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Status = Literal["ok", "failed", "invalid", "timeout", "out_of_memory", "crashed", "refused", "infrastructure"]
"""How a job ended. All but `infrastructure` are the submission's own."""

Track = Literal["estimators", "models"]
"""What is submitted: an estimator of the dimension, or a model to be trained."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sample may use. Each is enforced on the whole process tree of the sample."""

    wall_seconds: float = 60.0
    """Wall-clock from the fork to the answer."""
    cpu_seconds: float = 120.0
    """CPU time, user and system, summed over the tree."""
    memory_bytes: int = 4 << 30
    """Resident memory, summed over the tree, above that of a fork with the libraries imported."""
    processes: int = 64
    """Processes alive at one time, threads not counted."""
    output_bytes: int = 10 << 20
    """Standard output and standard error together."""
    scratch_bytes: int = 1 << 30
    """Files in the working folder."""
    answer_bytes: int = 1 << 20
    """The answer as it is sent; 98,000 local dimensions fit into 1 MiB."""
    threads: int = 1
    """Threads of the numerical libraries (OMP_NUM_THREADS and its relatives)."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a worker runs: the code of a submission, with nothing that the submission need not know."""

    folder: Path
    """The submission's folder, read-only."""
    entry: str
    """`file:object`, for instance `estimator.py:TwoNN`."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the constructor."""
    requirements: tuple[str, ...] = ()
    """Packages beyond the trusted ones; only an engine with images of its own can add them."""
    track: Track = "estimators"
    fits_itself: bool = False
    """A model that brings a `fit` of its own in place of the protocol's training; it must be declared."""
    pretrained: bool = False
    """A model that brings weights; they must be declared."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of training a model: scores of each class as the model gave them, for the harness to judge."""

    epochs: tuple[int, ...]
    """Those after which test and validation images were scored, the last of the training among them; (0,) of a model
    that fits itself."""
    test: NDArray[np.float32]
    """[epochs, test images, classes] logits."""
    validation: NDArray[np.float32]
    """[epochs, validation images, classes] logits."""
    train: NDArray[np.float32]
    """[training images, classes] logits after the last epoch."""
    losses: tuple[float, ...]
    """Mean training loss of each epoch; none of a model that fits itself."""
    attacked: Mapping[str, NDArray[np.float32]]
    """Name of an attack -> [validation images, classes] logits of the attacked images."""
    representations: Mapping[str, NDArray[np.float32]]
    """Layer -> [images, r] isometric coordinates of its outputs for the first training images."""
    parameters: int
    steps: int
    images: int
    """Seen in training, counted each time."""
    seconds: float
    """Wall-clock of the training alone."""
    model_seconds: float
    """Of it spent in forward, backward and step."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one sample ended, and at what cost."""

    status: Status
    reason: str = ""
    """One sentence that a submitter can act on; empty when the status is `ok`."""
    dimension: float | None = None
    interval: tuple[float, float] | None = None
    pointwise: tuple[float, ...] | None = None
    """Local dimension of each point, in the order of the rows, where the estimator gives it."""
    trained: Trained | None = None
    """Of a model."""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    output_tail: str = ""
    """The last lines that the submission printed: printable characters only, 2,000 at most."""


class Worker(Protocol):
    """A started program: libraries are imported, and each sample runs in a fresh fork of it."""

    def ask(self, sample: Path) -> Outcome:
        """Run the program on one sample folder, as `benchmark.sandbox.samples` writes it.

        A program that crashes, hangs or fills its memory gives an Outcome, never an exception.
        Raises InfrastructureError for faults that are ours.
        """
        ...


class Engine(Protocol):
    """A way of running untrusted code."""

    @property
    def name(self) -> str:
        """`process` or `docker`."""
        ...

    @property
    def image_digest(self) -> str | None:
        """Of the image that submissions run in; None where there is no image."""
        ...

    @property
    def version(self) -> str | None:
        """Of the engine's software; None where it has none of its own."""
        ...

    def open(self, program: Program, limits: Limits) -> AbstractContextManager[Worker]:
        """Start a worker for a program; leaving the context ends it and everything that it started."""
        ...
