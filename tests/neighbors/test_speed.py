"""How long the graph takes beside other searches, of the same points, with the same threads: `make bench`.

In a group of bytes the row `full_product` is one product of all rows with all rows in 8-bit integers, in blocks and
thrown away: what the hardware needs for the arithmetic of N^2 D, of which the graph does half.
"""

import numpy as np
import pytest
import torch
from skdim._commonfuncs import get_nn
from sklearn.neighbors import NearestNeighbors

from benchmark.neighbors import neighbor_graph
from benchmark.neighbors.grid import Resources, for_each
from benchmark.neighbors.products import int8_products

CLOUDS = {
    "bytes 20000 x 784, k 20": (np.uint8, 20_000, 784, 20),
    "bytes 10000 x 4096, k 100": (np.uint8, 10_000, 4096, 100),
    "bytes 5000 x 50176, k 100": (np.uint8, 5_000, 50_176, 100),
    "float32 20000 x 784, k 20": (np.float32, 20_000, 784, 20),
    "float32 10000 x 4096, k 100": (np.float32, 10_000, 4096, 100),
    "float32 20000 x 50, k 20": (np.float32, 20_000, 50, 20),
}
FEW = 400
"""Rows where the tests only run."""


@pytest.fixture(params=CLOUDS)
def cloud(request, benchmark):
    """Points and k of a cloud; its name is the group."""
    dtype, n, columns, k = CLOUDS[request.param]
    benchmark.group = request.param
    n = FEW if benchmark.disabled else n
    if dtype == np.uint8:
        return np.random.default_rng(0).integers(0, 256, (n, columns), dtype=dtype), k
    return np.random.default_rng(0).random((n, columns), dtype=dtype), k


def measured(benchmark, search):
    return benchmark.pedantic(search, rounds=3, warmup_rounds=1)


def test_neighbor_graph(benchmark, cloud):
    points, k = cloud
    graph = measured(benchmark, lambda: neighbor_graph(points, k))
    assert graph.distances.shape == (len(points), k)
    assert graph.certified == 1.0


def test_faiss(benchmark, cloud):
    """Which takes float32, and finds each point itself first."""
    faiss = pytest.importorskip("faiss")
    faiss.omp_set_num_threads(torch.get_num_threads())
    points, k = cloud
    points = points.astype(np.float32)

    def search():
        index = faiss.IndexFlatL2(points.shape[1])
        index.add(points)
        return index.search(points, k + 1)

    squared, _ = measured(benchmark, search)
    if benchmark.disabled:
        graph = neighbor_graph(points, k)
        np.testing.assert_allclose(np.sqrt(squared[:, 1:]), graph.distances, rtol=1e-3)


def test_scikit_learn(benchmark, cloud):
    points, k = cloud
    points = points.astype(np.float32)
    search = NearestNeighbors(n_neighbors=k, algorithm="brute")
    distances, _ = measured(benchmark, lambda: search.fit(points).kneighbors())
    if benchmark.disabled:
        np.testing.assert_allclose(distances, neighbor_graph(points, k).distances, rtol=1e-4)


def test_scikit_dimension(benchmark, cloud):
    """The search that each of its estimators makes anew; once, since it takes longest."""
    points, k = cloud
    points = points.astype(np.float64)
    distances, _ = benchmark.pedantic(get_nn, args=(points, k), rounds=1)
    if benchmark.disabled:
        np.testing.assert_allclose(distances, neighbor_graph(points, k).distances, rtol=1e-4)


@pytest.mark.parametrize("cloud", [name for name in CLOUDS if name.startswith("bytes")], indirect=True)
def test_full_product(benchmark, cloud):
    rows = torch.from_numpy((cloud[0] ^ 0x80).view(np.int8))
    resources = Resources(torch.device("cpu"), torch.get_num_threads(), 1 << 30, None)
    block = 1024

    def product():
        pairs = ((i, j) for i in range(0, len(rows), block) for j in range(0, len(rows), block))
        with resources.executor() as executor:
            for_each(
                lambda pair: int8_products(rows[pair[0] : pair[0] + block], rows[pair[1] : pair[1] + block]),
                pairs,
                executor,
                resources.threads,
            )

    measured(benchmark, product)
    part = int8_products(rows[:5], rows[:7])
    assert part.tolist() == (rows[:5].long() @ rows[:7].long().T).tolist()
