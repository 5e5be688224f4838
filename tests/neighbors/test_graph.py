"""The graph against brute force: integers to the last bit, real numbers to rounding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.errors import UserError
from benchmark.neighbors import first_copies, neighbor_graph, restore_copies

FLOAT_COLUMNS, INTEGER_COLUMNS = 512, 256

SHAPES = st.tuples(st.integers(2, 25), st.integers(1, 6))
ANY_BYTES = arrays(np.uint8, SHAPES)
TYING_BYTES = arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1, 2, 254, 255]))
BYTES = ANY_BYTES | TYING_BYTES
REALS = arrays(np.float64, SHAPES, elements=st.floats(-1e6, 1e6).map(lambda value: round(value, 3)))


def brute_force(squared, k, masked):
    """The k smallest by (squared distance, index), from a whole matrix; -1 where `masked` leaves too few."""
    order = [sorted(np.flatnonzero(~masked[row]), key=lambda j: (squared[row, j], j)) for row in range(len(squared))]
    return np.array([row[:k] if len(row) >= k else [-1] * k for row in order])


def squared_integers(points):
    """Squared distances in int64."""
    wide = points.astype(np.int64)
    return ((wide[:, None] - wide[None]) ** 2).sum(axis=-1)


@settings(deadline=None)
@given(BYTES, st.data())
def test_graph_of_bytes_is_that_of_integer_arithmetic(points, data):
    _, first = np.unique(points, axis=0, return_index=True)
    kept = np.sort(first)
    if len(kept) < 2:
        with pytest.raises(UserError, match="rows are equal"):
            neighbor_graph(points, 1)
        return
    k = data.draw(st.integers(1, len(kept) - 1))
    rows = data.draw(st.none() | st.integers(1, len(kept)))
    graph = neighbor_graph(points, k, block_rows=rows)
    squared = squared_integers(points[kept])
    expected = brute_force(squared, k, np.eye(len(kept), dtype=bool))
    np.testing.assert_array_equal(graph.indices, expected)
    np.testing.assert_array_equal(graph.distances, np.sqrt(np.take_along_axis(squared, expected, axis=1)))
    np.testing.assert_array_equal(graph.kept, kept)
    np.testing.assert_array_equal(points[graph.kept][graph.inverse], points)
    assert graph.duplicates == len(points) - len(kept)
    assert graph.certified == 1.0


@pytest.mark.parametrize("columns", [1, INTEGER_COLUMNS - 1, INTEGER_COLUMNS, INTEGER_COLUMNS + 1, 5000])
@pytest.mark.parametrize("values", [(0, 256), (0, 2), (253, 256)])
def test_integers_stay_exact_over_many_columns(columns, values):
    """The largest products that there can be, and more columns than one sum in float32 may hold."""
    points = np.random.default_rng(0).integers(*values, (40, columns), dtype=np.uint8)
    points[0], points[1] = 0, 255
    graph = neighbor_graph(points, 1)
    squared = squared_integers(points[graph.kept])
    n = len(graph.kept)
    graph = neighbor_graph(points, n - 1, block_rows=7)
    expected = brute_force(squared, n - 1, np.eye(n, dtype=bool))
    np.testing.assert_array_equal(graph.indices, expected)
    np.testing.assert_array_equal(graph.distances, np.sqrt(np.take_along_axis(squared, expected, axis=1)))


@settings(deadline=None)
@given(REALS, st.data())
def test_graph_of_reals_is_that_of_direct_differences(points, data):
    kept, _ = first_copies(points)
    if len(kept) < 2:
        return
    k = data.draw(st.integers(1, len(kept) - 1))
    graph = neighbor_graph(points, k, block_rows=data.draw(st.integers(1, len(kept))))
    unique = points[kept].astype(np.longdouble)
    reference = np.sqrt(((unique[:, None] - unique[None]) ** 2).sum(axis=-1))
    chosen = np.take_along_axis(reference, graph.indices, axis=1)
    np.testing.assert_allclose(graph.distances, chosen.astype(float), rtol=1e-12)
    np.fill_diagonal(reference, np.inf)
    np.testing.assert_allclose(graph.distances, np.sort(reference, axis=1)[:, :k].astype(float), rtol=1e-12)
    assert (graph.indices != np.arange(len(kept))[:, None]).all()
    assert (np.diff(graph.distances, axis=1) >= 0).all()


@settings(deadline=None)
@given(TYING_BYTES, st.sampled_from([np.float32, np.float64, np.int64, np.float16]))
def test_ties_of_reals_are_in_order_of_index(points, dtype):
    """Whole numbers as reals: every distance is exact, so the graph is that of the bytes, ties included."""
    if len(first_copies(points)[0]) < 2:
        return
    k = len(first_copies(points)[0]) - 1
    of_bytes, of_reals = neighbor_graph(points, k), neighbor_graph(points.astype(dtype), k)
    np.testing.assert_array_equal(of_reals.indices, of_bytes.indices)
    np.testing.assert_array_equal(of_reals.distances, of_bytes.distances)
    assert of_reals.sha256 == of_bytes.sha256


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_blocks_change_nothing(dtype):
    points = (np.random.default_rng(1).random((101, 2 * FLOAT_COLUMNS + 3)) * 255).astype(dtype)
    whole = neighbor_graph(points, 20)
    for rows in (1, 2, 3, 50, 100, 101, 1000):
        assert neighbor_graph(points, 20, block_rows=rows).sha256 == whole.sha256


def test_close_points_far_from_the_origin():
    """Slices of a volume: the Gram identity would return zeros here, direct differences do not."""
    generator = np.random.default_rng(2)
    points = (1e5 + generator.random((50, 300)) * 1e-2).astype(np.float32)
    graph = neighbor_graph(points, 5)
    wide = points.astype(np.longdouble)
    reference = np.sqrt(((wide[:, None] - wide[None]) ** 2).sum(axis=-1))
    np.fill_diagonal(reference, np.inf)
    np.testing.assert_allclose(graph.distances, np.sort(reference, axis=1)[:, :5].astype(float), rtol=1e-12)


def test_two_points_in_one_dimension():
    graph = neighbor_graph(np.array([[7], [4]], dtype=np.uint8), 1)
    assert graph.distances.tolist() == [[3.0], [3.0]]
    assert graph.indices.tolist() == [[1], [0]]


def test_ties_at_the_last_neighbour_go_to_the_lowest_index():
    """All points of a cube's corners but the first are tied in threes: (1, 2, 4), (3, 5, 6), 7."""
    corners = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], dtype=np.uint8)
    assert [neighbor_graph(corners, k).indices[0].tolist() for k in (1, 2, 4)] == [[1], [1, 2], [1, 2, 4, 3]]


def test_zeros_of_either_sign_are_copies():
    points = np.array([[0.0, 1.0], [-0.0, 1.0], [2.0, 1.0]])
    graph = neighbor_graph(points, 1)
    assert graph.kept.tolist() == [0, 2]
    assert graph.inverse.tolist() == [0, 0, 1]


def test_memory_mapped_points(tmp_path):
    points = np.random.default_rng(3).integers(0, 256, (30, 12), dtype=np.uint8)
    np.save(tmp_path / "points.npy", points)
    mapped = np.load(tmp_path / "points.npy", mmap_mode="r")
    assert neighbor_graph(mapped, 4).sha256 == neighbor_graph(points, 4).sha256


@settings(deadline=None)
@given(TYING_BYTES, st.data())
def test_neighbours_of_the_same_group_are_passed_over(points, data):
    groups = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(points), max_size=len(points))))
    kept, _ = first_copies(points)
    if len(kept) < 2:
        return
    k = data.draw(st.integers(1, len(kept) - 1))
    labels = groups[kept]
    expected = brute_force(squared_integers(points[kept]), k, labels[:, None] == labels[None, :])
    if (expected < 0).any():
        with pytest.raises(UserError, match=f"fewer than {k} neighbours outside its group"):
            neighbor_graph(points, k, groups=groups)
    else:
        np.testing.assert_array_equal(neighbor_graph(points, k, groups=groups, block_rows=3).indices, expected)


@settings(deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(2, 20), st.just(2)), elements=st.integers(0, 3)), st.data())
def test_restored_copies_are_those_of_brute_force(points, data):
    """Each row passes over its own copies, and counts every copy of the others."""
    n = len(first_copies(points)[0])
    if n < 2:
        return
    graph = neighbor_graph(points, data.draw(st.integers(1, n - 1)))
    k = data.draw(st.integers(1, graph.indices.shape[1]))
    distances, indices = restore_copies(graph, k)
    squared = squared_integers(points)
    expected = brute_force(squared, k, squared == 0)
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_array_equal(distances, np.sqrt(np.take_along_axis(squared, expected, axis=1)))


def test_restored_copies_need_a_graph_that_is_large_enough():
    graph = neighbor_graph(np.arange(5, dtype=np.uint8)[:, None], 2)
    with pytest.raises(ValueError, match="1 to the graph's 2, not 3"):
        restore_copies(graph, 3)


def _bytes(*shape):
    return np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)


@pytest.mark.parametrize(
    ("points", "k", "sentence"),
    [
        (_bytes(5, 2), 5, r"k must be from 1 to 4 for 5 different points, not 5\."),
        (_bytes(5, 2), 0, r"k must be from 1 to 4 for 5 different points, not 0\."),
        (_bytes(1, 2), 1, r"all 1 rows are equal; a neighbour graph needs at least 2 different ones\."),
        (np.full((9, 4), 7, dtype=np.uint8), 1, r"all 9 rows are equal"),
        (_bytes(4), 1, r"shape \[N, D\], not \[4\]\."),
        (_bytes(2, 2, 2), 1, r"shape \[N, D\], not \[2, 2, 2\]\."),
        (np.empty((0, 3)), 1, r"shape \[N, D\], not \[0, 3\]\."),
        (np.empty((3, 0)), 1, r"shape \[N, D\], not \[3, 0\]\."),
        (np.array([[0.0], [np.nan], [1.0]]), 1, r"there is a NaN or an infinity\."),
        (np.array([[0.0], [-np.inf], [1.0]], dtype=np.float32), 1, r"there is a NaN or an infinity\."),
        (np.array([[0.0], [-1e200]]), 1, r"within 1e\+140, and there is 1e\+200: rescale them\."),
        (np.array([[0.0], [1.0], [1e-200]]), 1, r"Row 0 of points is within 1e-140 of another but not equal to it"),
        (np.array([["a"], ["b"]]), 1, r"real numbers, not <U1\."),
        (np.array([[1j], [2j]]), 1, r"real numbers, not complex128\."),
    ],
)
def test_what_cannot_be_a_graph_is_told_in_a_sentence(points, k, sentence):
    with pytest.raises(UserError, match=sentence):
        neighbor_graph(points, k)


def test_groups_of_another_length():
    with pytest.raises(UserError, match=r"groups must be of shape \[5\], one a point, not \[4\]\."):
        neighbor_graph(_bytes(5, 2), 1, groups=np.arange(4))
