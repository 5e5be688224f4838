"""References for the graph: brute force in int64 and in extended precision, one row at a time."""

import numpy as np
import pytest


def integer_neighbors(points, row, k, masked=None):
    """Distances and indices [k] of one row of bytes, in int64; masked: [n], rows that do not count."""
    wide = points.astype(np.int64)
    squared = ((wide - wide[row]) ** 2).sum(axis=1)
    return _first(squared, row, k, masked)


def real_neighbors(points, row, k, masked=None):
    """Distances and indices [k] of one row of reals, in extended precision."""
    wide = points.astype(np.longdouble)
    return _first(((wide - wide[row]) ** 2).sum(axis=1), row, k, masked)


def _first(squared, row, k, masked):
    out = np.arange(len(squared)) == row
    if masked is not None:
        out |= masked
    allowed = np.flatnonzero(~out)
    order = allowed[np.lexsort((allowed, squared[allowed]))][:k]
    return np.sqrt(squared[order].astype(np.float64) if squared.dtype == np.int64 else squared[order]), order


@pytest.fixture(scope="session")
def assert_exact():
    """Give a check of some rows of a graph against the reference of its dtype, bit for bit or to 1e-12."""

    def check(points, graph, rows=None, groups=None):
        unique = points[graph.kept]
        labels = None if groups is None else groups[graph.kept]
        k = graph.indices.shape[1]
        assert graph.certified == 1.0
        for row in range(len(unique)) if rows is None else rows:
            masked = None if labels is None else labels == labels[row]
            if unique.dtype == np.uint8:
                distances, indices = integer_neighbors(unique, row, k, masked)
                np.testing.assert_array_equal(graph.indices[row], indices)
                np.testing.assert_array_equal(graph.distances[row], distances)
            else:
                distances, _ = real_neighbors(unique, row, k, masked)
                np.testing.assert_allclose(graph.distances[row], distances.astype(float), rtol=1e-12)
                chosen = unique[graph.indices[row]].astype(np.longdouble) - unique[row].astype(np.longdouble)
                np.testing.assert_allclose(
                    graph.distances[row], np.sqrt((chosen**2).sum(axis=1)).astype(float), rtol=1e-12
                )
                assert row not in graph.indices[row]

    return check
