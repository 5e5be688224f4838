"""How fast phantoms are rendered; `make bench` shows it, on all threads of the machine."""

import pytest

from benchmark.synthetic.phantoms import PHANTOMS, sample_phantom

IMAGES = 20_000
FEW = 20
"""Where the tests only run."""


@pytest.mark.parametrize("family", list(PHANTOMS))
def test_rendering(benchmark, family):
    benchmark.group = f"phantoms, {IMAGES:,} images of 64 x 64"
    dimension = min(16, PHANTOMS[family].maximum)
    n = FEW if benchmark.disabled else IMAGES
    images = benchmark.pedantic(sample_phantom, args=(family, dimension, n), rounds=1)
    assert images.pixels.shape[:3] == (n, 64, 64)
