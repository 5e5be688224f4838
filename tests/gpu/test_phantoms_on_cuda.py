"""Phantoms rendered on an NVIDIA GPU: those of the processor, but for the last bits (`make gpu-check`)."""

import numpy as np
import pytest

from benchmark.synthetic.phantoms import PHANTOMS, sample_phantom, sampling

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("family", list(PHANTOMS))
def test_images_are_those_of_the_processor(family):
    """To 0.02 grey levels: in float32 the two round differently, and the latents are the same."""
    dimension = min(16, PHANTOMS[family].maximum)
    here, there = (sample_phantom(family, dimension, 40, size=64, device=device) for device in ("cpu", "cuda"))
    np.testing.assert_array_equal(here.latents, there.latents)
    np.testing.assert_allclose(here.pixels, there.pixels, rtol=0, atol=0.02)


def test_blocks_change_no_byte(monkeypatch):
    whole = sample_phantom("xray", 8, 50, size=64, device="cuda").pixels
    monkeypatch.setitem(sampling.BLOCK_PIXELS, "cuda", 7 * 64**2)
    assert sample_phantom("xray", 8, 50, size=64, device="cuda").pixels.tobytes() == whole.tobytes()
