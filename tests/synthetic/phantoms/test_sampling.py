"""Samples of phantoms: the arguments decide every byte, and nothing else does."""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmark.errors import UserError
from benchmark.synthetic.phantoms import PHANTOMS, ct, sample_phantom, sampling

UNCACHED = ct.CACHED_SIZE + 1
"""Pixels a side of images for which nothing is kept that another test could find."""


def test_the_same_arguments_give_the_same_bytes_and_others_do_not():
    one = sample_phantom("warp", 3, 5, size=28)
    assert (one.pixels == sample_phantom("warp", 3, 5, size=28).pixels).all()
    other = sample_phantom("warp", 3, 5, size=28, seed=1)
    assert (one.latents != other.latents).all()
    person = sample_phantom("warp", 3, 5, size=28, anatomy=1)
    assert (one.latents == person.latents).all()
    assert (one.pixels != person.pixels).any()


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("family", list(PHANTOMS))
def test_blocks_and_threads_change_no_byte(family, monkeypatch):
    whole = sample_phantom(family, 4, 9, size=30).pixels
    for images, threads in ((1, 1), (2, 2), (4, 2), (100, 2)):
        monkeypatch.setitem(sampling.BLOCK_PIXELS, "cpu", images * 30**2)
        torch.set_num_threads(threads)
        assert sample_phantom(family, 4, 9, size=30).pixels.tobytes() == whole.tobytes()
        assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("two_threads")
def test_a_phantom_that_fails_leaves_the_threads_as_they_were():
    class Broken:
        def render(self, latents, size):
            if len(latents) > 1:
                raise ArithmeticError("no image")
            return torch.zeros((1, size, size))

    with pytest.raises(ArithmeticError, match="no image"):
        sampling.render_pixels(Broken(), np.zeros((9, 2)), 30)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("family", list(PHANTOMS))
def test_all_is_computed_where_the_latents_are(family):
    """Without a GPU: torch's fake tensors have a device and no values, and refuse to meet those of another device."""
    phantom = sampling.phantom_of(family, min(8, PHANTOMS[family].maximum))
    for stratum in phantom.strata:
        latents = stratum.latents(3, np.random.default_rng(0))
        with FakeTensorMode(allow_non_fake_inputs=True), torch.inference_mode():
            there = torch.from_numpy(latents).to("cuda", torch.float32)
            with pytest.raises(RuntimeError, match="devices"):
                there + torch.from_numpy(latents)
            images = stratum.render(there, UNCACHED)
        assert (images.device.type, images.dtype, images.shape[:3]) == ("cuda", torch.float32, (3, UNCACHED, UNCACHED))


def test_eight_bits_round_half_to_even_and_clip():
    pixels = np.array([[[-3.0, 0.5, 1.5, 2.5, 254.5, 255.5, 300.0]]], dtype=np.float32)
    assert sampling.to_8_bits(pixels).tolist() == [[[0, 0, 2, 2, 254, 255, 255]]]
    fine, coarse = (sample_phantom("ellipses", 2, 4, size=28, bits=bits).pixels for bits in (32, 8))
    assert coarse.dtype == np.uint8
    assert np.abs(coarse - np.clip(fine, 0, 255)).max() <= 0.5


def test_noise_comes_before_rounding_and_leaves_the_truth():
    clean = sample_phantom("ellipses", 2, 20, size=28)
    noisy = sample_phantom("ellipses", 2, 20, size=28, noise="rician", noise_level=0.1, bits=8)
    assert (noisy.latents == clean.latents).all()
    assert (noisy.local_dimensions == 2).all()
    black = clean.pixels < 1
    assert 20 < noisy.pixels[black].mean() < 45


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"family": "moon"}, 'no phantom family "moon"; known: ellipses'),
        ({"dimension": 65}, "dimensions from 1 to 64, not 65"),
        ({"dimension": 0}, "dimensions from 1 to 64, not 0"),
        ({"n": 0}, "n must be at least 1"),
        ({"size": 27}, "size must be from 28 to 512 pixels, not 27"),
        ({"bits": 16}, "bits must be 8 or 32, not 16"),
        ({"noise": "salt"}, 'no noise "salt"; known: none, gaussian, rician, poisson'),
        ({"noise_level": 0.1}, "noise_level is 0.1, and noise is none"),
    ],
)
def test_mistakes_are_told(change, words):
    arguments = {"family": "ellipses", "dimension": 2, "n": 2, "size": 28} | change
    with pytest.raises(UserError, match=words):
        sample_phantom(arguments.pop("family"), arguments.pop("dimension"), arguments.pop("n"), **arguments)
