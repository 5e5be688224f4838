"""The baselines of the model track: all sizes of images, gradients everywhere, and a loss that falls."""

import copy
import inspect

import numpy as np
import pytest
import torch
import torchvision
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from torch import nn
from torch.nn import functional
from torchvision.models import vgg13

from benchmark.paths import REPOSITORY
from benchmark.submissions import find_submissions
from benchmark.training import fit
from submitted import load_submitted

MODELS = {row.name: row for row in find_submissions(REPOSITORY / "submissions") if row.manifest.track == "models"}
NETWORKS = [name for name, row in MODELS.items() if not row.manifest.fits_itself]
SHAPES = [(1, 2, 28), (3, 10, 32), (1, 2, 224)]
"""Channels, classes, size."""
LARGE = ["logistic", "small-cnn", "squeezenet", "resnet18"]
"""Light enough to be trained on large images here."""
VGGS = ["vgg13", "vgg16", "vgg19"]
SAME_LAYERS = VGGS[1:]
"""VGG-13 with more of the same layers: built without memory here."""
TRAINED = [name for name in NETWORKS if name not in SAME_LAYERS]
PARAMETERS = {
    "densenet121": 6_949_634,
    "densenet169": 12_481_538,
    "logistic": 1_570,
    "resnet18": 11_171_266,
    "resnet34": 21_279_426,
    "resnet50": 23_505_858,
    "small-cnn": 93_154,
    "squeezenet": 722_370,
    "vgg13": 28_294_594,
    "vgg16": 33_604_290,
    "vgg19": 38_913_986,
}
"""Of two classes from one channel of 28 pixels."""


def load(name):
    """The `build` of a submission."""
    return module(name).build


def module(name):
    """The code of a submission."""
    return load_submitted(MODELS[name].folder / "model.py")


def make_recipe(name="", **changes):
    rate = MODELS[name].manifest.learning_rate if name else None
    recipe = {
        "epochs": 2, "batch_size": 10, "learning_rate": rate or 1e-3, "optimizer": "adam", "weight_decay": 1e-4,
        "schedule": "constant", "precision": "float32", "inputs": "standardised", "head": "classes", "evaluate": [2],
        "attacks": [], "representations": 0, "max_parameters": 200_000_000, "drop_last": False,
    }  # fmt: skip
    return fit.recipe_from(recipe | changes)


def make_data(channels, classes, size, n=10):
    """Images that tell their class by their brightness."""
    labels = np.arange(n + 8) % classes
    images = np.random.default_rng(0).integers(0, 60, (n + 8, size, size, channels))
    images += (labels * 190 // (classes - 1))[:, None, None, None]
    images = images.astype(np.uint8)
    return fit.Data(images[:n], labels[:n], images[n : n + 4], labels[n : n + 4], images[n + 4 :], classes)


def test_all_are_there():
    assert set(NETWORKS) == PARAMETERS.keys()
    assert MODELS.keys() - set(NETWORKS) == {"nearest-neighbour", "majority"}
    assert [name for name, row in MODELS.items() if row.manifest.control] == ["majority"]
    assert not any(row.manifest.pretrained for row in MODELS.values())
    rates = {name: row.manifest.learning_rate for name, row in MODELS.items() if row.manifest.learning_rate}
    assert rates == dict.fromkeys(("squeezenet", "vgg13", "vgg16", "vgg19"), 1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_build_has_the_contracts_arguments(name):
    assert list(inspect.signature(load(name)).parameters) == ["in_channels", "num_classes", "image_size"]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_shape_of_outputs(name, shape):
    channels, classes, size = shape
    with torch.device("meta"):
        model = load(name)(channels, classes, size).eval()
        outputs = model(torch.empty(2, channels, size, size))
    assert outputs.shape == (2, classes)
    if shape == SHAPES[0]:
        assert sum(value.numel() for value in model.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", TRAINED)
def test_gradients_reach_every_parameter_of_a_small_image(name):
    torch.manual_seed(0)
    model = load(name)(1, 2, 28)
    functional.cross_entropy(model(torch.rand(2, 1, 28, 28)), torch.tensor([0, 1])).backward()
    for parameter, value in model.named_parameters():
        assert value.grad.isfinite().all(), parameter
        assert value.grad.any(), parameter


@pytest.mark.parametrize("name", VGGS)
def test_vgg_pools_larger_images_as_torchvision_does(name):
    with torch.device("meta"):
        small, larger, theirs = load(name)(1, 2, 63), load(name)(1, 2, 64), getattr(torchvision.models, name)()
    assert repr(larger.avgpool) == repr(theirs.avgpool) != repr(small.avgpool)
    assert repr(larger.classifier[0]) == repr(theirs.classifier[0]) != repr(small.classifier[0])


def test_vgg_judges_small_images_as_torchvision_does():
    ours, theirs = (make_seeded(build) for build in (lambda: load("vgg13")(3, 2, 32), lambda: vgg13(num_classes=2)))
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        expected = theirs.eval()(images)
        torch.testing.assert_close(ours.eval()(images), expected)
        assert not torch.allclose(expected[0], expected[1], rtol=1e-3)


def make_seeded(build):
    torch.manual_seed(0)
    return build()


@pytest.mark.parametrize("name", VGGS)
def test_vgg_learns_from_small_images_as_torchvision_does(name):
    """The pooling and the first linear layer, with few outputs: moved alike by Adam with decoupled decay."""
    torch.manual_seed(0)
    features, targets = torch.randn(20, 512, 1, 1).double(), torch.randn(20, 8).double()
    theirs = nn.Linear(512 * 49, 8).double()
    ours = copy.deepcopy(theirs)
    module(name).fold(ours)
    assert ours.weight.shape == (8, 512)
    expected = losses(nn.Sequential(nn.AdaptiveAvgPool2d(7), nn.Flatten(), theirs), features, targets)
    learned = losses(nn.Sequential(module(name).Summed(), nn.Flatten(), ours), features, targets)
    np.testing.assert_allclose(learned, expected, rtol=1e-9)
    assert learned[-1] < learned[0] / 10


def losses(model, features, targets):
    """The loss of each step; epsilon is the one part of Adam that does not scale with the gradient."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5, weight_decay=1e-2, eps=1e-30)
    seen = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(features), targets)
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    return seen


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        *((name, SHAPES[0]) for name in TRAINED),
        *((name, SHAPES[1]) for name in TRAINED if name != "vgg13"),
        *((name, SHAPES[2]) for name in LARGE),
    ],
    ids=str,
)
def test_loss_falls(name, shape):
    done = fit.train(load(name), make_data(*shape), make_recipe(name), 0, "cpu")
    assert done.losses[1] < done.losses[0]
    assert done.test.shape == (1, 4, shape[1])


def test_majority_predicts_the_most_frequent_class():
    data = make_data(1, 4, 8, n=20)
    labels = np.repeat([2, 0, 1], [11, 6, 3])
    data = fit.Data(data.train, labels, data.validation, data.validation_labels, data.test, 4)
    done = fit.train(load("majority"), data, make_recipe(), 0, "cpu", fits_itself=True)
    expected = np.log(np.array([7, 4, 12, 1]) / 24)
    np.testing.assert_allclose(done.test[0], np.tile(expected, (4, 1)), rtol=1e-6)
    assert (done.validation.argmax(2) == 2).all()


@pytest.mark.parametrize("inputs", ["raw", "standardised"])
def test_nearest_neighbour_is_that_of_scikit_learn(inputs):
    """On scans of handwritten digits."""
    images, labels = load_digits(return_X_y=True)
    images = (images * 15).astype(np.uint8).reshape(-1, 8, 8, 1)
    data = fit.Data(images[:700], labels[:700], images[700:900], labels[700:900], images[900:], 10)
    done = fit.train(load("nearest-neighbour"), data, make_recipe(inputs=inputs), 0, "cpu", fits_itself=True)
    flat = images.reshape(len(images), -1).astype(np.float64)
    neighbour = KNeighborsClassifier(1, algorithm="brute").fit(flat[:700], labels[:700])
    np.testing.assert_array_equal(done.test[0].argmax(1), neighbour.predict(flat[900:]))
    np.testing.assert_array_equal(done.validation[0].argmax(1), neighbour.predict(flat[700:900]))
    distances = neighbour.kneighbors(flat[900:])[0][:, 0] / (1 if inputs == "raw" else images[:700].std())
    np.testing.assert_allclose(-done.test[0].max(1), distances, rtol=1e-5)
    np.testing.assert_allclose(done.train.max(1), 0, atol=1e-5)


def test_nearest_neighbour_without_an_image_of_a_class():
    model = load("nearest-neighbour")(1, 3, 2)
    model.fit(torch.zeros(4, 1, 2, 2), torch.tensor([0, 0, 2, 2]))
    logits = model(torch.ones(1, 1, 2, 2))
    assert logits.tolist() == [[-2.0, -1e9, -2.0]]
    assert isinstance(model, nn.Module)
