"""Aggregates and ranks: properties that any board must have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.statistics import aggregate, ranks

scores = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 7)), elements=st.floats(0, 100))
FAMILIES = "aabbbcc"


@settings(max_examples=40)
@given(scores, st.randoms())
def test_the_order_of_submissions_does_not_matter(matrix, random):
    families = FAMILIES[: matrix.shape[1]]
    order = list(range(len(matrix)))
    random.shuffle(order)
    before, after = aggregate(matrix, families, 100), aggregate(matrix[order], families, 100)
    np.testing.assert_allclose(after.mean, before.mean[order])
    np.testing.assert_array_equal(after.rank, before.rank[order])
    np.testing.assert_array_equal(after.rank_low, before.rank_low[order])
    np.testing.assert_array_equal(after.rank_high, before.rank_high[order])


@settings(max_examples=40)
@given(scores)
def test_intervals_hold_what_they_are_about(matrix):
    found = aggregate(matrix, FAMILIES[: matrix.shape[1]], 100)
    if matrix.shape[1] > 1:
        assert (found.low <= found.mean).all()
        assert (found.mean <= found.high).all()
    assert (found.rank_low <= found.rank).all()
    assert (found.rank <= found.rank_high).all()
    assert found.rank_low.min() >= 1
    assert found.rank_high.max() <= len(matrix)


@settings(max_examples=40)
@given(scores)
def test_one_that_is_worse_everywhere_comes_last_and_moves_nobody(matrix):
    families = FAMILIES[: matrix.shape[1]]
    before = aggregate(matrix, families, 100)
    after = aggregate(np.vstack([matrix, matrix.max(axis=0) + 1]), families, 100)
    np.testing.assert_array_equal(after.rank[:-1], before.rank)
    np.testing.assert_array_equal(after.rank_low[:-1], before.rank_low)
    np.testing.assert_array_equal(after.rank_high[:-1], before.rank_high)
    assert after.rank[-1] == after.rank_low[-1] == len(matrix) + 1


@settings(max_examples=40)
@given(scores, st.data())
def test_a_copy_shares_the_range_of_ranks(matrix, data):
    families = FAMILIES[: matrix.shape[1]]
    row = data.draw(st.integers(0, len(matrix) - 1))
    found = aggregate(np.vstack([matrix, matrix[row]]), families, 100)
    for ranks_ in (found.rank, found.rank_low, found.rank_high):
        assert ranks_[row] == ranks_[-1]


@settings(max_examples=40)
@given(scores, st.randoms())
def test_the_order_of_tasks_does_not_matter_to_means_and_ranks(matrix, random):
    order = list(range(matrix.shape[1]))
    random.shuffle(order)
    before = aggregate(matrix, FAMILIES[: len(order)], 100)
    after = aggregate(matrix[:, order], [FAMILIES[index] for index in order], 100)
    np.testing.assert_allclose(after.mean, before.mean)
    np.testing.assert_array_equal(after.rank, before.rank)


def test_equal_submissions_share_a_range_of_ranks():
    matrix = np.array([[1.0, 5.0, 2.0], [1.0, 5.0, 2.0], [9.0, 9.0, 9.0]])
    found = aggregate(matrix, "aab", 200)
    assert found.rank.tolist() == [1, 1, 3]
    assert found.rank_low.tolist() == [1, 1, 3]
    assert found.rank_high.tolist() == [1, 1, 3]


def test_families_weigh_the_same_whatever_their_size():
    found = aggregate(np.array([[0.0, 0.0, 0.0, 8.0]]), "aaab", 100)
    assert found.mean.tolist() == [4.0]


@pytest.mark.parametrize("families", ["a", "ab"])
def test_single_tasks_give_no_interval_since_there_is_nothing_to_draw_from(families):
    found = aggregate(np.array([[3.0] * len(families), [4.0] * len(families)]), families, 50)
    assert found.mean.tolist() == [3.0, 4.0]
    assert np.isnan([found.low, found.high]).all()
    assert found.rank_low.tolist() == found.rank_high.tolist() == [1, 2]


def test_the_interval_of_a_mean_is_that_of_the_bootstrap():
    """For 200 tasks the percentile interval comes close to the normal one: mean +- 1.96 s / sqrt(t)."""
    values = np.random.default_rng(3).normal(50, 10, 200)
    found = aggregate(values[None], ["a"] * 200)
    half = 1.96 * values.std() / np.sqrt(200)
    assert found.high[0] - found.low[0] == pytest.approx(2 * half, rel=0.1)


def test_ranks_share_the_best_place():
    assert ranks(np.array([2.0, 1.0, 2.0, 3.0, 1.0])).tolist() == [3, 1, 3, 5, 1]


@pytest.mark.parametrize("matrix", [np.zeros((0, 0)), np.array([[np.nan]]), np.zeros((2, 2))])
def test_wrong_input_is_a_bug_and_says_so(matrix):
    with pytest.raises(ValueError, match="one family for each task"):
        aggregate(matrix, "a")
