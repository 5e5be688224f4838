"""The trainer: exact where it can be computed otherwise, the same each time, and true to the recipe."""

import hashlib
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmark.paths import REPOSITORY
from benchmark.training import fit
from benchmark.training.attacks import Attack
from benchmark.training.network import Network, compiled, laid_out, pixels_of, tried

RECIPE = {
    "epochs": 2,
    "batch_size": 8,
    "learning_rate": 1e-2,
    "optimizer": "adam",
    "weight_decay": 1e-4,
    "schedule": "constant",
    "precision": "float32",
    "inputs": "standardised",
    "head": "classes",
    "evaluate": [2],
    "attacks": [],
    "representations": 0,
    "max_parameters": 10_000_000,
    "drop_last": False,
}


def make_recipe(**changes):
    return fit.recipe_from({**RECIPE, **changes})


def make_data(n=20, size=6, channels=1, classes=2, others=9, seed=0):
    """Images whose class shows in the brightness of their middle."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n + 2 * others) % classes
    images = generator.integers(0, 100, (len(labels), size, size, channels))
    images[:, size // 4 : -size // 4] += (labels * 100 // classes)[:, None, None, None]
    images = images.astype(np.uint8)
    return fit.Data(
        images[:n], labels[:n], images[n : n + others], labels[n : n + others], images[n + others :], classes
    )


def logistic(in_channels, outputs, image_size):
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * image_size**2, outputs))


def cnn(in_channels, outputs, image_size):
    """With all that has a state or draws: batch normalisation and dropout."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(3),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(36, outputs),
    )


def zeros(in_channels, outputs, image_size):
    model = logistic(in_channels, outputs, image_size)
    for value in model.parameters():
        nn.init.zeros_(value)
    return model


def trained(build=logistic, data=None, seed=3, fits_itself=False, **changes):
    return fit.train(build, data or make_data(), make_recipe(**changes), seed, "cpu", fits_itself=fits_itself)


def test_recipe_is_read():
    attack = {"name": "pgd", "epsilon": 2.0, "steps": 10, "step_size": 0.5}
    recipe = make_recipe(epochs=5, evaluate=[1, 5], attacks=[attack])
    assert recipe.evaluate == (1, 5)
    assert recipe.attacks == (Attack("pgd", 2.0, 10, 0.5, random_start=False),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"momentum": 0.9}, "other fields: momentum"),
        ({"optimizer": "lion"}, "optimizer must be one of adam, adamw, sgd, not 'lion'"),
        ({"precision": "float16"}, "precision must be one of float32, bfloat16"),
        ({"evaluate": [1]}, "evaluate ascend to the last epoch"),
        ({"evaluate": [2, 1]}, "evaluate ascend to the last epoch"),
        ({"batch_size": 0}, "must be positive"),
    ],
)
def test_recipe_that_is_wrong(changes, message):
    with pytest.raises(ValueError, match=message):
        make_recipe(**changes)


def test_cosine_schedule():
    recipe = make_recipe(schedule="cosine", learning_rate=0.1)
    rates = [fit.learning_rate_at(recipe, step, 4) for step in range(4)]
    assert rates == pytest.approx([0.1, 0.05 * (1 + math.sqrt(0.5)), 0.05, 0.05 * (1 - math.sqrt(0.5))])
    assert fit.learning_rate_at(replace(recipe, schedule="constant"), 3, 4) == 0.1


@pytest.mark.parametrize(
    ("n", "size", "drop_last", "expected"),
    [
        (10, 4, False, [4, 4, 2]),
        (9, 4, False, [4, 5]),
        (9, 4, True, [4, 4]),
        (8, 4, True, [4, 4]),
        (3, 1, False, [1, 1, 1]),
        (1, 4, False, [1]),
    ],
)
def test_batches(n, size, drop_last, expected):
    parts = fit.batches(torch.arange(n), size, drop_last)
    assert [len(part) for part in parts] == expected
    assert torch.cat(parts).tolist() == list(range(sum(expected)))


def test_batches_of_nothing():
    with pytest.raises(ValueError, match="3 images make no batch of 5"):
        fit.batches(torch.arange(3), 5, drop_last=True)


def test_channel_moments():
    images = np.random.default_rng(0).integers(0, 256, (7, 5, 5, 3)).astype(np.uint8)
    images[..., 1] = 200
    mean, deviation = fit.channel_moments(images)
    assert mean == pytest.approx(images.mean(axis=(0, 1, 2)))
    assert deviation == pytest.approx([images[..., 0].std(), 1.0, images[..., 2].std()])


@pytest.mark.parametrize("inputs", ["raw", "standardised"])
def test_full_batch_gradient_descent_is_that_of_numpy(inputs):
    """Logistic regression, its gradient written out, in float64."""
    data = make_data(classes=3)
    rate, decay, epochs = 1e-5 if inputs == "raw" else 1e-2, 0.1, 4
    done = trained(
        data=data, inputs=inputs, optimizer="sgd", learning_rate=rate, weight_decay=decay, epochs=epochs,
        evaluate=[epochs], batch_size=len(data.train),
    )  # fmt: skip
    torch.manual_seed(3)
    linear = logistic(1, 3, 6)[1]
    weights, bias = (value.detach().double().numpy() for value in (linear.weight, linear.bias))
    mean, deviation = (0.0, 1.0) if inputs == "raw" else (data.train.mean(), data.train.std())

    def scaled(images):
        return (images.reshape(len(images), -1) - mean) / deviation

    X, targets, losses = scaled(data.train), np.eye(3)[data.train_labels], []
    for _ in range(epochs):
        logits = X @ weights.T + bias
        probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        losses.append(-np.log((probabilities * targets).sum(axis=1)).mean())
        slope = (probabilities - targets) / len(X)
        weights = weights - rate * (slope.T @ X + decay * weights)
        bias = bias - rate * (slope.sum(axis=0) + decay * bias)
    assert done.losses == pytest.approx(losses, rel=1e-5)
    np.testing.assert_allclose(done.train, X @ weights.T + bias, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(done.test[0], scaled(data.test) @ weights.T + bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_steps_are_those_of_a_plain_loop(name, kind):
    data = make_data(n=21)
    done = trained(
        data=data, optimizer=name, weight_decay=0.1, schedule="cosine", epochs=3, evaluate=[3], drop_last=True
    )
    torch.manual_seed(3)
    model = logistic(1, 2, 6)
    optimizer = kind(model.parameters(), lr=1e-2, weight_decay=0.1)
    inputs = torch.tensor((data.train.transpose(0, 3, 1, 2) - data.train.mean()) / data.train.std()).float()
    labels, generator = torch.tensor(data.train_labels), torch.Generator().manual_seed(3)
    for epoch in range(3):
        order = torch.randperm(21, generator=generator)
        for batch in range(2):  # 21 images make two batches of 8; five are left
            index = order[8 * batch : 8 * batch + 8]
            optimizer.param_groups[0]["lr"] = 1e-2 * (1 + math.cos(math.pi * (2 * epoch + batch) / 6)) / 2
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs[index]), labels[index]).backward()
            optimizer.step()
    np.testing.assert_allclose(done.train, model(inputs).detach().numpy(), rtol=1e-4, atol=1e-5)
    assert (done.steps, done.images) == (6, 48)


def test_thousand_head():
    """The loss is over 1,000 logits, of which the classes are the first."""
    done = trained(zeros, make_data(classes=3), head="thousand", optimizer="sgd", batch_size=20, epochs=1, evaluate=[1])
    assert done.losses == pytest.approx([math.log(1000)])
    assert done.parameters == 37 * 1000
    assert done.test.shape == (1, 9, 3)
    assert trained(zeros, batch_size=20, epochs=1, evaluate=[1]).losses == pytest.approx([math.log(2)])


def test_loss_is_the_mean_over_images():
    """Of batches of 8, 8 and 4, not of batches."""
    data = make_data()
    done = trained(data=data, learning_rate=1e-12, optimizer="sgd", epochs=1, evaluate=[1])
    logits, labels = torch.tensor(done.train), torch.tensor(data.train_labels)
    assert done.losses[0] == pytest.approx(float(functional.cross_entropy(logits, labels)), rel=1e-5)


def test_evaluation_leaves_training_alone():
    """Whatever is scored on the way, and however often, the training is the same."""
    often = trained(cnn, epochs=3, evaluate=[1, 2, 3])
    once = trained(cnn, epochs=3, evaluate=[3])
    first = trained(cnn, epochs=1, evaluate=[1])
    assert often.epochs == (1, 2, 3)
    assert often.losses == once.losses
    np.testing.assert_array_equal(often.test[2], once.test[0])
    np.testing.assert_array_equal(often.validation[0], first.validation[0])
    assert (often.test[0] != often.test[1]).any()


def test_last_batch_of_one_image():
    """Batch normalisation after a global mean cannot train on one image; none is left out."""
    done = trained(cnn, make_data(n=17))
    assert (done.steps, done.images) == (4, 34)


def test_no_validation_images():
    data = make_data()
    data = replace(data, validation=data.validation[:0], validation_labels=data.validation_labels[:0])
    attack = {"name": "fgsm", "epsilon": 2.0, "steps": 1, "step_size": 2.0}
    done = trained(data=data, attacks=[attack])
    assert done.validation.shape == (1, 0, 2)
    assert done.attacked["fgsm"].shape == (0, 2)


def test_attacks_lower_the_accuracy_on_validation_images():
    data = make_data(others=60)
    attack = {"epsilon": 40.0, "steps": 5, "step_size": 10.0}
    done = trained(cnn, data, epochs=20, evaluate=[20], attacks=[{"name": "pgd", **attack}])
    clean = (done.validation[0].argmax(1) == data.validation_labels).mean()
    assert (done.attacked["pgd"].argmax(1) == data.validation_labels).mean() < clean - 0.2


def test_representations_of_training_images():
    done = trained(cnn, representations=5)
    assert list(done.representations) == ["0", "3", "logits"]
    assert {name: points.shape for name, points in done.representations.items()} == {
        "0": (5, 4), "3": (5, 4), "logits": (5, 2)
    }  # fmt: skip
    np.testing.assert_allclose(
        done.representations["logits"], done.train[:5] - done.train[:5].mean(axis=0), rtol=1e-4, atol=1e-6
    )


class Recorder(nn.Module):
    """Keeps what it is given and the type of what it computes."""

    def __init__(self, in_channels, outputs, image_size):
        super().__init__()
        self.linear = nn.Linear(in_channels * image_size**2, outputs)
        self.seen, self.computed = [], set()

    def forward(self, images):
        outputs = self.linear(images.flatten(1))
        if self.training:
            self.seen.append(images.detach().clone())
            self.computed.add(outputs.dtype)
        return outputs


def recorded(**changes):
    models = []

    def build(*arguments):
        models.append(Recorder(*arguments))
        return models[-1]

    data = make_data(channels=3)
    done = trained(build, data, epochs=1, evaluate=[1], **changes)
    return data, done, models[0]


def test_raw_inputs():
    data, _, model = recorded(inputs="raw")
    seen = torch.cat(model.seen)
    assert seen.dtype == torch.float32
    order = torch.randperm(20, generator=torch.Generator().manual_seed(3))
    np.testing.assert_array_equal(seen, data.train[order].transpose(0, 3, 1, 2))


def test_standardised_inputs():
    _, _, model = recorded()
    seen = torch.cat(model.seen).transpose(0, 1).flatten(1)
    torch.testing.assert_close(seen.mean(1), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.std(1, correction=0), torch.ones(3))


def test_bfloat16_is_autocast():
    _, half, model = recorded(precision="bfloat16")
    _, full, _ = recorded()
    assert model.computed == {torch.bfloat16}
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert (half.test != full.test).any()
    np.testing.assert_allclose(half.test, full.test, atol=0.1)


SCRIPT = """
import hashlib, importlib.util, sys
spec = importlib.util.spec_from_file_location("cases", sys.argv[1])
cases = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cases)
print(cases.digest())
"""


def digest(**changes):
    """Of all that a training returns but its times."""
    attack = {"name": "pgd", "epsilon": 2.0, "steps": 3, "step_size": 1.0, "random_start": True}
    done = trained(cnn, make_data(n=40), attacks=[attack], representations=10, **changes)
    arrays = [done.test, done.validation, done.train, *done.attacked.values(), *done.representations.values()]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays) + repr(done.losses).encode()).hexdigest()


def test_same_seed_same_bytes_in_another_process():
    """To the last bit, whatever this process has computed and drawn before."""
    torch.rand(5)
    threads = torch.get_num_threads()
    environment = {"PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", SCRIPT, __file__]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest()
    assert digest(seed=4) != digest()


def test_process_is_left_as_it_was():
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_default_dtype()
    trained(cnn)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_default_dtype()) == before


def test_training_data_may_be_read_only():
    data = make_data()
    data.train.setflags(write=False)
    assert trained(data=data).steps == 6


class FitsItself(nn.Module):
    """Nearest mean."""

    def fit(self, images, labels):
        self.given = images, labels
        self.means = torch.stack([images[labels == value].mean(0).flatten() for value in range(2)])

    def forward(self, images):
        return -torch.cdist(images.flatten(1), self.means)


def test_model_that_fits_itself():
    models = []
    data = make_data()
    build = lambda *_: models.append(FitsItself()) or models[-1]  # noqa: E731
    done = trained(build, data, fits_itself=True, head="thousand", representations=4)
    images, labels = models[0].given
    assert (done.epochs, done.losses, done.steps, done.images, done.parameters) == ((0,), (), 0, 20, 0)
    assert images.shape == (20, 1, 6, 6)
    assert images.dtype == torch.float32
    assert float(images.mean()) == pytest.approx(0, abs=1e-5)
    assert labels.tolist() == data.train_labels.tolist()
    means = [images[labels == value].mean(0).flatten() for value in range(2)]
    expected = torch.stack([-(images.flatten(1) - mean).norm(dim=1) for mean in means], 1)
    np.testing.assert_allclose(done.train, expected, rtol=1e-4)
    assert list(done.representations) == ["logits"]


class Views(nn.Module):
    """Takes the outputs of a convolution for contiguous, as much published code does."""

    def __init__(self, in_channels, outputs, image_size):
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, 4, 3, padding=1)
        self.linear = nn.Linear(4 * image_size**2, outputs)

    def forward(self, images):
        features = self.convolution(images)
        return self.linear(features.view(len(images), -1))


def network(model, columns=2):
    return Network(model, columns, torch.zeros(1, 1, 1), torch.ones(1, 1, 1))


def test_layout():
    pixels = pixels_of(torch.randint(0, 256, (3, 64, 64, 2), dtype=torch.uint8))
    assert laid_out(network(cnn(2, 2, 64)), pixels).layout == torch.channels_last
    assert laid_out(network(cnn(2, 2, 64)), pixels[..., :6]).layout == torch.contiguous_format
    assert laid_out(network(logistic(2, 2, 64)), pixels).layout == torch.contiguous_format
    views = laid_out(network(Views(2, 2, 64)), pixels)
    assert views.layout == torch.contiguous_format
    assert views.outputs(pixels).shape == (3, 2)
    assert trained(Views, make_data(channels=2, size=64)).steps == 6
    assert trained(cnn, make_data(channels=2, size=64)).steps == 6


def test_nothing_is_compiled_on_the_processor():
    here = network(cnn(1, 2, 6))
    assert compiled(here, 10**6, torch.zeros(4, 1, 6, 6), torch.zeros(4, dtype=torch.int64), "float32") is here


@pytest.mark.parametrize("works", [True, False])
def test_trying_to_compile_leaves_no_trace(works, monkeypatch):
    """Weights, statistics, gradients and random numbers are as before, and a model that fails stays as it is."""

    class Compiled(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, images):
            outputs = self.model(images)
            if not works:
                raise RuntimeError("no compiler")
            return outputs

    monkeypatch.setattr(torch, "compile", Compiled)
    here = network(cnn(1, 2, 6))
    before = {name: value.clone() for name, value in here.model.state_dict().items()}
    pixels, generator = torch.rand(4, 1, 6, 6), torch.get_rng_state()
    after = tried(here, pixels, torch.tensor([0, 1, 0, 1]), "float32")
    assert isinstance(after.model, Compiled) if works else after is here
    torch.testing.assert_close(here.model.state_dict(), before, rtol=0, atol=0)
    assert all(value.grad is None for value in here.model.parameters())
    assert torch.equal(torch.get_rng_state(), generator)
