"""What holds for every family that a table of factors moves: full rank, latents that count alike, the same bytes."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.hashing import sha256_of_array
from benchmark.synthetic.geometry import jacobians
from benchmark.synthetic.phantoms import ct, decoder, scene, ultrasound, xray
from benchmark.synthetic.phantoms.family import Family
from benchmark.synthetic.phantoms.sampling import render_pixels

# torch makes its own forward-mode rules with a function that it calls deprecated
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is:FutureWarning")


@dataclass(frozen=True)
class Expected:
    family: Family
    sample: str
    """sha256 of 8 images of 32 x 32 pixels of dimension 16."""
    darkest: tuple[float, float]
    """Between which values the darkest pixel lies."""
    brightest: tuple[float, float]
    colour: tuple[int, ...] = ()
    """The last axis of images in colour."""


EXPECTED = [
    Expected(
        xray.FAMILY, "73f2a1c190e1a51925c2341ca6f1e42c78dad5aa0dd4c87a967b1f0d449913c7", (-0.15, 0.2), (0.7, 1.35)
    ),
    Expected(ct.FAMILY, "561f3cd9efa7ee5454a267d8c8f4660a2d67c8e3cf58fe4d580d400d8dea1901", (-0.15, 0.2), (0.7, 1.35)),
    Expected(
        ultrasound.FAMILY, "811c630f26ba22b96a74eb93b998df85fe2bb22be37291ecf4da92fcad777b03", (-0.15, 0.2), (0.7, 1.35)
    ),
    Expected(
        scene.FAMILY,
        "2ecb0b0adaa3dabeb74ee7dc7ead93d29c2ae7a3fc1879daeb30ba8098804f70",
        (-0.1, 0.3),
        (0.7, 1.25),
        (3,),
    ),
    Expected(
        decoder.FAMILY, "15fbb5eb5260530b564cb7e80814948941ae350faea2eaa4874fdf36b314a536", (-0.1, 0.3), (0.7, 1.15)
    ),
]
every_family = pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: expected.family.name)


def draws(phantom, n):
    return phantom.latents(n, np.random.default_rng(0))


def differences(phantom, latents, size):
    """Jacobians [n, size * size, d] by central differences: as exact as the tests need, and fast."""
    step = 1e-5
    steps = step * np.eye(phantom.dimension)
    both = (latents[:, None, None] + np.stack([steps, -steps])).reshape(-1, phantom.dimension)
    images = phantom.render(torch.from_numpy(both), size).numpy()
    plus, minus = images.reshape(len(latents), 2, phantom.dimension, -1).swapaxes(0, 1)
    return ((plus - minus) / (2 * step)).swapaxes(1, 2)


@every_family
@pytest.mark.parametrize("end", ["minimum", "maximum"])
def test_the_jacobian_has_full_rank(expected, end):
    phantom = expected.family.make(getattr(expected.family, end), 2)
    values = np.linalg.svd(differences(phantom, draws(phantom, 4), 48), compute_uv=False)
    assert values.shape[1] == phantom.dimension
    assert (values[:, -1] / values[:, 0]).min() > 1e-3


@every_family
def test_forward_differentiation_agrees_with_differences(expected):
    phantom = expected.family.make(3, 1)
    latents = draws(phantom, 2)
    exact = jacobians(phantom, torch.from_numpy(latents), 32)[1].numpy().swapaxes(1, 2)
    measured = differences(phantom, latents, 32)
    np.testing.assert_allclose(measured, exact, rtol=0, atol=1e-6 * np.abs(exact).max())


@every_family
def test_every_latent_moves_the_image_alike(expected):
    phantom = expected.family.make(expected.family.maximum, 0)
    effects = np.linalg.norm(differences(phantom, draws(phantom, 4), 32), axis=1).mean(axis=0)
    assert effects.max() / effects.min() < 12


@every_family
def test_bytes_do_not_depend_on_threads_or_blocks(expected):
    phantom = expected.family.make(16, 0)
    latents = draws(phantom, 8)
    pixels = render_pixels(phantom, latents, 32)
    assert sha256_of_array(pixels) == expected.sample
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    one_by_one = np.concatenate([render_pixels(phantom, latents[i : i + 1], 32) for i in range(8)])
    torch.set_num_threads(threads)
    assert one_by_one.tobytes() == pixels.tobytes()


@every_family
@pytest.mark.parametrize("size", [28, 96])
def test_images_lie_about_0_to_1_at_any_size(expected, size):
    phantom = expected.family.make(20, 1)
    images = phantom.render(torch.from_numpy(draws(phantom, 3)), size)
    assert images.shape == (3, size, size, *expected.colour)
    assert images.dtype == torch.float64
    assert expected.darkest[0] < float(images.min()) < expected.darkest[1]
    assert expected.brightest[0] < float(images.max()) < expected.brightest[1]
