"""Representations: the layers that are reported, and that no distance is lost."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from torch import nn
from torchvision.models import densenet121, resnet18, squeezenet1_1, vgg11

from benchmark.training.representations import LOGITS, coordinates_from_gram, reported_layers, represent


class Parts(nn.Module):
    """Layers of different widths, in another order than they are defined, and an activation that works in place."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(30, 3)
        self.narrow = nn.Linear(40, 4)
        self.body = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(inplace=True), nn.Conv2d(6, 9, 3), nn.MaxPool2d(2))
        self.wide = nn.Linear(36, 40)
        self.last = nn.Linear(4, 30)

    def forward(self, images):
        wide = self.wide(self.body(images).flatten(1))
        return self.head(self.last(self.narrow(wide)))


def drawn(n=50, channels=1, size=8, seed=0):
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(seed))


def made(build, *arguments, **keywords):
    torch.manual_seed(0)
    return build(*arguments, **keywords).eval()


def layers_of(model, images, count=None, block=7, **memory):
    count = len(images) if count is None else count
    return represent(model, lambda rows: model(images[rows]).float(), count, block, **memory)


def outputs_of(model, images, block=7):
    """Each layer's outputs, taken one by one, of as many images at a time: their rounding depends on it."""
    parts = [outputs_of_block(model, part) for part in images.split(block)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def outputs_of_block(model, images):
    outputs = {}
    body = images
    for index, layer in enumerate(model.body):
        body = layer(body.clone())
        outputs["body" if index == 3 else f"body.{index}"] = body.flatten(1)
    outputs["wide"] = model.wide(body.flatten(1))
    outputs["narrow"] = model.narrow(outputs["wide"])
    outputs["last"] = model.last(outputs["narrow"])
    outputs[LOGITS] = model.head(outputs["last"])
    del outputs["body.1"]  # an activation
    return {name: value.detach().double().numpy() for name, value in outputs.items()}


def test_layers_are_in_the_order_in_which_they_run():
    model, images = made(Parts), drawn()
    found = layers_of(model, images)
    assert list(found) == ["body.0", "body.2", "body", "wide", "narrow", "last", "logits"]
    assert [points.shape[1] for points in found.values()] == [49, 49, 36, 40, 4, 30, 3]
    assert {points.dtype for points in found.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("memory_bytes", [1, 50_000, 1 << 30])
def test_distances_are_kept(memory_bytes):
    """Whether a layer is narrower or wider than there are images, in one part or in many."""
    model, images = made(Parts), drawn()
    found = layers_of(model, images, memory_bytes=memory_bytes)
    for name, outputs in outputs_of(model, images).items():
        np.testing.assert_allclose(pdist(found[name].astype(np.float64)), pdist(outputs), rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(found[name].mean(axis=0), 0, atol=1e-6)


def test_first_images_only():
    model, images = made(Parts), drawn()
    found = layers_of(model, images, count=12)
    assert {len(points) for points in found.values()} == {12}
    outputs = outputs_of(model, images[:12])
    np.testing.assert_allclose(pdist(found["wide"]), pdist(outputs["wide"]), rtol=1e-5)
    assert layers_of(model, images, count=1)["wide"].shape == (1, 0)


def test_same_outputs_have_the_same_coordinates():
    """As they have where all activations are dead; the search for axes would tell them apart by its rounding."""
    images = drawn()
    images[30:40] = images[3]
    points = layers_of(made(Parts), images, block=1)["body.0"]
    assert (points[30:40] == points[3]).all()
    assert len(np.unique(points, axis=0)) == 40


def test_zero_has_no_sign():
    class Signed(nn.Module):
        def __init__(self):
            super().__init__()
            self.signs = nn.Identity()
            self.layer = nn.Upsample(scale_factor=1)

        def forward(self, images):
            return self.layer(images).flatten(1)

    images = drawn(n=20)
    images[4], images[5] = 0.0, -0.0
    points = layers_of(Signed(), images)["layer"]
    assert (points[4] == points[5]).all()


def test_hooks_are_taken_away():
    model = made(Parts)
    layers_of(model, drawn())
    assert not any(layer._forward_hooks for layer in model.modules())
    with pytest.raises(RuntimeError):
        layers_of(model, drawn(size=9)[:, :, :7])
    assert not any(layer._forward_hooks for layer in model.modules())


def test_coordinates_have_the_gram_matrix():
    points = np.random.default_rng(0).standard_normal((12, 30))
    points -= points.mean(axis=0)
    found = coordinates_from_gram(points @ points.T)
    np.testing.assert_allclose(found @ found.T, points @ points.T, atol=1e-10)
    variances = (found**2).sum(axis=0)
    assert (np.diff(variances) <= 0).all()
    assert (found[np.abs(found).argmax(axis=0), np.arange(11)] > 0).all()


def test_layers_of_resnet18():
    model = made(resnet18, num_classes=2)
    found = layers_of(model, drawn(n=4, channels=3, size=32))
    blocks = [f"layer{stage}{part}" for stage in range(1, 5) for part in (".0", "")]
    assert list(found) == ["conv1", "maxpool", *blocks, "avgpool", "logits"]


def test_layers_of_others():
    assert list(reported_layers(vgg11()))[-6:] == ["features.18", "features", "avgpool", "classifier.0", "classifier.3",
                                                   "classifier"]  # fmt: skip
    assert list(reported_layers(densenet121()))[:5] == [
        "features.conv0", "features.pool0", "features.denseblock1", "features.transition1", "features.denseblock2"
    ]  # fmt: skip
    assert list(reported_layers(squeezenet1_1()))[-3:] == ["features", "classifier.1", "classifier"]


def test_wrapped_model_is_reported_as_the_other():
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = Parts()

        def forward(self, images):
            return 2 * self.network(images)

    names = list(layers_of(made(Wrapped), drawn()))
    assert names[:3] == ["network.body.0", "network.body.2", "network.body"]
    assert names[-2:] == ["network.head", "logits"]


def test_model_without_layers():
    class Sums(nn.Module):
        def forward(self, images):
            return images.flatten(2).sum(2).expand(-1, 2)

    assert list(layers_of(Sums(), drawn())) == ["logits"]
