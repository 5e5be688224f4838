"""Training tasks and truths: protocol and dataset become arrays on disk, built once and shared by all submissions.

A TrainingTask is what a submission is asked: training and validation images with labels, test images without. What the
harness knows beside it stands in a TrainingTruth, in another folder, which no submission is shown.
"""

import importlib.metadata
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data import view as view_module
from benchmark.data.card import Card, load_card
from benchmark.data.store import DatasetMissing, cache_root
from benchmark.data.view import View
from benchmark.errors import UserError
from benchmark.estimation.tasks import LeftOut
from benchmark.files import write_whole
from benchmark.hashing import sha256_of, sha256_of_file
from benchmark.sandbox.engine import Limits
from benchmark.training.choice import Choice, TooFewImagesError, choose, files_sha256
from benchmark.training.labels import Labelling, labellings_of
from benchmark.training.pool import PARTS, Pool, collect, pool_sha256, pool_views
from benchmark.training.protocols import Data, Protocol, TaskWanted, TrainingBlock, load_protocol
from benchmark.training.store import write_arrays

ANSWER_BYTES = 64 << 20
"""Scores of all images after each of a hundred epochs, and a layer's outputs for 500 images, of twenty layers."""
FOLDER = "trainings"
"""Of the tasks, below the cache."""
CODE = ("choice", "labels", "pool", "splits", "store", "tasks")
"""Modules of this package that determine the arrays of a task: changed ones are never read from the store."""


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """What a submission is asked: arrays, seeds, budget and protocol. No truth, no name."""

    folder: Path
    """Holds train.npy, validation.npy, test.npy, uint8 [n, H, W, C], and train_labels.npy, validation_labels.npy, int64
    [n]; read-only."""
    train: int
    validation: int
    test: int
    num_classes: int
    image_size: int
    channels: int
    arrays_sha256: str
    seeds: tuple[int, ...]
    """One run each."""
    limits: Limits
    protocol: Protocol

    @property
    def sha256(self) -> str:
        """Content hash: arrays, seeds, budget, protocol."""
        return sha256_of(
            {
                "arrays": self.arrays_sha256,
                "seeds": list(self.seeds),
                "limits": asdict(self.limits),
                "protocol": self.protocol.sha256,
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTruth:
    """What the harness knows of a task."""

    name: str
    """`pneumoniamnist@N=500`, `mnist:3-8@N=500`."""
    dataset: str
    domain: str
    labels: str
    """Which labels are predicted, for people."""
    classes: tuple[str, ...]
    view_sha256: str
    """Of all that the images were chosen among."""
    files_sha256: str
    """Of the rows chosen for each side, in order."""
    train_labels: NDArray[np.int64]
    validation_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    groups: int | None
    """Patients among the images; None where they are not known."""
    duplicates: int
    """Images left out as copies of others, or as identical to one of another class."""
    in_both: int
    """Patients in both training and test images."""
    notes: tuple[str, ...]
    """What to know before believing a number."""


Tasks = list[tuple[TrainingTask, TrainingTruth]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A labelling of a dataset, before its images are read."""

    card: Card
    labelling: Labelling
    views: tuple[View, ...]
    train: tuple[int, ...]

    def name(self, n: int) -> str:
        labels = f":{self.labelling.name}" if self.labelling.name else ""
        return f"{self.card.id}{labels}@N={n}"


def build_training_tasks(
    protocol: Protocol, wanted: Sequence[TaskWanted], folder: Path, progress: Callable[[str, int, int], None]
) -> tuple[Tasks, list[LeftOut]]:
    """Build the tasks of a protocol below `folder`; those that are there already are not built again.

    progress: called with a dataset and labels, how many are done, how many there are.
    Returns the tasks with their truths, and those left out: the dataset is not on this machine, or has too few images.
    Raises UserError for labels and numbers of training images that are not to be had, and for a folder that cannot be
    written.
    """
    plans: list[_Plan] = []
    left_out: list[LeftOut] = []
    for each in wanted:
        try:
            found = list(_plans(protocol.content.data, each))
        except DatasetMissing as missing:
            left_out.append(LeftOut(each.dataset, str(missing)))
            continue
        plans += [plan for plan in found if plan.views]
        left_out += [LeftOut(each.dataset, _without_images(plan)) for plan in found if not plan.views]
        if not found:
            left_out.append(LeftOut(each.dataset, f"{each.dataset} has one class: there is nothing to predict."))
    tasks: Tasks = []
    for done, plan in enumerate(plans):
        progress(plan.name(plan.train[0]).partition("@")[0], done, len(plans))
        for n, facts in _build(protocol.content.data, plan, folder).items():
            if "reason" in facts:
                left_out.append(LeftOut(plan.name(n), f"{plan.name(n)}: {facts['reason']}."))
            else:
                tasks.append((_task(protocol, plan, facts, folder), _truth(plan, n, facts)))
    progress("", len(plans), len(plans))
    return tasks, left_out


def tasks_of_blocks(
    blocks: Sequence[TrainingBlock], progress: Callable[[str, int, int], None]
) -> tuple[Tasks, list[LeftOut]]:
    """Build what the blocks of a suite ask for in the user's cache; returns and raises as `build_training_tasks`."""
    tasks: Tasks = []
    left_out: list[LeftOut] = []
    for block in blocks:
        protocol = load_protocol(block.protocol, block.overrides, block.title)
        own, missing = build_training_tasks(protocol, block.tasks, cache_root() / FOLDER, progress)
        tasks += own
        left_out += missing
    return tasks, left_out


def _plans(data: Data, wanted: TaskWanted) -> Iterator[_Plan]:
    unknown = [n for n in wanted.train or () if n not in data.train]
    if unknown:
        raise UserError(f"{wanted.dataset}: train must be among {data.train} of the protocol, not {unknown[0]}.")
    card = load_card(wanted.dataset)
    for labelling in labellings_of(card, wanted, data):
        yield _Plan(card, labelling, pool_views(card, labelling, data), tuple(wanted.train or data.train))


def _without_images(plan: _Plan) -> str:
    labels, splits = " and ".join(plan.labelling.classes), f"{', '.join([*PARTS][:-1])} or {[*PARTS][-1]}"
    return f"{plan.card.id}: no images with the labels {labels} in a split named {splits}."


def _build(data: Data, plan: _Plan, folder: Path) -> dict[int, dict[str, Any]]:
    """The facts of each number of training images, read from the store or built."""
    code = [sha256_of_file(Path(__file__).with_name(f"{name}.py")) for name in CODE]
    code += [sha256_of_file(Path(view_module.__file__)), importlib.metadata.version("torch")]
    source = pool_sha256(plan.views)
    classes = [list(members) for members in plan.labelling.members]
    what = {"data": data.model_dump(mode="json"), "source": source, "classes": classes, "code": code}
    facts: dict[int, dict[str, Any]] = {}
    pool: Pool | None = None
    for n in plan.train:
        key = sha256_of(what | {"n": n})[:32]
        described = folder / "truths" / f"{key}.json"
        if not described.exists():
            pool = pool or collect(plan.views, plan.labelling)
            try:
                choice = choose(data, pool, plan.card.domain, len(classes), n)
                found = _facts(plan, pool, choice) | {"key": key, "view_sha256": source}
                found["arrays_sha256"] = write_arrays(folder / "arrays" / key, folder / "files", pool, choice)
            except TooFewImagesError as error:
                found = {"reason": str(error)}
            write_whole(described, json.dumps(found))
        facts[n] = json.loads(described.read_text(encoding="utf-8"))
    return facts


def _facts(plan: _Plan, pool: Pool, choice: Choice) -> dict[str, Any]:
    """Everything about a task but the pixels."""
    size = pool.pixels.shape[1]
    source = plan.views[0].source_size or size
    enlarged = [f"images of {source} pixels were enlarged to {size}"] if source < size else []
    return {
        "labels": {side: labels.tolist() for side, labels in choice.labels.items()},
        "image_size": size,
        "channels": pool.pixels.shape[3],
        "files_sha256": files_sha256(pool, choice.rows),
        "groups": choice.groups,
        "duplicates": choice.duplicates,
        "in_both": choice.in_both,
        "notes": [*enlarged, *choice.notes],
    }


def _task(protocol: Protocol, plan: _Plan, facts: Mapping[str, Any], folder: Path) -> TrainingTask:
    budget, labels = protocol.content.budget, facts["labels"]
    return TrainingTask(
        folder=folder / "arrays" / facts["key"],
        train=len(labels["train"]),
        validation=len(labels["validation"]),
        test=len(labels["test"]),
        num_classes=len(plan.labelling.classes),
        image_size=facts["image_size"],
        channels=facts["channels"],
        arrays_sha256=facts["arrays_sha256"],
        seeds=tuple(protocol.content.seeds),
        limits=Limits(
            wall_seconds=budget.wall_seconds,
            cpu_seconds=budget.cpu_seconds,
            memory_bytes=round(budget.memory_gib * 2**30),
            answer_bytes=ANSWER_BYTES,
        ),
        protocol=protocol,
    )


def _truth(plan: _Plan, n: int, facts: Mapping[str, Any]) -> TrainingTruth:
    labels = {side: np.array(each, dtype=np.int64) for side, each in facts["labels"].items()}
    return TrainingTruth(
        name=plan.name(n),
        dataset=plan.card.id,
        domain=plan.card.domain,
        labels=plan.labelling.about,
        classes=plan.labelling.classes,
        view_sha256=facts["view_sha256"],
        files_sha256=facts["files_sha256"],
        train_labels=labels["train"],
        validation_labels=labels["validation"],
        test_labels=labels["test"],
        groups=facts["groups"],
        duplicates=facts["duplicates"],
        in_both=facts["in_both"],
        notes=tuple(facts["notes"]),
    )
