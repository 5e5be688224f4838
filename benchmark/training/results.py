"""Results of the model track: one JSON file a job (a model trained for one task of a protocol), with a run a seed.

They lie below `results/models/<suite>/<submission>/`, apart from those of the estimators.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmark.results import JobResult, Migrations, read_versioned, write_versioned
from benchmark.sandbox.engine import Status

SCHEMA_VERSION = 1
MIGRATIONS: Migrations = {}
FOLDER = "models"
"""Below the results folder."""


class Run(BaseModel):
    """One training, with one seed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    seed: int
    status: Status
    reason: str = ""
    scores: dict[str, float] = {}
    """From `benchmark.training.scoring`; the names are its `METRICS`. Empty for a run that failed."""
    losses: list[float] = []
    """Mean training loss of each epoch."""
    epochs: list[int] = []
    """Those after which test images were scored."""
    test_accuracies: list[float] = []
    """At these epochs, in percent."""
    predictions_sha256: str = ""
    """Of the test logits after the last epoch, float32: equal for equal seeds on one machine."""
    parameters: int = 0
    steps: int = 0
    images: int = 0
    """Seen in training, counted each time."""
    train_seconds: float = 0.0
    """Wall-clock of the training alone."""
    model_seconds: float = 0.0
    """Of it spent in forward, backward and step."""
    wall_seconds: float = 0.0
    """From the fork to the answer: loading, training, scoring, attacks."""
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


class TrainingResult(JobResult):
    """Status, scores and provenance of one job of the model track."""

    schema_version: int = SCHEMA_VERSION
    protocol: str
    """Its title: the name, and what was overridden."""
    protocol_sha256: str
    apart: str = ""
    """Why the model is not ranked with the others: `fits itself`, `pretrained`; empty for one that is."""
    domain: str
    dataset: str
    labels: str
    """Which labels are predicted."""
    classes: list[str]
    view_sha256: str
    files_sha256: str
    """Of the list of images on each side."""
    train: int
    validation: int
    test: int
    image_size: int
    channels: int
    groups: int | None = None
    """Patients among the images; None where the files do not tell."""
    duplicates: int = 0
    """Exact copies that were removed before."""
    in_both: int = 0
    """Patients on both sides."""
    learning_rate: float
    batch_size: int
    runs: list[Run]


def write_training_result(root: Path, result: TrainingResult) -> Path:
    """Write a result below `root`, whole or not at all. Raises UserError if it cannot be written."""
    path = root / FOLDER / result.suite / result.submission / f"{result.job_sha256[:16]}.json"
    write_versioned(path, result)
    return path


def iter_training_results(root: Path, suite: str) -> Iterator[TrainingResult]:
    """The results of a suite below `root`, by submission and job. Raises as `benchmark.results.read_result` does."""
    for path in sorted((root / FOLDER / suite).glob("*/*.json")):
        yield read_versioned(path, TrainingResult, SCHEMA_VERSION, MIGRATIONS)


def finished_trainings(root: Path, suite: str) -> set[str]:
    """Hashes of the jobs that need not run again: all with a result that is not a fault of ours."""
    return {result.job_sha256 for result in iter_training_results(root, suite) if result.status != "infrastructure"}


def suites_with_models(root: Path) -> tuple[str, ...]:
    """Names of the suites that have results of models below `root`."""
    return tuple(sorted({path.parent.parent.name for path in (root / FOLDER).glob("*/*/*.json")}))
