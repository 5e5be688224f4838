"""Label sharpness of the images that models were trained on: measured where the images are, and kept as a result."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from benchmark.errors import UserError
from benchmark.estimation.suites import Suite
from benchmark.estimation.tasks import LeftOut
from benchmark.results import Migrations, Versioned, read_versioned, write_versioned
from benchmark.sharpness import RELEASED_BATCH, LabelSharpness, earlier_released_value, label_sharpness
from benchmark.training.tasks import tasks_of_blocks

SCHEMA_VERSION = 1
MIGRATIONS: Migrations = {}
FOLDER = "sharpness"
"""Below the results folder: one file a suite."""
RELEASED_CALLS = 99
"""Each looks at other pairs, so a single one says little."""
MAXIMUM = "maximum"
STATISTICS: Mapping[str, str] = {
    MAXIMUM: "the maximum over all pairs, as the paper defines it",
    "quantile_99": "the 99 % quantile over the pairs of different labels",
    "nearest_50": "the median over images of the ratio to the nearest image of another label",
}
"""An extreme value grows with the number of pairs; a quantile does not."""


class TaskSharpness(BaseModel):
    """Label sharpness of the training images of one task, of pixels in 0..255."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    protocol: str
    protocol_sha256: str
    task: str
    files_sha256: str
    """Of the images on each side."""
    dataset: str
    domain: str
    train: int
    """M: all training images."""
    pairs: int
    differing: int
    infinite: int
    """Pairs of identical images with different labels; they are in no other number."""
    image_size: int
    channels: int
    maximum: float | None
    """None without a pair of different labels."""
    quantile_99: float | None
    nearest_50: float | None
    earlier_released: float | None = None
    """What the code computes with which the figures were published: the median of `RELEASED_CALLS` calls of
    `benchmark.sharpness.earlier_released_value`. None where its batches do not divide M, and where that is infinite."""


class SuiteSharpness(Versioned):
    """All tasks of a suite."""

    schema_version: int = SCHEMA_VERSION
    suite: str
    tasks: list[TaskSharpness]


@dataclass(frozen=True, slots=True)
class Sharpness:
    """Label sharpness of the datasets of one protocol with N training images."""

    protocol: str
    train: int
    tasks: tuple[TaskSharpness, ...]

    def values(self, statistic: str) -> dict[str, float]:
        """Dataset -> geometric mean over its two-class tasks."""
        found: dict[str, list[float]] = {}
        for task in self.tasks:
            value = getattr(task, statistic)
            if value is not None:
                found.setdefault(task.dataset, []).append(math.log(value))
        return {dataset: float(np.exp(np.mean(values))) for dataset, values in sorted(found.items())}


def load_sharpness(root: Path, suite: str) -> tuple[Sharpness, ...]:
    """What was measured for a suite, by protocol and N; empty if nothing was. Raises as `read_result` does."""
    path = root / FOLDER / f"{suite}.json"
    if not path.exists():
        return ()
    groups: dict[tuple[str, int], list[TaskSharpness]] = {}
    for task in read_versioned(path, SuiteSharpness, SCHEMA_VERSION, MIGRATIONS).tasks:
        groups.setdefault((task.protocol, task.train), []).append(task)
    return tuple(Sharpness(protocol, train, tuple(tasks)) for (protocol, train), tasks in sorted(groups.items()))


def measure_sharpness(
    suite: Suite, root: Path, progress: Callable[[str, int, int], None]
) -> tuple[Path, list[LeftOut]]:
    """Measure the label sharpness of every two-class task of a suite and write it below `root`.

    It takes the images (`build_training_tasks` says which are not on this machine: they are returned), and less than a
    second a task on one core. Raises UserError for a suite without trainings, as building the tasks does, and if the
    file cannot be written.
    """
    if not suite.content.training:
        raise UserError(f"Suite {suite.name} trains no models, so it has no training images to measure.")
    tasks, left_out = tasks_of_blocks(suite.content.training, progress)
    found: list[TaskSharpness] = []
    for done, (task, truth) in enumerate(tasks):
        progress(truth.name, done, len(tasks))
        if task.num_classes != 2:
            continue
        images = np.load(task.folder / "train.npy", allow_pickle=False)
        labels = truth.train_labels
        measured = label_sharpness(images, labels)
        found.append(
            TaskSharpness(
                protocol=task.protocol.title,
                protocol_sha256=task.protocol.sha256,
                task=truth.name,
                files_sha256=truth.files_sha256,
                dataset=truth.dataset,
                domain=truth.domain,
                train=task.train,
                image_size=task.image_size,
                channels=task.channels,
                earlier_released=_earlier_released(images, labels),
                **_numbers(measured),
            )
        )
    progress("", len(tasks), len(tasks))
    path = root / FOLDER / f"{suite.name}.json"
    write_versioned(path, SuiteSharpness(suite=suite.name, tasks=found))
    return path, left_out


def _earlier_released(images: NDArray[Any], labels: NDArray[np.int64]) -> float | None:
    if len(images) % RELEASED_BATCH:
        return None
    calls = [earlier_released_value(images, labels, seed).value for seed in range(RELEASED_CALLS)]
    value = float(np.median(calls))
    return value if math.isfinite(value) else None


def _numbers(measured: LabelSharpness) -> dict[str, Any]:
    values = {
        "maximum": measured.maximum,
        "quantile_99": measured.quantiles[0.99],
        "nearest_50": measured.nearest[0.5],
    }
    counts = {"pairs": measured.pairs, "differing": measured.differing, "infinite": measured.infinite}
    return {**counts, **{name: None if math.isnan(value) else value for name, value in values.items()}}
