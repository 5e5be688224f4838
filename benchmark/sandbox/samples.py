"""Sample folders: how one question is handed over to a worker. Nothing in them tells the truth."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InfrastructureError, UserError, reason_of
from benchmark.neighbors.graph import NeighborGraph
from benchmark.sandbox.answers import Asked, Question
from benchmark.sandbox.engine import Program
from benchmark.sandbox.model_answers import ModelQuestion

TASK = "task.json"
TRAINING = ("train", "train_labels", "validation", "validation_labels", "test")
"""Names of a training's arrays: images uint8 [n, H, W, C], labels int64 [n]; the labels of the test are not among them.
"""


def write_sample(
    folder: Path, points: NDArray[Any], seed: int, graph: NeighborGraph | None, neighbors: int | None
) -> None:
    """Write a sample into `folder`, which is made; a sample is complete once its task.json is there.

    folder: its name reaches the submission, so it must tell nothing; its parent exists.
    points: [n, D] uint8, float32 or float64, exact copies removed.
    seed: seeds the generators of the submission.
    graph: the exact neighbour graph of these points with at least `neighbors` columns; None to hand over none.
    neighbors: k, how many neighbours the submission is given; None without a graph.

    Raises ValueError if `graph` and `neighbors` do not fit together, UserError if the folder cannot be written.
    """
    if (graph is None) != (neighbors is None):
        raise ValueError("graph and neighbors go together")
    if graph is not None and neighbors is not None:
        rows, columns = graph.distances.shape
        if rows != len(points) or columns < neighbors:
            raise ValueError(f"a graph of {rows} x {columns} does not serve {len(points)} points and k = {neighbors}")
    try:
        folder.mkdir()
        np.save(folder / "points.npy", points, allow_pickle=False)
        if graph is not None:
            np.save(folder / "distances.npy", graph.distances, allow_pickle=False)
            np.save(folder / "indices.npy", graph.indices, allow_pickle=False)
    except OSError as error:
        raise UserError(f"{folder}: a sample cannot be written: {reason_of(error)}.") from None
    write_task(folder, seed, neighbors)


def write_task(folder: Path, seed: int, neighbors: int | None) -> None:
    """Write task.json, the last file of a sample of points, beside arrays that are there already.

    Raises UserError if the folder cannot be written.
    """
    _write_json(folder, {"seed": seed, "neighbors": neighbors})


def write_training(folder: Path, seed: int, num_classes: int, recipe: Mapping[str, Any]) -> None:
    """Write task.json of a training, beside the arrays `TRAINING` that are there already.

    recipe: as `benchmark.training.fit.recipe_from` reads it.
    Raises UserError if the folder cannot be written.
    """
    _write_json(folder, {"seed": seed, "num_classes": num_classes, "recipe": dict(recipe)})


def share(source: Path, target: Path) -> None:
    """Have a file at a second place: by a link, or as a copy on another file system or one without links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def question_of(folder: Path, program: Program) -> Asked:
    """What a sample folder asks of a program: the harness judges the answer by it, not by what the worker says.

    Raises InfrastructureError if the folder cannot be read.
    """
    file = program.entry.partition(":")[0]
    try:
        if program.track == "estimators":
            rows, columns = _array(folder, "points").shape
            return Question(rows, columns, file)
        task = json.loads((folder / TASK).read_text(encoding="utf-8"))
        recipe, images = task["recipe"], _array(folder, "train")
        return ModelQuestion(
            train=len(images),
            validation=len(_array(folder, "validation")),
            test=len(_array(folder, "test")),
            classes=task["num_classes"],
            image=images.shape[1:],
            epochs=(0,) if program.fits_itself else tuple(recipe["evaluate"]),
            attacks=tuple(attack["name"] for attack in recipe["attacks"]),
            represented=min(recipe["representations"], len(images)),
            file=file,
        )
    except (OSError, ValueError, KeyError) as error:
        raise InfrastructureError(f"the sample cannot be read: {error}") from error


def _array(folder: Path, name: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return array


def _write_json(folder: Path, content: Mapping[str, Any]) -> None:
    try:
        (folder / TASK).write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: a sample cannot be written: {reason_of(error)}.") from None
