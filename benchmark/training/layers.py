"""The intrinsic dimension of a trained model's representations, layer by layer, by any estimator of the board.

The model is trained in the sandbox, which returns isometric coordinates of each layer's outputs for the first training
images; each estimator is then asked in a sandbox of its own. Source: Ansuini et al., NeurIPS 2019; Konz & Mazurowski,
ICLR 2024, for radiology.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from benchmark.errors import UserError
from benchmark.hashing import seed_from
from benchmark.neighbors import first_copies, neighbor_graph
from benchmark.provenance import provenance
from benchmark.results import Migrations, Provenance, Versioned, read_versioned, write_versioned
from benchmark.sandbox.engine import Engine, Limits, Outcome, Status, Trained
from benchmark.sandbox.samples import write_sample
from benchmark.submissions import MAX_NEIGHBORS, Submission
from benchmark.training.evaluate import ask_training
from benchmark.training.tasks import TrainingTask, TrainingTruth

SCHEMA_VERSION = 1
MIGRATIONS: Migrations = {}
FOLDER = "representations"
"""Below the results folder."""
INPUT = "images"
"""Stands for the images themselves, before the first layer."""
LEAST = 10
"""Fewer different outputs of a layer are no cloud to estimate a dimension of."""


class LayerEstimate(BaseModel):
    """What one estimator says of one layer."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    layer: str
    n: int
    """Images whose outputs differ."""
    duplicates: int
    """Images with the outputs of another."""
    estimator: str
    status: Status
    reason: str = ""
    dimension: float | None = None
    correction: float | None = None
    """Factor to the value corrected for a known constant bias."""


class Representations(Versioned):
    """The dimension of every layer of one model, trained once on one task."""

    schema_version: int = SCHEMA_VERSION
    submission: str
    submission_sha256: str
    protocol: str
    protocol_sha256: str
    task: str
    task_sha256: str
    dataset: str
    seed: int
    images: int
    accuracy: float
    """Of the trained model on the test images, in percent."""
    layers: list[str]
    """In the order of execution; `images` are the inputs."""
    estimates: list[LayerEstimate]
    provenance: Provenance


def train_for_layers(submission: Submission, task: TrainingTask, engine: Engine, scratch: Path) -> Trained:
    """Train the model with the task's first seed, and have its layers' outputs returned.

    Raises UserError with the status and the sentence of a model that could not be trained.
    """
    recipe = task.protocol.recipe(submission.manifest.name, submission.manifest.learning_rate)
    with engine.open(submission.program, task.limits) as worker:
        outcome = ask_training(worker, task, task.seeds[0], recipe, scratch)
    if outcome.trained is None:
        raise UserError(f"{submission.name}: {outcome.status}: {outcome.reason}.")
    return outcome.trained


def clouds(task: TrainingTask, representations: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    """The points [n, D] of the images and of each layer, in the order of execution."""
    images = len(next(iter(representations.values())))
    pixels = np.load(task.folder / "train.npy", mmap_mode="r", allow_pickle=False)[:images]
    return {INPUT: np.ascontiguousarray(pixels.reshape(images, -1)), **representations}


def measure(
    layers: Mapping[str, NDArray[Any]],
    estimators: Sequence[Submission],
    limits: Limits,
    engine: Engine,
    scratch: Path,
) -> Iterator[LayerEstimate]:
    """Ask each estimator for the dimension of each layer; exact copies among its outputs are removed before."""
    unique = {name: len(first_copies(points)[0]) for name, points in layers.items()}
    graphs = {
        name: neighbor_graph(points, min(MAX_NEIGHBORS, unique[name] - 1))
        for name, points in layers.items()
        if unique[name] >= LEAST
    }
    for estimator in estimators:
        k = estimator.neighbors
        with engine.open(estimator.program, limits) as worker:
            for name, points in layers.items():
                n = unique[name]
                if n < max(LEAST, (k or 0) + 1):
                    reason = f"the layer has {n} different outputs for {len(points)} images: too few"
                    outcome = Outcome("invalid", reason)
                else:
                    graph, folder = graphs[name], scratch / os.urandom(8).hex()
                    seed = seed_from(layer=name, estimator=estimator.name)
                    write_sample(folder, points[graph.kept], seed, graph if k else None, k)
                    outcome = worker.ask(folder)
                    shutil.rmtree(folder, ignore_errors=True)
                yield LayerEstimate(
                    layer=name,
                    n=n,
                    duplicates=len(points) - n,
                    estimator=estimator.name,
                    status=outcome.status,
                    reason=outcome.reason,
                    dimension=outcome.dimension,
                    correction=estimator.correction.value if estimator.correction else None,
                )


def summary(
    submission: Submission,
    task: TrainingTask,
    truth: TrainingTruth,
    accuracy: float,
    layers: Sequence[str],
    estimates: Sequence[LayerEstimate],
    engine: Engine,
    started: str,
) -> Representations:
    """Everything about one model as it is kept."""
    return Representations(
        submission=submission.name,
        submission_sha256=submission.sha256,
        protocol=task.protocol.title,
        protocol_sha256=task.protocol.sha256,
        task=truth.name,
        task_sha256=task.sha256,
        dataset=truth.dataset,
        seed=task.seeds[0],
        images=task.protocol.content.training.representations,
        accuracy=accuracy,
        layers=list(layers),
        estimates=list(estimates),
        provenance=provenance(engine, task.limits, started),
    )


def write_representations(root: Path, content: Representations) -> Path:
    """Write them below `root`, whole or not at all. Raises UserError if they cannot be written."""
    task = content.task.replace(":", "-").replace("@", "-").replace("=", "")
    path = root / FOLDER / f"{content.submission}-{task}.json"
    write_versioned(path, content)
    return path


def iter_representations(root: Path) -> Iterator[Representations]:
    """All that are kept below `root`. Raises as `benchmark.results.read_result` does."""
    for path in sorted((root / FOLDER).glob("*.json")):
        yield read_versioned(path, Representations, SCHEMA_VERSION, MIGRATIONS)
