"""The graph of real images, against values of the papers' code (tests/reference-dimensions.json tells their story)."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.neighbors import neighbor_graph, restore_copies

REFERENCE = json.loads((Path(__file__).parents[1] / "reference-dimensions.json").read_text())["datasets"]
TOLERANCE = 5e-5
"""Their sums are in float32, which is good to 1.5e-5 here, and the values are kept to four decimals."""

COPY_REMOVED = {"3": 8.5962, "5": 12.2767, "10": 13.4432, "20": 13.2186, "twonn": 17.9337}
"""PneumoniaMNIST without its one copy: the values stand in the note of its entry."""


def _medmnist(name):
    def images(root):
        with np.load(root / f"medmnist/{name}.npz", allow_pickle=False) as arrays:
            return arrays["train_images"]

    return images


def _idx(name):
    def images(root):
        path = root / f"torchvision/{name}/raw/train-images-idx3-ubyte"
        return np.fromfile(path, dtype=np.uint8, offset=16).reshape(-1, 28 * 28)

    return images


def _cifar(root):
    with np.load(root / "folders/cifar10-4k.npz", allow_pickle=False) as arrays:
        return arrays["images"]


IMAGES = {
    "breastmnist-train": _medmnist("breastmnist"),
    "pneumoniamnist-train-first2000": _medmnist("pneumoniamnist"),
    "mnist-train-first2000": _idx("MNIST"),
    "fashionmnist-train-first2000": _idx("FashionMNIST"),
    "cifar10-4k-first2000": _cifar,
}


def mle_inverse(distances, k):
    """(k-2) N / sum_i sum_{j<k} ln(T_k/T_j), the papers' estimator."""
    return (k - 2) * len(distances) / np.log(distances[:, k - 1 : k] / distances[:, : k - 1]).sum()


def twonn(distances):
    """Slope through the origin of -ln(1-i/n) on ln(r2/r1), the largest ratio dropped."""
    x = np.sort(np.log(distances[:, 1] / distances[:, 0]))[:-1]
    y = -np.log1p(-np.arange(1, len(distances)) / len(distances))
    return (x @ y) / (x @ x)


def _graph(root, name):
    images = IMAGES[name](root)[:2000]
    assert len(images) == REFERENCE[name]["n"]
    return neighbor_graph(images.reshape(len(images), -1), 20)


@pytest.mark.data
@pytest.mark.parametrize("name", REFERENCE)
def test_values_of_the_papers_code(data_root, name):
    """Every copy kept, each point passing over its own copies, as that code does."""
    distances, _ = restore_copies(_graph(data_root, name), 20)
    for k, expected in REFERENCE[name]["mle_inverse"].items():
        assert mle_inverse(distances, int(k)) == pytest.approx(expected, rel=TOLERANCE)
    assert twonn(distances) == pytest.approx(REFERENCE[name]["twonn"], rel=TOLERANCE)


@pytest.mark.data
def test_values_with_the_copy_removed(data_root):
    graph = _graph(data_root, "pneumoniamnist-train-first2000")
    assert graph.duplicates == 1
    for k in (3, 5, 10, 20):
        assert mle_inverse(graph.distances, k) == pytest.approx(COPY_REMOVED[str(k)], rel=TOLERANCE)
    assert twonn(graph.distances) == pytest.approx(COPY_REMOVED["twonn"], rel=TOLERANCE)
