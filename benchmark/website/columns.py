"""The columns of every table of the site, in one place. A score is named and explained by `METRICS`, nowhere else."""

from collections.abc import Callable, Sequence
from typing import Any

from benchmark.estimation.scoring import METRICS
from benchmark.website.scales import Scale
from benchmark.website.tables import Column
from benchmark.website.text import count, fixed, mebibytes, seconds, short_hash

DIMENSION = fixed(2)
LOGARITHM = fixed(3)
SCORES: dict[str, Callable[[Any], str]] = {
    "error": fixed(1),
    "log_error": LOGARITHM,
    "bias": fixed(1),
    "far_off": fixed(0),
    "coverage": fixed(0),
    "rank_correlation": fixed(2),
    "failure_rate": fixed(1),
    "local_error": fixed(1),
    "local_rank_correlation": fixed(2),
}
"""How a score is shown; the others are differences of logarithms."""

SHORT = {"ct": "CT", "mr": "MR", "xray": "X-ray"}
"""Families whose title is not their name with a capital."""

RANK = Column("rank", "Rank", "rank", show=count, low="rank_low", high="rank_high")
SUBMISSION = Column("submission", "Submission", "submission")
TASK = Column("task", "Task", "task")
STATUSES = Column("statuses", "Failures", "statuses")
STATUS = Column("status", "Status", "status")
REASON = Column("reason", "Reason", "words")
WALL_SECONDS = Column("wall_seconds", "Time", "number", "s", seconds)


def score(name: str, scale: Scale | None = None, *, interval: bool = False) -> Column:
    """The column of a score of `METRICS`, perhaps with its interval, perhaps drawn on an axis."""
    metric = METRICS[name]
    low, high = (f"{name}_low", f"{name}_high") if interval else ("", "")
    return Column(name, metric.title, "number", metric.unit, SCORES.get(name, LOGARITHM), low, high, scale)


CONSISTENCY = tuple(
    score(name) for name in ("half_disagreement", "drift_with_n", "resolution_change", "rounding_change")
)


def short_board(scale: Scale) -> tuple[Column, ...]:
    """What the first page shows."""
    return (
        RANK,
        SUBMISSION,
        score("error", scale, interval=True),
        score("inconsistency", interval=True),
        Column("wall_seconds_with_graph", "Time", "number", "s", seconds),
        STATUSES,
    )


def accuracy(scale: Scale, families: Sequence[str]) -> tuple[Column, ...]:
    """Scores on the tasks of known dimension that rank; the error of each family is a part of the whole's."""
    return (
        RANK,
        SUBMISSION,
        score("error", scale, interval=True),
        *family_errors(families),
        score("bias"),
        score("log_error"),
        score("far_off"),
        score("coverage"),
        score("rank_correlation"),
    )


def phantoms(families: Sequence[str], *, local: bool) -> tuple[Column, ...]:
    """The error on each family of phantoms; and on those of mixed dimension, where there are any."""
    mixed = (score("local_error"), score("local_rank_correlation")) if local else ()
    return (RANK, SUBMISSION, *family_errors(families), *mixed)


def manifolds(families: Sequence[str]) -> tuple[Column, ...]:
    """The error on manifolds, all and by family."""
    whole = Column(
        "error_manifolds", "All", "number", "%", SCORES["error"], "error_manifolds_low", "error_manifolds_high"
    )
    return (RANK, SUBMISSION, whole, *(family_errors(families) if len(families) > 1 else ()))


def family_errors(families: Sequence[str]) -> tuple[Column, ...]:
    """The error of each family."""
    return tuple(
        Column(f"error_{family}", SHORT.get(family, family.capitalize()), "number", "%", SCORES["error"])
        for family in families
    )


def consistency(scale: Scale) -> tuple[Column, ...]:
    """Scores on real images."""
    return (RANK, SUBMISSION, score("inconsistency", scale, interval=True), *CONSISTENCY)


COST: tuple[Column, ...] = (
    RANK,
    SUBMISSION,
    WALL_SECONDS,
    Column("wall_seconds_with_graph", "With graph", "number", "s", seconds),
    Column("cpu_seconds", "CPU", "number", "s", seconds),
    Column("peak_bytes", "Peak memory", "number", "MiB", mebibytes),
    Column("answered", "Tasks", "number", "", count),
    Column("ok", "Samples ok", "number", "", count),
    STATUSES,
    score("failure_rate"),
)

KNOWN_TASKS: tuple[Column, ...] = (
    TASK,
    Column("truth", "Truth", "number", "", DIMENSION),
    Column("estimate", "Estimate", "number", "", DIMENSION, "low", "high"),
    score("error"),
    score("bias"),
    Column("n", "N", "number", "", count),
    Column("ambient_dimension", "D", "number", "", count),
    WALL_SECONDS,
    STATUS,
    REASON,
)

LOCAL_TASKS: tuple[Column, ...] = (
    TASK,
    score("local_error"),
    score("local_rank_correlation"),
    Column("estimate", "One estimate", "number", "", DIMENSION, "low", "high"),
    Column("n", "N", "number", "", count),
    Column("ambient_dimension", "D", "number", "", count),
    WALL_SECONDS,
    STATUS,
    REASON,
)

REAL_TASKS: tuple[Column, ...] = (
    TASK,
    Column("estimate", "Estimate", "number", "", DIMENSION, "low", "high"),
    Column("n", "N", "number", "", count),
    Column("ambient_dimension", "D", "number", "", count),
    score("inconsistency"),
    *CONSISTENCY,
    WALL_SECONDS,
    STATUS,
    REASON,
)


def dataset_values(scale: Scale, tasks: int, *, calibrated: bool) -> tuple[Column, ...]:
    """Every submission's value for one dataset; the task is named where the suite asks several of it."""
    phantoms = (
        Column("calibrated", "Calibrated", "number", "", DIMENSION, "calibrated_low", "calibrated_high"),
        Column("calibration", "Calibration", "status"),
    )
    return (
        RANK,
        SUBMISSION,
        *([Column("task", "Task")] if tasks > 1 else []),
        Column("raw", "Raw", "number", "", DIMENSION),
        Column("corrected", "Corrected", "number", "", DIMENSION, "low", "high", scale),
        *(phantoms if calibrated else ()),
        Column("n", "N", "number", "", count),
        Column("k", "k", "number", "", count),
        Column("ambient_dimension", "D", "number", "", count),
        Column("duplicates", "Copies", "number", "", count),
        Column("view_sha256", "View", "hash", show=short_hash),
        STATUS,
        REASON,
    )


DATASETS: tuple[Column, ...] = (
    Column("name", "Dataset", "dataset"),
    Column("domain", "Domain"),
    Column("modality", "Modality"),
    Column("images", "Images", "number", "", count),
    Column("median", "Median dimension", "number", "", fixed(1), "quarter", "three_quarters"),
    Column("submissions", "of submissions", "number", "", count),
    Column("licence", "Licence"),
)

SUBMISSIONS: tuple[Column, ...] = (
    SUBMISSION,
    Column("track", "Track"),
    Column("description", "What it does", "words"),
    Column("reference", "Reference", "words"),
    Column("licence", "Licence"),
    Column("boards", "Boards"),
)

METRICS_COLUMNS: tuple[Column, ...] = (
    Column("title", "Score", "heading"),
    Column("unit", "Unit"),
    Column("best", "Best"),
    Column("definition", "Definition", "words"),
)


def engine_title(engine: str) -> str:
    """`Process engine`."""
    return f"{engine.capitalize()} engine"


def cheats(engines: tuple[str, ...]) -> tuple[Column, ...]:
    """An attempt to break the sandbox, and what each engine made of it."""
    return (
        Column("name", "Attempt", "heading"),
        Column("what", "What it tries", "words"),
        *(Column(engine, engine_title(engine), "outcome") for engine in engines),
    )
