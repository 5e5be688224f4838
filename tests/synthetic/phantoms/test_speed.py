"""How fast phantoms are rendered: on all threads (`make bench`), and on a GPU (`make gpu-check`)."""

import pytest
import torch

from benchmark.synthetic.phantoms import PHANTOMS, sample_phantom

IMAGES = 20_000
FEW = 20
"""Where the tests only run."""


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("family", list(PHANTOMS))
def test_rendering(benchmark, family, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU on this machine")
    benchmark.group = f"phantoms, {IMAGES:,} images of 64 x 64, {device}"
    dimension = min(16, PHANTOMS[family].maximum)
    n = FEW if benchmark.disabled else IMAGES
    if device == "cuda":
        sample_phantom(family, dimension, FEW, device=device)  # which starts the GPU
    images = benchmark.pedantic(sample_phantom, args=(family, dimension, n), kwargs={"device": device}, rounds=1)
    assert images.pixels.shape[:3] == (n, 64, 64)
