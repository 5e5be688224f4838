"""How long the graph's estimators take on MNIST, beside scikit-dimension's TwoNN on a sixth of it: `make bench`.

In the group `MNIST, all rows` the figure in parentheses beside scikit-dimension's is how many times longer it takes.
Both may use the same processors; our rows, one after the other in one process, mostly use one of them.
"""

from functools import cache

import numpy as np
import pytest
import skdim.id
from torchvision.datasets import MNIST

from benchmark.neighbors import neighbor_graph
from benchmark.paths import REPOSITORY
from benchmark.submissions import find_submissions

SIMULATE_OR_DECOMPOSE = {"danco", "ess", "geomle", "local-pca"}
"""They do more than read distances and angles, as do the models of the other track, which ask for no graph."""

SKDIM_OF_DISTANCES = {"skdim-mada", "skdim-mom"}
"""scikit-dimension's own, as good as any of ours: a formula of the distances given."""

NEIGHBORS = {
    row.name: row.neighbors
    for row in find_submissions(REPOSITORY / "submissions")
    if row.neighbors
    and row.manifest.name not in SIMULATE_OR_DECOMPOSE
    and (not row.name.startswith("skdim-") or row.name in SKDIM_OF_DISTANCES)
}
K = max(NEIGHBORS.values())

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def images(data_root):
    return MNIST(data_root / "torchvision").data.numpy().reshape(60_000, -1)


@pytest.fixture(scope="module")
def graph_of_first(images):
    """The graph of so many images, made once."""
    return cache(lambda count: neighbor_graph(images[:count], K))


@pytest.fixture
def count(benchmark):
    """All images to measure, few where the tests only run."""
    return 2_000 if benchmark.disabled else 60_000


def dimensions(names, make, points, graph):
    answers = []
    for name in names:
        k = NEIGHBORS[name]
        nearest = graph.distances[:, :k].copy(), graph.indices[:, :k].copy()
        answers.append(make(name).fit(points, precomputed_knn_arrays=nearest).dimension_)
    return np.array(answers)


def test_all_rows_of_a_given_graph(benchmark, images, count, graph_of_first, make):
    benchmark.group = "MNIST, all rows"
    points, graph = images[:count].astype(float), graph_of_first(count)
    answers = benchmark.pedantic(dimensions, (NEIGHBORS, make, points, graph), rounds=3)
    assert ((answers > 3) & (answers < 20)).all()


def test_scikit_dimensions_twonn_of_a_sixth(benchmark, images, count):
    benchmark.group = "MNIST, all rows"
    answer = benchmark.pedantic(lambda: skdim.id.TwoNN().fit(images[: count // 6]).dimension_, rounds=3)
    assert 3 < answer < 20


def test_rows_that_need_distances_only(benchmark, images, count, graph_of_first, make):
    benchmark.group = "MNIST, parts"
    points, graph = images[:count].astype(float), graph_of_first(count)
    names = [name for name in NEIGHBORS if not name.startswith("abid")]
    answers = benchmark.pedantic(dimensions, (names, make, points, graph), rounds=3)
    assert ((answers > 3) & (answers < 20)).all()


def test_graph_and_all_rows(benchmark, images, count, make):
    benchmark.group = "MNIST, parts"

    def from_images():
        return dimensions(NEIGHBORS, make, images[:count].astype(float), neighbor_graph(images[:count], K))

    answers = benchmark.pedantic(from_images)
    assert ((answers > 3) & (answers < 20)).all()


@pytest.mark.parametrize("name", NEIGHBORS)
def test_row_of_a_given_graph(name, benchmark, images, count, graph_of_first, make):
    benchmark.group = "MNIST, each row"
    points, graph = images[:count].astype(float), graph_of_first(count)
    answers = benchmark.pedantic(dimensions, ([name], make, points, graph), rounds=3)
    assert 3 < answers[0] < 20
