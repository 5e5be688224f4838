"""The lists made in plain torch, which serve CUDA, are those of the compiled kernel; here they run on the processor."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.neighbors import grid, neighbor_graph
from benchmark.neighbors.device_selection import STRIP, DeviceLists
from benchmark.neighbors.selection import Lists


def in_torch(monkeypatch):
    """Make the graph as on a device: its lists and its loop, with the products of the processor."""
    monkeypatch.setattr(grid, "on_processor", lambda device: False)


@settings(deadline=None, max_examples=80)
@given(
    st.integers(2, 400),
    st.integers(1, 120),
    st.integers(8, 200),
    st.sampled_from([np.uint32, np.int64, np.float32]),
    st.sampled_from([2, 50, 10**6]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_the_same_lists(n, k, block, dtype, values, grouped, seed):
    """Few values make many ties, which fall to the lowest index in both."""
    generator = np.random.default_rng(seed)
    base = generator.integers(values, 2 * values, n).astype(dtype)
    groups = generator.integers(0, 4, n) if grouped else None
    products = {np.uint32: np.int32, np.int64: np.int64, np.float32: np.float32}[dtype]
    matrix = torch.from_numpy(generator.integers(-values, values // 2, (n, n)).astype(products))
    k = min(k, n - 1)
    compiled = Lists(base, k, groups, 31, block)
    plain = DeviceLists(base, k, groups, 31, torch.device("cpu"))
    for i in range(0, n, block):
        for j in range(i, n, block):
            part = matrix[i : i + block, j : j + block].contiguous()
            if i == j:
                part = part.triu() + part.triu(1).T  # each pair once: the kernel reads one half, torch both
            compiled.update(part, i, j)
            plain.update(part, i, j)
    np.testing.assert_array_equal(plain.keys(), compiled.keys())


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("columns", [3, 500])
def test_the_same_graph(dtype, columns, monkeypatch):
    generator = np.random.default_rng(0)
    points = (generator.random((3 * STRIP * 20, columns)) * 255).astype(dtype)
    groups = generator.integers(0, 40, len(points))
    graphs = [(k, g, neighbor_graph(points, k, groups=g)) for k in (2, 20) for g in (None, groups)]
    in_torch(monkeypatch)
    for k, g, graph in graphs:
        assert neighbor_graph(points, k, groups=g).sha256 == graph.sha256
        assert neighbor_graph(points, k, groups=g, block_rows=777).sha256 == graph.sha256


def test_large_integers(monkeypatch):
    points = np.random.default_rng(1).choice([0, 255], (60, 70_000)).astype(np.uint8)
    expected = neighbor_graph(points, 59).sha256
    in_torch(monkeypatch)
    assert neighbor_graph(points, 59).sha256 == expected
