"""The neighbour graph on an NVIDIA GPU: the same to the last bit, and how long it takes (`make gpu-check`)."""

import numpy as np
import pytest

from benchmark.neighbors import merge_shards, neighbor_graph, neighbor_shard

pytestmark = pytest.mark.gpu


def cloud(dtype, n, columns, seed=0):
    generator = np.random.default_rng(seed)
    if dtype == np.uint8:
        return generator.integers(0, 256, (n, columns), dtype=np.uint8)
    return generator.standard_normal((n, columns)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize(("n", "columns", "k"), [(2, 1, 1), (50, 3, 49), (3000, 100, 20), (2000, 3000, 100)])
def test_it_is_that_of_the_processor(dtype, n, columns, k):
    points = cloud(dtype, n, columns)
    k = min(k, n - 1)
    groups = np.arange(n) % max(2, n // 3)
    for labels in (None, groups) if n > 100 else (None,):
        expected = neighbor_graph(points, k, groups=labels)
        for block in (None, 700):
            graph = neighbor_graph(points, k, groups=labels, device="cuda", block_rows=block)
            assert graph.certified == 1.0
            assert graph.sha256 == expected.sha256


@pytest.mark.parametrize("columns", [66_052, 131_072])
def test_integers_beyond_32_bits(columns):
    points = np.random.default_rng(1).choice([0, 255], (100, columns)).astype(np.uint8)
    assert neighbor_graph(points, 99, device="cuda").sha256 == neighbor_graph(points, 99).sha256


def test_ties_and_near_equal_rows():
    ties = np.random.default_rng(2).integers(0, 3, (3000, 8)).astype(np.uint8)
    assert neighbor_graph(ties, 50, device="cuda").sha256 == neighbor_graph(ties, 50).sha256
    near = (1e4 + np.cumsum(np.random.default_rng(3).random((1000, 500)) * 1e-3, axis=0)).astype(np.float32)
    assert neighbor_graph(near, 20, device="cuda").sha256 == neighbor_graph(near, 20).sha256


def test_shards_of_both_devices_merge():
    points = cloud(np.uint8, 2000, 64)
    parts = [neighbor_shard(points, 10, s, 2, device=d, block_rows=512) for s, d in enumerate(("cuda", "cpu"))]
    assert merge_shards(points, parts).sha256 == neighbor_graph(points, 10).sha256


@pytest.mark.parametrize(("dtype", "k"), [(np.uint8, 2), (np.uint8, 100), (np.float32, 2)])
def test_speed_at_20000_by_1024(benchmark, dtype, k):
    """Torchid states 28.4 ms for its float32 TwoNN, which needs k = 2, on one H100."""
    points = cloud(dtype, 20_000, 1024)
    graph = benchmark.pedantic(lambda: neighbor_graph(points, k, device="cuda"), rounds=10, warmup_rounds=2)
    assert graph.certified == 1.0


def test_speed_at_the_size_of_chestx_ray14(benchmark):
    """112,000 images of 224 x 224 pixels; random ones here, since the time does not depend on them."""
    points = np.frombuffer(np.random.default_rng(4).bytes(112_000 * 50_176), dtype=np.uint8).reshape(112_000, -1)
    graph = benchmark.pedantic(
        lambda: neighbor_graph(points, 20, device="cuda", memory_bytes=32 << 30), rounds=2, warmup_rounds=1
    )
    wide = points[graph.indices[0]].astype(np.int64) - points[0].astype(np.int64)
    np.testing.assert_array_equal(graph.distances[0], np.sqrt((wide**2).sum(axis=1)))
