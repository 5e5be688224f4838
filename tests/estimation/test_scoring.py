"""Scores: worked cases, and properties that hold for any answers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.estimation.scoring import (
    INCONSISTENT,
    interval_coverage,
    jackknife_interval,
    mean_percentage_error,
    median_log_error,
    rank_correlation,
    score_known,
    score_pooled,
    score_real,
    share_far_off,
    signed_bias,
    stand_in,
)

dimensions = st.floats(0.1, 1000)
ESTIMATES = np.array([5.0, 20.0, 10.5])
TRUTHS = np.array([10.0, 10.0, 10.0])


def test_worked_cases():
    assert mean_percentage_error(ESTIMATES, TRUTHS) == pytest.approx((50 + 100 + 5) / 3)
    assert median_log_error(ESTIMATES, TRUTHS) == pytest.approx(math.log(2))
    assert signed_bias(ESTIMATES, TRUTHS) == pytest.approx(100 * (1.05 ** (1 / 3) - 1))
    assert share_far_off(ESTIMATES, TRUTHS) == pytest.approx(200 / 3)
    assert interval_coverage([(9, 11), (11, 12), None], TRUTHS) == 50.0
    assert math.isnan(interval_coverage([None, None, None], TRUTHS))


def test_rank_correlation():
    truths = np.array([1.0, 2.0, 3.0, 4.0])
    assert rank_correlation(truths**2, truths) == pytest.approx(1.0)
    assert rank_correlation(1 / truths, truths) == pytest.approx(-1.0)
    assert rank_correlation(np.full(4, 7.0), truths) == 0.0
    assert math.isnan(rank_correlation(ESTIMATES, TRUTHS))


def test_known_truth_with_a_failure():
    scores = score_known([5.0, None], [(4.0, 6.0), None], 5.0, [10.0, 10.0])
    assert scores == {
        "error": 50.0,
        "log_error": pytest.approx(math.log(2) / 2),
        "bias": pytest.approx(100 * (math.sqrt(2) - 1)),
        "far_off": 50.0,
        "failure_rate": 50.0,
        "coverage": 100.0,
    }


def test_without_the_control_a_failure_counts_as_twice_the_truth():
    assert score_known([None], [None], 7.0, [None])["error"] == 100.0


def test_what_stands_in_for_a_failure():
    assert stand_in([3.0, None, None], [9.0, 9.0, None], 7.0).tolist() == [3.0, 9.0, 14.0]


def test_pooled_worked_case():
    """Two families; the first orders its truths perfectly, the second has too few to order."""
    scores = score_pooled(
        np.array([2.0, 4.0, 16.0, 10.0]),
        np.array([1.0, 4.0, 8.0, 10.0]),
        [None, (3.0, 5.0), (17.0, 18.0), None],
        ["a", "a", "a", "b"],
    )
    assert scores == {
        "log_error": pytest.approx(math.log(2) / 2),
        "bias": pytest.approx(100 * (math.sqrt(2) - 1)),
        "far_off": 50.0,
        "coverage": 50.0,
        "rank_correlation": pytest.approx(1.0),
    }
    assert all(math.isnan(value) for value in score_pooled(np.empty(0), np.empty(0), [], []).values())


positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)


@given(positive, positive, dimensions)
def test_any_valid_answer_has_finite_scores(first, second, truth):
    """1e308 and 5e-324 are valid answers; an infinite score could be neither written nor averaged."""
    known = score_known([first, second], [None, None], truth, [None, None])
    real = score_real(dict(zip(REAL, [first, second, first, second, first], strict=True)))
    assert all(math.isfinite(score) for score in [*known.values(), *real.values()])
    low, high = jackknife_interval(first, [(first, second)])
    assert low <= first <= high


@given(st.lists(dimensions, min_size=1, max_size=8), dimensions)
def test_an_oracle_is_perfect_and_nobody_is_better(estimates, truth):
    """The truth itself scores zero; the scoring cannot be beaten by anything else."""
    count = len(estimates)
    oracle = score_known([truth] * count, [None] * count, truth, [10.0] * count)
    scores = score_known(estimates, [None] * count, truth, [10.0] * count)
    for name in ("error", "log_error", "far_off", "failure_rate"):
        assert oracle[name] == 0.0 <= scores[name]
    assert oracle["bias"] == pytest.approx(0.0, abs=1e-9)


@given(st.lists(st.none() | dimensions, min_size=1, max_size=8), dimensions, dimensions)
def test_failing_scores_as_the_control_does(estimates, truth, control):
    none = [None] * len(estimates)
    filled = [control if estimate is None else estimate for estimate in estimates]
    failed = score_known(estimates, none, truth, [control] * len(estimates))
    answered = score_known(filled, none, truth, [control] * len(estimates))
    assert {**failed, "failure_rate": 0.0} == {**answered, "failure_rate": 0.0}


@given(dimensions, st.lists(dimensions, min_size=2, max_size=6), st.floats(0.01, 100))
def test_scale_of_all_dimensions_does_not_matter(truth, estimates, factor):
    none = [None] * len(estimates)
    ten = [10.0] * len(estimates)
    scores = score_known(estimates, none, truth, ten)
    scaled = score_known([factor * estimate for estimate in estimates], none, factor * truth, ten)
    assert scaled["error"] == pytest.approx(scores["error"])
    assert scaled["log_error"] == pytest.approx(scores["log_error"], abs=1e-9)


REAL = {"whole": 10.0, "half-1a": 8.0, "half-1b": 9.0, "low": 6.0, "low-rounded": 8.0}


def test_consistency_worked_case():
    scores = score_real(REAL)
    expected = {
        "half_disagreement": math.log(9 / 8),
        "drift_with_n": math.log(10 / math.sqrt(72)),
        "resolution_change": math.log(10 / 8),
        "rounding_change": math.log(8 / 6),
    }
    assert scores == {
        **{name: pytest.approx(value) for name, value in expected.items()},
        "inconsistency": pytest.approx(sum(expected.values()) / 4),
        "failure_rate": 0.0,
    }


@given(st.fixed_dictionaries(dict.fromkeys(REAL, dimensions)), st.sampled_from(sorted(REAL)))
def test_failing_a_part_never_beats_answering_it(parts, failed):
    answered, missing = score_real(parts), score_real({**parts, failed: None})
    for name in ("half_disagreement", "drift_with_n", "resolution_change", "rounding_change", "inconsistency"):
        assert missing[name] >= answered[name] - 1e-12
        assert answered[name] <= INCONSISTENT + 1e-12


def test_scores_of_parts_that_were_not_asked_for_are_left_out():
    assert score_real({"whole": 4.0}) == {"failure_rate": 0.0}


def test_jackknife_interval_worked_case():
    low, high = jackknife_interval(10.0, [(8.0, 8.0 * math.exp(0.2)), (9.0, None)])
    spread = 0.1 * stats.t.ppf(0.975, 1)
    assert low == pytest.approx(10 * math.exp(-spread))
    assert high == pytest.approx(10 * math.exp(spread))
    assert jackknife_interval(10.0, [(None, 3.0)]) is None
    assert jackknife_interval(10.0, []) is None


def test_jackknife_interval_holds_the_mean_as_often_as_it_says():
    """Of means of exponential samples, 95 % of the intervals hold the truth; 400 samples allow about 2 %."""
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        sample = generator.exponential(3.0, 200)
        splits = []
        for _ in range(3):
            order = generator.permutation(200)
            splits.append((sample[order[:100]].mean(), sample[order[100:]].mean()))
        low, high = jackknife_interval(sample.mean(), splits)
        held += low <= 3.0 <= high
    assert 0.91 <= held / 400 <= 0.99
