"""How long the graph's estimators take on MNIST, beside scikit-dimension's TwoNN on a sixth of it: `make bench`.

In the group `MNIST, all rows` the figure in parentheses is a multiple of the shortest. Our rows run as the harness runs
them, in two processes of one thread each, or one after the other; scikit-dimension uses what processors there are.
"""

import multiprocessing
from functools import cache

import numpy as np
import pytest
import skdim.id
import torch
from threadpoolctl import threadpool_limits
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


@pytest.fixture
def given(images, count, graph_of_first, make):
    """What a row is computed from."""
    return make, images[:count].astype(float), graph_of_first(count)


@pytest.fixture
def two_at_a_time(given):
    """The dimensions of rows, by two processes of one thread each that were given the points and the graph before."""
    with multiprocessing.get_context("fork").Pool(2, hold, given) as pool:
        yield lambda names: np.array(pool.map(dimension_of_held, names, chunksize=1))


HELD = []
"""What a process of `two_at_a_time` was given."""


def hold(*given):
    torch.set_num_threads(1)
    threadpool_limits(1)
    HELD[:] = given


def dimension_of_held(name):
    return dimension(name, *HELD)


def dimension(name, make, points, graph):
    k = NEIGHBORS[name]
    nearest = graph.distances[:, :k].copy(), graph.indices[:, :k].copy()
    return make(name).fit(points, precomputed_knn_arrays=nearest).dimension_


def dimensions(names, *given):
    return np.array([dimension(name, *given) for name in names])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # since Python 3.12
def test_all_rows_two_at_a_time(benchmark, given, two_at_a_time):
    benchmark.group = "MNIST, all rows"
    longest_first = sorted(NEIGHBORS, key=lambda name: not name.startswith("abid"))
    answers = benchmark.pedantic(two_at_a_time, (longest_first,), rounds=3)
    if benchmark.disabled:
        np.testing.assert_allclose(answers, dimensions(longest_first, *given), rtol=1e-12)
    assert ((answers > 3) & (answers < 20)).all()


def test_all_rows_one_after_the_other(benchmark, given):
    benchmark.group = "MNIST, all rows"
    answers = benchmark.pedantic(dimensions, (NEIGHBORS, *given), rounds=3)
    assert ((answers > 3) & (answers < 20)).all()


def test_scikit_dimensions_twonn_of_a_sixth(benchmark, images, count):
    benchmark.group = "MNIST, all rows"
    answer = benchmark.pedantic(lambda: skdim.id.TwoNN().fit(images[: count // 6]).dimension_, rounds=3)
    assert 3 < answer < 20


def test_rows_that_need_distances_only(benchmark, given):
    benchmark.group = "MNIST, parts"
    names = [name for name in NEIGHBORS if not name.startswith("abid")]
    answers = benchmark.pedantic(dimensions, (names, *given), rounds=3)
    assert ((answers > 3) & (answers < 20)).all()


def test_graph_and_all_rows(benchmark, images, count, make):
    benchmark.group = "MNIST, parts"

    def from_images():
        return dimensions(NEIGHBORS, make, images[:count].astype(float), neighbor_graph(images[:count], K))

    answers = benchmark.pedantic(from_images)
    assert ((answers > 3) & (answers < 20)).all()


@pytest.mark.parametrize("name", NEIGHBORS)
def test_row_of_a_given_graph(name, benchmark, given):
    benchmark.group = "MNIST, each row"
    answers = benchmark.pedantic(dimensions, ([name], *given), rounds=3)
    assert 3 < answers[0] < 20
