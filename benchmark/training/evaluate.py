"""One job of the model track: have a worker train the model with each seed, score what it returns, make the result."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmark.errors import InfrastructureError
from benchmark.hashing import sha256_of_array
from benchmark.provenance import now, provenance
from benchmark.sandbox.engine import Engine, Outcome, Worker
from benchmark.sandbox.samples import TRAINING, share, write_training
from benchmark.submissions import Submission
from benchmark.training.results import Run, TrainingResult
from benchmark.training.scoring import accuracy, score_run
from benchmark.training.tasks import TrainingTask, TrainingTruth


def train_and_score(
    submission: Submission,
    task: TrainingTask,
    truth: TrainingTruth,
    suite: tuple[str, str],
    worker: Worker,
    engine: Engine,
    scratch: Path,
) -> TrainingResult:
    """Train `submission` on a task once for each seed and return the result; a failed run is a run with its status.

    suite: name and version. scratch: a folder for the sample folders that are handed over; each is removed after its
    answer.
    Raises UserError for a learning rate that the protocol does not offer.
    """
    started = now()
    manifest = submission.manifest
    recipe = task.protocol.recipe(manifest.name, manifest.learning_rate)
    runs = [_run(seed, ask_training(worker, task, seed, recipe, scratch), truth) for seed in task.seeds]
    failed = next((run for run in runs if run.status != "ok"), None)
    return TrainingResult(
        suite=suite[0],
        suite_version=suite[1],
        protocol=task.protocol.title,
        protocol_sha256=task.protocol.sha256,
        submission=submission.name,
        submission_sha256=submission.sha256,
        apart="pretrained" if manifest.pretrained else "fits itself" if manifest.fits_itself else "",
        task=truth.name,
        task_sha256=task.sha256,
        domain=truth.domain,
        dataset=truth.dataset,
        labels=truth.labels,
        classes=list(truth.classes),
        view_sha256=truth.view_sha256,
        files_sha256=truth.files_sha256,
        train=task.train,
        validation=task.validation,
        test=task.test,
        image_size=task.image_size,
        channels=task.channels,
        groups=truth.groups,
        duplicates=truth.duplicates,
        in_both=truth.in_both,
        learning_rate=recipe["learning_rate"],
        batch_size=recipe["batch_size"],
        status=failed.status if failed else "ok",
        reason=failed.reason if failed else "",
        runs=runs,
        provenance=provenance(engine, task.limits, started),
    )


def ask_training(worker: Worker, task: TrainingTask, seed: int, recipe: Mapping[str, object], scratch: Path) -> Outcome:
    """Have a worker train on a task's images once; a fault of ours is an outcome too.

    recipe: as `Protocol.recipe` gives it. scratch: a folder for what is handed over, which is removed again.
    """
    folder = scratch / os.urandom(8).hex()  # the name tells nothing, and is never used twice
    folder.mkdir(parents=True)
    try:
        for name in TRAINING:
            share(task.folder / f"{name}.npy", folder / f"{name}.npy")
        write_training(folder, seed, task.num_classes, recipe)
        return worker.ask(folder)
    except InfrastructureError as error:
        return Outcome("infrastructure", f"{error}: not the submission's fault; the job runs again in the next run")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(seed: int, outcome: Outcome, truth: TrainingTruth) -> Run:
    cost = {
        "wall_seconds": round(outcome.wall_seconds, 3),
        "cpu_seconds": round(outcome.cpu_seconds, 3),
        "peak_bytes": outcome.peak_bytes,
    }
    trained = outcome.trained
    if trained is None:
        return Run(seed=seed, status=outcome.status, reason=outcome.reason, **cost)
    scores = score_run(trained, truth.train_labels, truth.validation_labels, truth.test_labels)
    return Run(
        seed=seed,
        status="ok",
        scores=scores,
        losses=[round(loss, 6) for loss in trained.losses],
        epochs=list(trained.epochs),
        test_accuracies=[accuracy(logits, truth.test_labels) for logits in trained.test],
        predictions_sha256=sha256_of_array(np.ascontiguousarray(trained.test[-1])),
        parameters=trained.parameters,
        steps=trained.steps,
        images=trained.images,
        train_seconds=round(trained.seconds, 3),
        model_seconds=round(trained.model_seconds, 3),
        **cost,
    )
