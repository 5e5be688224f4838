"""A graph made in parts, for several devices or machines."""

import pickle

import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.neighbors import merge_shards, neighbor_graph, neighbor_shard


def points_of(dtype, n=300):
    return (np.random.default_rng(0).random((n, 20)) * 255).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shards", [1, 2, 5, 40])
def test_merged_shards_are_the_graph(dtype, shards):
    """Also where there are more shards than pairs of blocks, so that some are empty."""
    points = points_of(dtype)
    groups = np.arange(300) % 7
    parts = [neighbor_shard(points, 11, s, shards, groups=groups, block_rows=64) for s in reversed(range(shards))]
    parts = pickle.loads(pickle.dumps(parts))
    merged = merge_shards(points, parts, groups=groups)
    whole = neighbor_graph(points, 11, groups=groups)
    assert merged.sha256 == whole.sha256
    assert merged.certified == whole.certified == 1.0


def test_shards_of_different_sizes_of_block_do_not_merge():
    points = points_of(np.uint8)
    parts = [neighbor_shard(points, 5, 0, 2, block_rows=64), neighbor_shard(points, 5, 1, 2, block_rows=100)]
    with pytest.raises(UserError, match=r"different points, k or blocks"):
        merge_shards(points, parts)


def test_shards_of_other_points_do_not_merge():
    points = points_of(np.uint8)
    parts = [neighbor_shard(points, 5, s, 2) for s in range(2)]
    with pytest.raises(UserError, match=r"different points, k or blocks"):
        merge_shards(points_of(np.uint8, 299), parts)


def test_each_shard_is_needed_once():
    points = points_of(np.uint8)
    part = neighbor_shard(points, 5, 1, 2)
    for parts in ([], [part], [part, part]):
        with pytest.raises(UserError, match="needs each of its shards once"):
            merge_shards(points, parts)
    with pytest.raises(UserError, match=r"shard must be from 0 to 1, not 2"):
        neighbor_shard(points, 5, 2, 2)
