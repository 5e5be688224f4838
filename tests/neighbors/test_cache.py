"""Stored graphs: found by content, whole or not at all, rebuilt when damaged."""

import errno
import os

import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.neighbors import cache, cached_neighbor_graph, neighbor_graph


@pytest.fixture
def points():
    points = np.random.default_rng(0).integers(0, 9, (30, 4), dtype=np.uint8)
    points[7] = points[3]
    return points


def test_second_call_reads_what_the_first_wrote(points, tmp_path, monkeypatch):
    folder = tmp_path / "new" / "graphs"
    built, seconds = cached_neighbor_graph(points, 3, folder=folder)
    assert seconds > 0
    monkeypatch.setattr(cache, "neighbor_graph", None)
    read, seconds_then = cached_neighbor_graph(points, 3, folder=folder)
    assert seconds_then == seconds
    fresh = neighbor_graph(points, 3)
    for name in ("distances", "indices", "kept", "inverse"):
        for graph in (built, read):
            np.testing.assert_array_equal(getattr(graph, name), getattr(fresh, name), strict=True)
    assert (read.duplicates, read.certified, read.sha256) == (fresh.duplicates, fresh.certified, fresh.sha256)
    assert len(list(folder.iterdir())) == 1


def test_everything_that_changes_the_graph_has_a_file_of_its_own(points, tmp_path, monkeypatch):
    def files():
        return len(list(tmp_path.iterdir()))

    groups = np.arange(30) // 2
    cached_neighbor_graph(points, 3, folder=tmp_path)
    cached_neighbor_graph(points, 4, folder=tmp_path)
    cached_neighbor_graph(points[::-1], 3, folder=tmp_path)
    cached_neighbor_graph(points.astype(float), 3, folder=tmp_path)
    cached_neighbor_graph(points, 3, groups=groups, folder=tmp_path)
    cached_neighbor_graph(points, 3, groups=groups[::-1], folder=tmp_path)
    assert files() == 6
    monkeypatch.setattr(cache, "GRAPH_VERSION", cache.GRAPH_VERSION + 1)
    cached_neighbor_graph(points, 3, folder=tmp_path)
    assert files() == 7


def test_damaged_file_is_built_again(points, tmp_path):
    expected, _ = cached_neighbor_graph(points, 3, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    damages = [b"", b"not an archive", whole[:100], whole[:-1], whole[: len(whole) // 2]]
    damages += [bytes([*whole[:at], whole[at] ^ 255, *whole[at + 1 :]]) for at in range(0, len(whole), 29)]
    for damage in damages:
        path.write_bytes(damage)
        graph, _ = cached_neighbor_graph(points, 3, folder=tmp_path)
        assert graph.sha256 == expected.sha256
        np.testing.assert_array_equal(graph.distances, expected.distances)
        np.testing.assert_array_equal(graph.inverse, expected.inverse)
        assert list(tmp_path.iterdir()) == [path]


def test_file_of_other_content_is_built_again(points, tmp_path):
    """Bits may be whole and still be another's: the checksum is over all that was stored."""
    expected, _ = cached_neighbor_graph(points, 3, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    with np.load(path) as arrays:
        content = dict(arrays)
    content["distances"] = content["distances"] * 2
    np.savez(path, **content)
    graph, _ = cached_neighbor_graph(points, 3, folder=tmp_path)
    np.testing.assert_array_equal(graph.distances, expected.distances)


def test_folder_that_cannot_be_written(points, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        UserError, match=r"file/graphs/\w+\.npz: a neighbour graph cannot be written: Not a directory\."
    ):
        cached_neighbor_graph(points, 3, folder=tmp_path / "file" / "graphs")


def test_full_disk_leaves_nothing_behind(points, tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        cached_neighbor_graph(points, 3, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
