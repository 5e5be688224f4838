"""Results: one JSON file per job, written whole or not at all, migrated when an older version is read."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.errors import UserError, reason_of
from benchmark.files import write_whole
from benchmark.hashing import sha256_of
from benchmark.sandbox.engine import Status
from benchmark.validation import describe_validation_error

SCHEMA_VERSION = 1

Migrations = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]

MIGRATIONS: Migrations = {}
"""Version n -> a function from the content of version n to that of version n + 1."""


class _Frozen(BaseModel):
    # JSON has no NaN and no infinity: one that was written would come back as null, and no file would be read again
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Answer(_Frozen):
    """What a submission returned for one sample of a task, and at what cost."""

    part: str
    """Role of the sample in its task: `seed-3`, `whole`, `half-1a`, `low`, `low-rounded`."""
    n: int
    """Points after exact copies were removed."""
    ambient_dimension: int
    """D: values per point."""
    duplicates: int
    """Exact copies that were removed before."""
    certified: float
    """Share of the neighbour graph's rows that are certified exact; 1.0 is all."""
    points_sha256: str
    seed: int
    status: Status
    reason: str = ""
    dimension: float | None = None
    interval: tuple[float, float] | None = None
    """The submission's own 95 % interval."""
    pointwise_quartiles: tuple[float, float, float] | None = None
    """Quartiles of the local dimensions, where the submission gives them."""
    wall_seconds: float = 0.0
    """With the shared graph given, from the fork to the answer."""
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    graph_seconds: float = 0.0
    """Wall-clock of building the shared graph; 0 for a submission that does not ask for it."""


class Provenance(_Frozen):
    """What ran a job, when and where."""

    version: str
    """Of manifoldbench."""
    git_commit: str | None
    """None outside a checkout; ends in `-dirty` when tracked files had changed."""
    image_digest: str | None = None
    engine: str
    engine_version: str | None = None
    """Of the container engine's software."""
    limits: dict[str, float]
    packages: dict[str, str]
    python: str
    hardware: dict[str, str | int]
    started: str
    """UTC, ISO 8601."""
    finished: str


class Versioned(_Frozen):
    """What is kept in a file that later versions of this program must still read."""

    schema_version: int


class JobResult(Versioned):
    """What the results of both tracks have: one submission asked one task of a suite."""

    suite: str
    suite_version: str
    submission: str
    submission_sha256: str
    task: str
    """Name for people, such as `real/breastmnist` or `mnist:3-8@N=500`; the submission never sees it."""
    task_sha256: str
    """Content of all arrays, seeds and budgets."""
    status: Status
    """`ok` if every sample or run is; otherwise that of the first that is not."""
    reason: str = ""
    provenance: Provenance

    @property
    def job_sha256(self) -> str:
        """Names the result's file."""
        return job_sha256(self.submission_sha256, self.task_sha256)


AnyResult = TypeVar("AnyResult", bound=JobResult)


def current(found: Iterable[AnyResult], version: Callable[[AnyResult], str]) -> list[AnyResult]:
    """Keep what may stand on one board, by submission and task: the newest version, the newest hash of each of both.

    version: hash of what must be the same for all results of a board.
    """
    results = sorted(found, key=lambda result: (result.provenance.finished, result.job_sha256))
    newest = version(results[-1])
    results = [result for result in results if version(result) == newest]
    task = {result.task: result.task_sha256 for result in results}
    submission = {result.submission: result.submission_sha256 for result in results}
    kept = {
        (result.submission, result.task): result
        for result in results
        if task[result.task] == result.task_sha256 and submission[result.submission] == result.submission_sha256
    }
    return [kept[key] for key in sorted(kept)]


class Result(JobResult):
    """Status, scores and provenance of one job of the estimator track."""

    schema_version: int = SCHEMA_VERSION
    suite_sha256: str
    kind: str
    """`phantom` (images of known dimension), `known` (manifolds), `local` (scored at each point), or `real` (scored by
    consistency)."""
    family: str
    """Tasks that are averaged first: a family of phantoms; `classic`, `topology`, `mixture`, `noise`; or the domain of
    real images."""
    dataset: str | None = None
    view_sha256: str | None = None
    n: int
    """Points of the main sample."""
    ambient_dimension: int
    neighbors: int | None
    """k the submission asked for; None if it asked for no graph."""
    truth: float | None = None
    """The known dimension; None where there is none, or each point has its own."""
    answers: list[Answer]
    scores: dict[str, float] = {}
    """From `benchmark.estimation.scoring`; the names are its `METRICS`."""
    correction: float | None = None
    """Factor from the raw value to the one corrected for a known constant bias."""
    secret_sha256: str | None = None
    """Of the secret that the tasks were drawn from; None where they are the public ones."""


def job_sha256(submission_sha256: str, task_sha256: str) -> str:
    """sha256 of a job: one submission asked one task. What ran it is the result's provenance."""
    return sha256_of({"submission": submission_sha256, "task": task_sha256})


def result_path(root: Path, suite: str, submission: str, job: str) -> Path:
    """Where the result of a job lies below the results folder."""
    return root / suite / submission / f"{job[:16]}.json"


def write_result(root: Path, result: Result) -> Path:
    """Write a result below `root`: after a crash at any moment the file is whole or not there.

    Raises UserError if it cannot be written: a full disk, no permission.
    """
    path = result_path(root, result.suite, result.submission, result.job_sha256)
    write_versioned(path, result)
    return path


def write_versioned(path: Path, content: Versioned) -> None:
    """Write a model as JSON, defaults left out and its version not; raises as `write_whole` does."""
    plain = json.loads(content.model_dump_json(exclude_defaults=True)) | {"schema_version": content.schema_version}
    write_whole(path, json.dumps(plain, indent=1, ensure_ascii=False) + "\n")


def read_result(path: Path, migrations: Migrations = MIGRATIONS) -> Result:
    """Read a result of this version or an older one.

    Raises UserError, naming the file, for one that is torn, foreign, unreadable, or of a version that it cannot read.
    """
    return read_versioned(path, Result, SCHEMA_VERSION, migrations)


Content = TypeVar("Content", bound=Versioned)


def read_versioned(path: Path, model: type[Content], newest: int, migrations: Migrations) -> Content:
    """Read a file that `write_versioned` wrote, now or in an older version; raises as `read_result` does."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason_of(error)}.") from None
    except (ValueError, RecursionError):
        content = None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise UserError(f"{path}: is no result of ManifoldBench, or is damaged: remove it, and run again.")
    if version > newest:
        raise UserError(f"{path}: has schema version {version}, and this program reads up to {newest}: update it.")
    for step in range(version, newest):
        if step not in migrations:
            raise UserError(
                f"{path}: has schema version {version}, which this program no longer reads: remove it, and run again."
            )
        content = migrations[step](content)
    try:
        return model.model_validate(content | {"schema_version": newest})
    except ValidationError as error:
        raise UserError(describe_validation_error(path, error, model)) from None


def iter_results(root: Path, suite: str) -> Iterator[Result]:
    """The results of a suite below `root`, by submission and job. Raises as `read_result` does."""
    for path in sorted((root / suite).glob("*/*.json")):
        yield read_result(path)


def finished(root: Path, suite: str) -> set[str]:
    """Hashes of the jobs that need not run again: all with a result that is not a fault of ours."""
    return {result.job_sha256 for result in iter_results(root, suite) if result.status != "infrastructure"}
