"""The papers' estimators on real images, with neighbours from scikit-learn: the values of the papers' own code."""

import json

import numpy as np
import pytest
from torchvision.datasets import MNIST

from benchmark.paths import REPOSITORY

REFERENCE = json.loads((REPOSITORY / "tests" / "reference-dimensions.json").read_text())["datasets"]


@pytest.fixture(scope="module")
def breastmnist(data_root, cloud):
    with np.load(data_root / "medmnist" / "breastmnist.npz", allow_pickle=False) as arrays:
        return cloud(arrays["train_images"].reshape(546, -1), k=20)


@pytest.fixture(scope="module")
def mnist(data_root, cloud):
    return cloud(MNIST(data_root / "torchvision").data[:2000].numpy().reshape(2000, -1), k=20)


@pytest.mark.data
@pytest.mark.parametrize(("images", "name"), [("breastmnist", "breastmnist-train"), ("mnist", "mnist-train-first2000")])
def test_values_of_the_papers_code(images, name, fit, request):
    data = request.getfixturevalue(images)
    for k, value in REFERENCE[name]["mle_inverse"].items():
        assert fit(f"papers-mle-k{k}", data).dimension_ == pytest.approx(value, rel=5e-5)
        if f"mle-k{k}" != "mle-k3":
            corrected = value * (int(k) - 1) / (int(k) - 2)
            assert fit(f"mle-k{k}", data).dimension_ == pytest.approx(corrected, rel=5e-5)
    assert fit("papers-twonn", data).dimension_ == pytest.approx(REFERENCE[name]["twonn"], rel=5e-5)
