"""The columns of the tables on calibration."""

from collections.abc import Sequence

from benchmark.website.columns import DIMENSION, RANK, SUBMISSION
from benchmark.website.tables import Column
from benchmark.website.text import count, fixed, slug

PERCENT = fixed(1)

AXES = {
    "d": "Dimension",
    "family": "Kind of image",
    "N": "Number of images",
    "size": "Pixels",
    "bits": "8 bits",
    "noise": "Noise",
    "groups": "Patients",
    "amplitude": "Amplitude",
}
"""Axes by the name that `benchmark.breaks` gives them."""

SUMMARY: tuple[Column, ...] = (
    Column("name", "Dataset", "dataset"),
    Column("raw", "Raw", "number", "", DIMENSION, "raw_low", "raw_high"),
    Column("calibrated", "Calibrated", "number", "", DIMENSION, "calibrated_low", "calibrated_high"),
    Column("ok", "Reliable values", "number", "", count),
    Column("submissions", "of estimators", "number", "", count),
)

HELD_OUT: tuple[Column, ...] = (
    SUBMISSION,
    Column("raw_error", "Raw error", "number", "%", PERCENT),
    Column("calibrated_error", "Calibrated error", "number", "%", PERCENT),
    Column("ok", "Reliable", "number", "%", fixed(0)),
    Column("raw_error_ok", "Raw error, reliable", "number", "%", PERCENT),
    Column("calibrated_error_ok", "Calibrated error, reliable", "number", "%", PERCENT),
    Column("coverage_ok", "Interval holds truth", "number", "%", fixed(0)),
    Column("samples", "Samples", "number", "", count),
)

HELD_OUT_FAMILIES: tuple[Column, ...] = (
    Column("title", "Family held out", "heading"),
    Column("raw_error", "Raw error", "number", "%", PERCENT),
    Column("calibrated_error", "Calibrated error", "number", "%", PERCENT),
    Column("ok", "Reliable", "number", "%", fixed(0)),
    Column("coverage_ok", "Interval holds truth", "number", "%", fixed(0)),
    Column("improved", "Helps", "number", "", count),
    Column("submissions", "of estimators", "number", "", count),
)

SETTINGS: tuple[Column, ...] = (
    Column("axis", "What changes"),
    Column("setting", "to"),
    Column("baseline", "from"),
    Column("change", "Change", "number", "%", PERCENT, "change_low", "change_high"),
    Column("submissions", "Estimators", "number", "", count),
    Column("worst", "Largest"),
    Column("worst_change", "by", "number", "%", PERCENT),
)

OWN_BREAKS: tuple[Column, ...] = (
    Column("title", "What changes"),
    Column("setting", "to"),
    Column("baseline", "from"),
    Column("bias", "Bias", "number", "%", PERCENT),
    Column("baseline_bias", "before", "number", "%", PERCENT),
    Column("change", "Change", "number", "%", PERCENT),
    Column("tasks", "Tasks", "number", "", count),
)


def matrix(tasks: Sequence[tuple[str, str]]) -> tuple[Column, ...]:
    """A column for each task, by key and title."""
    return (RANK, SUBMISSION, *(Column(task, title, "noted", "", DIMENSION) for task, title in tasks))


def breaks(axes: Sequence[tuple[str, str]]) -> tuple[Column, ...]:
    """A column for each axis, by key and title."""
    return (RANK, SUBMISSION, *(Column(axis, title, "noted", "%", PERCENT) for axis, title in axes))


def breaks_path(submission: str) -> str:
    """Where the files of a submission's settings lie."""
    return f"submissions/{slug(submission)}/breaks"
