"""How long the graph takes beside scikit-learn's brute force, which scikit-dimension uses: `make bench`."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from benchmark.neighbors import neighbor_graph

K = 20
CLOUDS = {"bytes 1000 x 784": (np.uint8, 1000, 784), "float64 1000 x 96": (np.float64, 1000, 96)}


def _points(cloud):
    dtype, n, columns = CLOUDS[cloud]
    return (np.random.default_rng(0).random((n, columns)) * 255).astype(dtype)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_neighbor_graph(benchmark, cloud):
    benchmark.group = cloud
    graph = benchmark(neighbor_graph, _points(cloud), K)
    assert graph.distances.shape == (CLOUDS[cloud][1], K)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_scikit_learn(benchmark, cloud):
    benchmark.group = cloud
    points = _points(cloud)
    search = NearestNeighbors(n_neighbors=K, algorithm="brute")
    distances, _ = benchmark(lambda: search.fit(points).kneighbors())
    # the peer also excludes self; its distances come by the Gram identity, so they agree to rounding only
    np.testing.assert_allclose(distances, neighbor_graph(points, K).distances, rtol=1e-5)
