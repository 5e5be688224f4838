"""All tests here need a GPU, and are run by `make gpu-check`."""

import pytest


@pytest.fixture(autouse=True)
def _a_gpu():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU on this machine")
