"""The columns of the tables on models. A score is named and explained by `benchmark.training.scoring.METRICS` alone."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from benchmark.training.scoring import METRICS
from benchmark.website.columns import RANK, REASON, STATUS, STATUSES, TASK
from benchmark.website.scales import Scale
from benchmark.website.tables import Column
from benchmark.website.text import count, fixed, mebibytes, millions, seconds, short_hash, significant

PERCENT = fixed(1)
SHORT = {
    "accuracy_selected": "Selected epoch",
    "highest_test_accuracy": "Highest of all epochs",
    "fgsm_accuracy_drop": "Lost under FGSM",
    "pgd_accuracy_drop": "Lost under PGD",
}
"""Titles where the heading of the table says the rest."""

MODEL = Column("submission", "Model", "submission")
PARAMETERS = Column("parameters", "Parameters", "number", "million", millions)
TRAINING_TIME = Column("train_seconds", "Training", "number", "s", seconds)
OUTSIDE = Column("outside_share", "Outside the model", "number", "%", PERCENT)
PEAK_MEMORY = Column("peak_bytes", "Peak memory", "number", "MiB", mebibytes)
LEARNING_RATE = Column("learning_rate", "Learning rate", "number", "", significant)


def score(name: str, *, interval: bool = False) -> Column:
    """The column of a score of `METRICS`."""
    metric = METRICS[name]
    show: Callable[[Any], str] = PERCENT if metric.unit == "%" else fixed(3)
    low, high = (f"{name}_low", f"{name}_high") if interval else ("", "")
    return Column(name, SHORT.get(name, metric.title), "number", metric.unit, show, low, high)


def error(scale: Scale | None = None) -> Column:
    """100 % less the accuracy on the test images."""
    return Column("error", "Error", "number", "%", PERCENT, "error_low", "error_high", scale)


def short_board(scale: Scale) -> tuple[Column, ...]:
    """What the first page shows."""
    return (RANK, MODEL, error(scale), score("auc"), PARAMETERS, TRAINING_TIME, STATUSES)


def test_scores(scale: Scale, domains: Sequence[str]) -> tuple[Column, ...]:
    """Scores on the test images; the error of each domain where there are several."""
    by_domain = tuple(
        Column(f"error_{domain}", domain.capitalize() if domain else "No domain", "number", "%", PERCENT)
        for domain in domains
    )
    return (
        RANK,
        MODEL,
        error(scale),
        *(by_domain if len(by_domain) > 1 else ()),
        score("auc"),
        score("log_loss"),
        score("calibration_error"),
        STATUSES,
    )


def generalisation(present: Collection[str]) -> tuple[Column, ...]:
    """How far the scores move: from training to test images, between epochs, under attack."""
    names = (
        *("accuracy_gap", "log_loss_gap", "accuracy", "accuracy_selected", "highest_test_accuracy"),
        *("fgsm_accuracy_drop", "fgsm_log_loss_rise", "pgd_accuracy_drop", "pgd_log_loss_rise"),
    )
    return (RANK, MODEL, *(score(name) for name in names if name in present))


COST: tuple[Column, ...] = (
    RANK,
    MODEL,
    PARAMETERS,
    LEARNING_RATE,
    TRAINING_TIME,
    OUTSIDE,
    PEAK_MEMORY,
    Column("answered", "Tasks", "number", "", count),
    Column("ok", "Runs ok", "number", "", count),
    Column("runs", "Runs", "number", "", count),
    STATUSES,
)

BOARD_TASKS: tuple[Column, ...] = (
    TASK,
    Column("domain", "Domain"),
    Column("labels", "Labels", "words"),
    Column("class_count", "Classes", "number", "", count),
    Column("train", "N", "number", "", count),
    Column("validation", "Validation", "number", "", count),
    Column("test", "Test", "number", "", count),
    Column("image_size", "Pixels a side", "number", "", count),
    Column("channels", "Channels", "number", "", count),
    Column("groups", "Patients", "number", "", count),
    Column("in_both", "on both sides", "number", "", count),
    Column("duplicates", "Copies removed", "number", "", count),
    Column("runs", "Runs", "number", "", count),
    Column("files_sha256", "File list", "hash", show=short_hash),
)

DATASET_TASKS: tuple[Column, ...] = (
    TASK,
    Column("labels", "Labels", "words"),
    Column("train", "N", "number", "", count),
    Column("best", "Best accuracy", "number", "%", PERCENT, "best_low", "best_high"),
    Column("best_model", "by", "text"),
    Column("mean", "Mean accuracy", "number", "%", PERCENT),
    Column("models", "of models", "number", "", count),
    Column("control", "Control", "number", "%", PERCENT),
)


def submission_tasks(present: Collection[str]) -> tuple[Column, ...]:
    """A model's means over the seeds, one row a task."""
    names = ("auc", "log_loss", "calibration_error", "accuracy_gap", "fgsm_accuracy_drop", "pgd_accuracy_drop")
    return (
        TASK,
        score("accuracy", interval=True),
        *(score(name) for name in names if name in present),
        Column("train", "N", "number", "", count),
        Column("test", "Test", "number", "", count),
        Column("runs", "Runs", "number", "", count),
        STATUS,
        REASON,
    )


RUNS: tuple[Column, ...] = (
    TASK,
    Column("seed", "Seed", "number", "", str),
    Column("accuracy", "Accuracy", "number", "%", PERCENT),
    Column("log_loss", "Log loss", "number", "nats", fixed(3)),
    Column("losses", "Training loss by epoch", "curve"),
    Column("epochs_trained", "Epochs", "number", "", count),
    TRAINING_TIME,
    OUTSIDE,
    PEAK_MEMORY,
    Column("predictions_sha256", "Predictions", "hash", show=short_hash),
    STATUS,
    REASON,
)
