"""Results made up so that every finding is known."""

import math
from collections.abc import Mapping
from pathlib import Path

from benchmark.hashing import sha256_of
from benchmark.results import Answer, Provenance, Result, write_result
from benchmark.training.results import Run, TrainingResult, write_training_result

SUITE = "standard"
DOMAINS = {
    **{f"natural-{index}": "natural" for index in range(5)},
    **{f"radiology-{index}": "radiology" for index in range(6)},
}
DIMENSIONS = dict(zip(DOMAINS, (21.0, 24.0, 27.0, 30.0, 33.0, 4.0, 7.0, 10.0, 12.0, 15.0, 18.0), strict=True))
"""Every natural one above every radiology one."""
PROVENANCE = Provenance(
    version="0.1.0",
    git_commit=None,
    engine="process",
    limits={},
    packages={},
    python="3.11",
    hardware={"cpu": "a processor"},
    started="2026-01-02T03:04:05Z",
    finished="2026-01-02T03:04:06Z",
)


def write_estimator(
    root: Path,
    name: str,
    dimensions: Mapping[str, float | None] = DIMENSIONS,
    *,
    halves: float = 1.0,
    low: float = 1.0,
    neighbors: int | None = 20,
    correction: float | None = None,
) -> None:
    """Results of an estimator on every dataset; the halves and the low resolution are these factors away."""
    for dataset, value in dimensions.items():
        parts = {"whole": 1.0, "half-1a": halves, "half-1b": halves, "low": low, "low-rounded": low}
        answers = [
            Answer(
                part=part,
                n=500 if part.startswith("half") else 1000,
                ambient_dimension=784,
                duplicates=0,
                certified=1.0,
                points_sha256="0" * 64,
                seed=1,
                status="failed" if value is None else "ok",
                reason="fit raised ValueError: no" if value is None else "",
                dimension=None if value is None else value * factor,
            )
            for part, factor in parts.items()
        ]
        result = Result(
            suite=SUITE,
            suite_version="1",
            suite_sha256="a" * 64,
            submission=name,
            submission_sha256=sha256_of(name),
            task=f"real/{dataset}",
            task_sha256=sha256_of(dataset),
            kind="real",
            family=DOMAINS[dataset],
            dataset=dataset,
            view_sha256="b" * 64,
            n=1000,
            ambient_dimension=784,
            neighbors=neighbors,
            status=answers[0].status,
            reason=answers[0].reason,
            answers=answers,
            correction=correction,
            provenance=PROVENANCE,
        )
        write_result(root, result)


def accuracy(dataset: str, train: int = 500) -> float:
    """Falls by 2 points a dimension for radiology, by 0.5 for natural images; rises by 3 for a doubling of N."""
    slope = -2.0 if DOMAINS[dataset] == "radiology" else -0.5
    return 95 + slope * DIMENSIONS[dataset] + 3 * math.log2(train / 500)


def loss(dataset: str, train: int = 500) -> float:
    """N to the power -1.5/d: faster than the law."""
    return 2 * math.exp(0.05 * DIMENSIONS[dataset]) * (train / 500) ** (-1.5 / DIMENSIONS[dataset])


def training(dataset: str, model: str, train: int = 500, **changes) -> TrainingResult:
    """A model trained on a dataset's only task: better models are above `accuracy` by the number in their name."""
    better = float(model.rpartition("-")[2]) if model[-1].isdigit() else 0.0
    scores = {
        "accuracy": accuracy(dataset, train) + better,
        "auc": 0.9,
        "log_loss": loss(dataset, train),
        "calibration_error": 1.0,
        "accuracy_gap": 1.0,
        "log_loss_gap": 0.1,
        "highest_test_accuracy": accuracy(dataset, train) + better + 1,
        "fgsm_log_loss_rise": 0.1 * DIMENSIONS[dataset],
        "fgsm_accuracy_drop": 1.0,
    }
    task = changes.pop("task", f"{dataset}@N={train}")
    fields = {
        "suite": SUITE,
        "suite_version": "1",
        "protocol": "mini",
        "protocol_sha256": "c" * 64,
        "submission": model,
        "submission_sha256": sha256_of(model),
        "task": task,
        "task_sha256": sha256_of(task),
        "domain": DOMAINS[dataset],
        "dataset": dataset,
        "labels": "classes",
        "classes": ["no", "yes"],
        "view_sha256": "b" * 64,
        "files_sha256": sha256_of(task),
        "train": train,
        "validation": 200,
        "test": 500,
        "image_size": 28,
        "channels": 1,
        "learning_rate": 1e-3,
        "batch_size": 50,
        "status": "ok",
        "runs": [Run(seed=0, status="ok", scores=scores, losses=[1.0, 0.5], parameters=1000, train_seconds=1.0)],
        "provenance": PROVENANCE,
    }
    return TrainingResult(**(fields | changes))


def write_trainings(root: Path, models: tuple[str, ...] = ("net-0", "net-2"), sizes: tuple[int, ...] = (500,)) -> None:
    """Every model on every dataset with every N."""
    for dataset in DOMAINS:
        for model in models:
            for train in sizes:
                write_training_result(root, training(dataset, model, train))
