"""Training on an NVIDIA GPU: repeatable, near the processor's, compiled or not, several at once (`make gpu-check`)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.paths import submissions_root
from benchmark.sandbox.process import ProcessEngine
from benchmark.submissions import load_submissions
from benchmark.training import fit, network
from benchmark.training.evaluate import train_and_score
from benchmark.training.protocols import TaskWanted, load_protocol
from benchmark.training.tasks import build_training_tasks
from submitted import load_submitted

pytestmark = pytest.mark.gpu

RECIPE = {
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "optimizer": "adamw",
    "weight_decay": 1e-2,
    "schedule": "cosine",
    "precision": "float32",
    "inputs": "standardised",
    "head": "classes",
    "evaluate": [1, 3],
    "attacks": [{"name": "pgd", "epsilon": 2.0, "steps": 3, "step_size": 1.0, "random_start": True}],
    "representations": 20,
    "max_parameters": 10_000_000,
    "drop_last": False,
}
AT_ONCE = 4


def data():
    """Images of 64 x 64 whose class shows in the brightness of their middle; of a size that runs channels-last."""
    generator = np.random.default_rng(0)
    labels = np.arange(144) % 2
    images = generator.integers(0, 150, (144, 64, 64, 1))
    images[:, 16:-16, 16:-16] += (labels * 100)[:, None, None, None]
    images = images.astype(np.uint8)
    return fit.Data(images[:80], labels[:80], images[80:112], labels[80:112], images[112:], 2)


def build(in_channels, outputs, image_size):
    """With all that has a state or draws: batch normalisation and dropout."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(32, outputs),
    )


def linear(in_channels, outputs, image_size):
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * image_size**2, outputs))


def trained(model=build, device="cuda", **changes):
    return fit.train(model, data(), fit.recipe_from({**RECIPE, **changes}), 3, device)


def arrays(done):
    return [done.test, done.validation, done.train, *done.attacked.values(), *done.representations.values()]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_seed_gives_the_same_bytes(precision):
    one, other = trained(precision=precision), trained(precision=precision)
    assert [array.tobytes() for array in arrays(one)] == [array.tobytes() for array in arrays(other)]
    assert one.losses == other.losses
    assert one.losses[-1] < one.losses[0]
    assert 0 < one.model_seconds <= one.seconds


@pytest.mark.parametrize("name", ["densenet121", "resnet18", "small-cnn", "squeezenet", "vgg13"])
def test_a_baseline_gives_the_same_predictions(name):
    """One of each kind of layers, on images of the size of a mini training."""
    module = load_submitted(submissions_root() / name / "model.py")
    given = data()
    given = replace(given, **{part: getattr(given, part)[:, ::2, ::2] for part in ("train", "validation", "test")})
    recipe = fit.recipe_from({**RECIPE, "attacks": [], "representations": 0, "max_parameters": 10**9})
    one, other = (fit.train(module.build, given, recipe, 3, "cuda") for _ in range(2))
    assert one.test.tobytes() == other.test.tobytes()
    assert one.losses == other.losses


def test_a_linear_model_is_that_of_the_processor():
    """Same order of images, same initial weights: float32 sums alone differ."""
    here, there = trained(linear, "cpu", attacks=[]), trained(linear, "cuda", attacks=[])
    assert there.losses == pytest.approx(here.losses, rel=1e-3)
    for one, other in zip(arrays(here), arrays(there), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-2)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler uses what torch deprecates
def test_it_compiles_and_trains_alike(monkeypatch):
    plain = trained(build)
    images, labels = (torch.tensor(values, device="cuda") for values in (data().train, data().train_labels))
    model = network.Network(build(1, 2, 64).cuda(), 2, *(torch.full((1, 1, 1), value).cuda() for value in (0.0, 1.0)))
    fast = network.tried(model, network.pixels_of(images[:16]), labels[:16], "float32")
    assert fast.model is not model.model, "torch.compile failed"
    monkeypatch.setattr(network, "COMPILED_STEPS", 1)
    compiled = trained(build)
    # dropout draws other numbers in compiled code, so the trainings are two of one kind
    assert compiled.losses[-1] == pytest.approx(plain.losses[-1], rel=0.5)
    assert (compiled.test[-1].argmax(1) == plain.test[-1].argmax(1)).mean() >= 0.9


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """Digits, whole, by a shortened protocol."""
    protocol = load_protocol("mini", {"training.epochs": 4, "seeds": [0], "data.train": [200]})
    folder = tmp_path_factory.mktemp("trainings")
    [found], [] = build_training_tasks(
        protocol, [TaskWanted(dataset="digits", labels="whole")], folder, lambda *_: None
    )
    return found


def in_workers(task, tmp_path, at_once):
    """Train AT_ONCE times, each in a worker of its own; the results."""
    [submission] = load_submissions(submissions_root() / "small-cnn")
    engine = ProcessEngine()

    def one(number):
        with engine.open(submission.program, task[0].limits) as worker:
            return train_and_score(submission, *task, ("tiny", "1"), worker, engine, tmp_path / str(number))

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, range(AT_ONCE)))


@pytest.mark.parametrize("at_once", [1, AT_ONCE])
def test_several_at_once(task, tmp_path, benchmark, at_once):
    """Which give what they give alone. Of the time most is the import of torch, once a worker."""
    benchmark.group = f"{AT_ONCE} trainings of small-cnn in workers on one GPU"
    results = benchmark.pedantic(in_workers, args=(task, tmp_path, at_once), rounds=1)
    assert [result.status for result in results] == ["ok"] * AT_ONCE, results[0].reason
    assert len({result.runs[0].predictions_sha256 for result in results}) == 1
    assert results[0].runs[0].scores["accuracy"] > 30
