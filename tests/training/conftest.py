"""Results of trainings made by hand, so that every number of a board can be worked out."""

import pytest

from benchmark.hashing import sha256_of
from benchmark.training.results import Run, TrainingResult
from made_up_results import PROVENANCE


@pytest.fixture
def trained():
    """A function that makes a result; one accuracy for each seed, None for a run that failed."""

    def result(submission, task, accuracies, domain="radiology", **changes):
        runs = [
            Run(seed=seed, status="failed", reason="building raised ValueError: no", wall_seconds=1.0)
            if accuracy is None
            else Run(
                seed=seed,
                status="ok",
                scores={"accuracy": accuracy, "log_loss": 0.5, "accuracy_gap": 100.0 - accuracy},
                losses=[0.7, 0.5],
                epochs=[2],
                test_accuracies=[accuracy],
                predictions_sha256="e" * 64,
                parameters=10,
                steps=4,
                images=100,
                train_seconds=2.0,
                model_seconds=1.5,
                wall_seconds=3.0,
                peak_bytes=1 << 20,
            )
            for seed, accuracy in enumerate(accuracies)
        ]
        failed = next((run for run in runs if run.status != "ok"), None)
        fields = {
            "suite": "tiny",
            "suite_version": "1",
            "protocol": "mini",
            "protocol_sha256": "a" * 64,
            "submission": submission,
            "submission_sha256": sha256_of(submission),
            "task": task,
            "task_sha256": sha256_of(task),
            "domain": domain,
            "dataset": task.partition("@")[0].partition(":")[0],
            "labels": "no against yes",
            "classes": ["no", "yes"],
            "view_sha256": "b" * 64,
            "files_sha256": "c" * 64,
            "train": 50,
            "validation": 20,
            "test": 20,
            "image_size": 28,
            "channels": 1,
            "learning_rate": 1e-3,
            "batch_size": 10,
            "status": failed.status if failed else "ok",
            "reason": failed.reason if failed else "",
            "runs": runs,
            "provenance": PROVENANCE,
        }
        return TrainingResult(**(fields | changes))

    return result
