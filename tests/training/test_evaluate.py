"""A job of the model track: what is handed over, what is scored, and a real model in a real process."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import InfrastructureError, UserError
from benchmark.sandbox.engine import Outcome, Trained
from benchmark.sandbox.process import ProcessEngine
from benchmark.submissions import load_submissions
from benchmark.training.evaluate import train_and_score
from benchmark.training.protocols import TaskWanted, load_protocol
from benchmark.training.tasks import build_training_tasks
from submitted import LINEAR, MODEL_MANIFEST

QUICK = {
    "training.epochs": 4,
    "training.evaluate_every": 2,
    "seeds": [0, 1],
    "data.train": [200],
    "data.test": 100,
    "data.validation": 50,
}


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """Digits, whole, by a shortened protocol."""
    protocol = load_protocol("mini", QUICK)
    folder = tmp_path_factory.mktemp("trainings")
    [found], [] = build_training_tasks(
        protocol, [TaskWanted(dataset="digits", labels="whole")], folder, lambda *_: None
    )
    return found


def submission(folder: Path, code: str = LINEAR, extra: str = ""):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "submission.toml").write_text(MODEL_MANIFEST + extra)
    (folder / "model.py").write_text(code)
    [found] = load_submissions(folder)
    return found


class Worker:
    """Plays outcomes, and keeps what it was asked."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.asked = []

    def ask(self, sample):
        arrays = {path.stem: np.load(path) for path in sample.glob("*.npy")}
        self.asked.append((json.loads((sample / "task.json").read_text()), arrays))
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Engine:
    name, image_digest, version = "fake", None, None


def perfect(truth, task):
    """Logits that are right everywhere."""
    one_hot = np.eye(task.num_classes, dtype=np.float32)
    return Trained(
        epochs=(2, 4),
        test=np.stack([one_hot[(truth.test_labels + 1) % task.num_classes], one_hot[truth.test_labels]]),
        validation=np.stack([one_hot[truth.validation_labels]] * 2),
        train=one_hot[truth.train_labels],
        losses=(1.0, 0.5, 0.4, 0.3),
        attacked={name: one_hot[truth.validation_labels] for name in ("fgsm", "pgd")},
        representations={},
        parameters=3,
        steps=8,
        images=400,
        seconds=2.0,
        model_seconds=1.5,
    )


def test_test_labels_are_never_handed_over(task, tmp_path):
    asked, truth = task
    worker = Worker(Outcome("failed", "no"), Outcome("failed", "no"))
    train_and_score(submission(tmp_path / "mine"), asked, truth, ("tiny", "1"), worker, Engine(), tmp_path / "scratch")
    for content, arrays in worker.asked:
        assert set(arrays) == {"train", "train_labels", "validation", "validation_labels", "test"}
        assert content["recipe"]["learning_rate"] == 1e-3
        assert set(content) == {"seed", "num_classes", "recipe"}
        assert len(arrays["test"]) == 100
        # no array of the sample holds what is asked for
        assert not any(np.array_equal(array, truth.test_labels) for array in arrays.values())
    assert [content["seed"] for content, _ in worker.asked] == [0, 1]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_scores_are_those_of_the_last_epoch(task, tmp_path):
    asked, truth = task
    outcome = Outcome("ok", trained=perfect(truth, asked), wall_seconds=3.0)
    worker = Worker(outcome, Outcome("timeout", "too slow"))
    mine = submission(tmp_path / "mine")
    result = train_and_score(mine, asked, truth, ("tiny", "1"), worker, Engine(), tmp_path / "scratch")
    assert (result.status, result.reason) == ("timeout", "too slow")
    first, second = result.runs
    assert first.scores["accuracy"] == 100.0
    assert first.test_accuracies == [0.0, 100.0]
    assert (first.train_seconds, first.model_seconds, first.parameters) == (2.0, 1.5, 3)
    assert second.scores == {}
    assert (result.train, result.test, result.validation, result.image_size, result.channels) == (200, 100, 50, 8, 1)
    assert result.job_sha256 != result.model_copy(update={"task_sha256": "0" * 64}).job_sha256


def test_a_fault_of_ours_is_said_and_runs_again(task, tmp_path):
    worker = Worker(InfrastructureError("the disk is gone"), Outcome("failed", "no"))
    mine = submission(tmp_path / "mine")
    result = train_and_score(mine, *task, ("tiny", "1"), worker, Engine(), tmp_path / "scratch")
    assert result.status == "infrastructure"


def test_a_learning_rate_that_is_not_offered_is_said(task, tmp_path):
    mine = submission(tmp_path / "mine", extra="learning_rate = 0.5\n")
    with pytest.raises(UserError, match="mine: learning_rate must be one that protocol mini"):
        train_and_score(mine, *task, ("tiny", "1"), Worker(), Engine(), tmp_path / "scratch")


def real(mine, task, tmp_path):
    with ProcessEngine() as engine, engine.open(mine.program, task[0].limits) as worker:
        return train_and_score(mine, *task, ("tiny", "1"), worker, engine, tmp_path / "scratch")


def test_the_same_seed_gives_the_same_predictions(task, tmp_path):
    mine = submission(tmp_path / "mine", extra="learning_rate = 1e-2\n")
    first, again = real(mine, task, tmp_path), real(mine, task, tmp_path)
    assert first.status == "ok", first.reason
    assert [run.predictions_sha256 for run in first.runs] == [run.predictions_sha256 for run in again.runs]
    assert first.runs[0].predictions_sha256 != first.runs[1].predictions_sha256
    assert [run.scores for run in first.runs] == [run.scores for run in again.runs]
    assert first.runs[0].scores["accuracy"] > 50  # ten digits, so a guess has 10


PATCHED = "import torch\ntorch.nn.functional.cross_entropy = lambda *_, **__: torch.zeros((), requires_grad=True)\n"
COUNTER = "calls = 0\n" + LINEAR.replace(
    "    return Linear(", "    global calls\n    calls += 1\n    torch.manual_seed(calls)\n    return Linear("
)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (LINEAR.replace("num_classes)\n", "num_classes + 1)\n"), "invalid", "shape"),
        (
            LINEAR.replace("images.flatten(1))", "images.flatten(1)) * float('nan')"),
            "failed",
            "loss is nan in epoch 1",
        ),
        (LINEAR.replace("    return Linear(", "    return torch.relu  # "), "invalid", "Module"),
        (
            LINEAR.replace("images.flatten(1))", "images.flatten(1)) + torch.rand(1)"),
            "invalid",
            "evaluation mode",
        ),
        (COUNTER, "refused", "seed"),
        (PATCHED + LINEAR, "refused", "cross_entropy"),
        ("def build(in_channels, num_classes, image_size):\n    raise ValueError('no')\n", "failed", "ValueError: no"),
    ],
)
def test_a_wrong_model_has_its_status_and_sentence(task, tmp_path, code, status, words):
    result = real(submission(tmp_path / "mine", code), task, tmp_path)
    assert (result.status, words in result.reason) == (status, True), result.reason
    assert result.reason.count("\n") == 0
