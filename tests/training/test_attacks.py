"""FGSM and PGD against what they must do to a linear model, where all can be written down."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmark.training.attacks import Attack, attacked

FGSM = Attack("fgsm", 2.0, 1, 2.0)


def drawn(n=40, size=5, channels=2, low=20, high=230, seed=0):
    """Pixels float32 [n, C, H, W] away from black and white, labels, and a linear model of two classes."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(low, high, (n, channels, size, size), generator=generator).float()
    labels = torch.randint(0, 2, (n,), generator=generator)
    weights = torch.randn(2, channels * size**2, generator=generator) / 500
    return pixels, labels, weights


def change(attack, outputs, pixels, labels, seed=0):
    return attacked(attack, outputs, pixels, labels, torch.Generator().manual_seed(seed))


def linear(weights):
    return lambda pixels: ((pixels - 120) / 60).flatten(1) @ weights.T


@pytest.mark.parametrize("attack", [FGSM, Attack("pgd", 2.0, 10, 0.5)])
def test_margin_of_a_linear_model_falls_by_its_norm(attack):
    """Of two classes: by epsilon times the l1 norm of the difference of their weights, through the scaling of 1/60.

    The loss is log(1 + exp(-margin)), so its increase is exact too. Ten steps of PGD end in the same corner.
    """
    pixels, labels, weights = drawn()
    outputs = linear(weights)

    def margin(images):
        logits = outputs(images)
        return logits.gather(1, labels[:, None])[:, 0] - logits.gather(1, 1 - labels[:, None])[:, 0]

    moved = change(attack, outputs, pixels, labels)
    expected = margin(pixels) - 2.0 * (weights[0] - weights[1]).abs().sum() / 60
    torch.testing.assert_close(margin(moved), expected, rtol=1e-4, atol=1e-5)
    loss = functional.cross_entropy(outputs(moved), labels, reduction="none")
    torch.testing.assert_close(loss, functional.softplus(-expected), rtol=1e-4, atol=1e-5)
    assert (loss > functional.cross_entropy(outputs(pixels), labels, reduction="none")).all()


def test_one_step_of_pgd_is_fgsm():
    pixels, labels, _ = drawn()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(50, 20), nn.Tanh(), nn.Linear(20, 2))
    scaled = lambda images: model(images / 255)  # noqa: E731
    leaf = pixels.clone().requires_grad_()
    functional.cross_entropy(scaled(leaf), labels).backward()
    fgsm = pixels + 2 * leaf.grad.sign()
    assert torch.equal(change(FGSM, scaled, pixels, labels), fgsm)
    assert torch.equal(change(Attack("pgd", 2.0, 1, 2.0), scaled, pixels, labels), fgsm)
    assert (change(Attack("pgd", 2.0, 10, 0.5), scaled, pixels, labels) != fgsm).any()
    assert all(value.grad is None for value in change_model_gradients(model, scaled, pixels, labels))


def change_model_gradients(model, outputs, pixels, labels):
    """The model's parameters after it was attacked, with fresh gradients."""
    model.zero_grad()
    change(FGSM, outputs, pixels, labels)
    return list(model.parameters())


@pytest.mark.parametrize("random_start", [False, True])
def test_images_stay_in_the_ball_and_in_range(random_start):
    pixels, labels, weights = drawn(low=0, high=256)
    pixels[0], pixels[1] = 0.0, 255.0
    moved = change(Attack("pgd", 3.0, 7, 1.5, random_start), linear(weights), pixels, labels)
    assert float(moved.min()) == 0.0
    assert float(moved.max()) == 255.0
    assert float((moved - pixels).abs().max()) == 3.0


def test_large_steps_are_projected():
    pixels, labels, weights = drawn()
    moved = change(Attack("pgd", 2.0, 3, 50.0), linear(weights), pixels, labels)
    assert torch.equal(moved, change(FGSM, linear(weights), pixels, labels))


def test_random_start_is_seeded():
    pixels, labels, _ = drawn()
    start = Attack("start", 4.0, 0, 1.0, random_start=True)
    constant = lambda images: torch.zeros(len(images), 2)  # noqa: E731
    moved = change(start, constant, pixels, labels)
    assert torch.equal(moved, change(start, constant, pixels, labels))
    assert not torch.equal(moved, change(start, constant, pixels, labels, seed=1))
    shift = (moved - pixels).flatten().numpy()
    assert np.abs(shift).max() <= 4.0
    assert shift.std() == pytest.approx(4 / np.sqrt(3), rel=0.05)


def test_images_do_not_depend_on_each_other():
    pixels, labels, weights = drawn()
    together = change(FGSM, linear(weights), pixels, labels)
    parts = [change(FGSM, linear(weights), pixels[i : i + 7], labels[i : i + 7]) for i in range(0, 40, 7)]
    assert torch.equal(together, torch.cat(parts))


@pytest.mark.parametrize(
    "outputs",
    [
        lambda pixels: torch.zeros(len(pixels), 2),
        lambda pixels: nn.Linear(3, 2)(torch.ones(len(pixels), 3)),
        lambda pixels: pixels.flatten(1)[:, :2] * float("nan"),
    ],
)
def test_model_without_a_gradient_leaves_images_alone(outputs):
    pixels, labels, _ = drawn()
    assert torch.equal(change(FGSM, outputs, pixels, labels), pixels)


def test_works_where_gradients_are_off():
    pixels, labels, weights = drawn()
    expected = change(FGSM, linear(weights), pixels, labels)
    with torch.no_grad():
        assert torch.equal(change(FGSM, linear(weights), pixels, labels), expected)
