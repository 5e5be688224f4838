"""How fast phantoms are rendered; `make bench` shows it, on all threads of the machine."""

import pytest

from benchmark.synthetic.phantoms import PHANTOMS, sample_phantom

IMAGES = 2000
"""A tenth of what a large sample takes."""


@pytest.mark.parametrize("family", list(PHANTOMS))
def test_rendering(benchmark, family):
    benchmark.group = f"phantoms, {IMAGES} images of 64 x 64"
    dimension = min(16, PHANTOMS[family].maximum)
    images = benchmark.pedantic(sample_phantom, args=(family, dimension, IMAGES), rounds=3)
    assert images.pixels.shape == (IMAGES, 64, 64)
