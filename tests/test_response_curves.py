"""Curves and the way back: exact on made-up responses, monotone on all, honest where there is no answer."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.response_curves import REACH, Curve, calibrate, inverted, response_curve

TRUTHS = (2.0, 8.0, 32.0)


def power(factor, exponent):
    """The curve of an estimator that answers factor * d ** exponent."""
    return response_curve(TRUTHS, [factor * d**exponent for d in TRUTHS])


def test_a_power_law_is_taken_back_exactly_within_reach():
    curve = power(0.9, 0.75)
    assert curve.slope == pytest.approx(0.75)
    for d in (2 / REACH * 1.001, 2.0, 5.0, 8.0, 20.0, 32.0, 32 * REACH * 0.999):
        assert math.exp(inverted(curve, 0.9 * d**0.75)) == pytest.approx(d)
    assert inverted(curve, 0.9 * (1.9 / REACH) ** 0.75) == -math.inf
    assert inverted(curve, 0.9 * (33 * REACH) ** 0.75) == math.inf


def test_several_estimates_of_one_truth_count_with_their_geometric_mean():
    curve = response_curve([2, 2, 8], [1.0, 4.0, 8.0])
    np.testing.assert_allclose(np.exp(curve.log_estimate[1:3]), [2.0, 8.0])


def test_a_descent_is_levelled_to_the_mean_of_what_descends():
    curve = response_curve([2, 4, 8, 16], [2.0, 9.0, 4.0, 10.0])
    np.testing.assert_allclose(np.exp(curve.log_estimate[1:-1]), [2.0, 6.0, 6.0, 10.0])
    flat = Curve(np.log([1.0, 4.0, 16.0, 64.0]), np.array([0.0, 1.0, 1.0, 2.0]))
    assert math.exp(inverted(flat, math.e)) == pytest.approx(8.0)


def test_one_dimension_is_no_curve():
    assert response_curve([4, 4], [3.0, 3.1]) is None


POSITIVE = st.floats(0.01, 1000)
RESPONSES = st.lists(st.tuples(st.sampled_from([1, 2, 3, 5, 8, 13, 21, 34]), POSITIVE), min_size=2, max_size=20).filter(
    lambda pairs: len({d for d, _ in pairs}) > 1
)


@settings(deadline=None)
@given(RESPONSES, st.lists(POSITIVE, min_size=2, max_size=10))
def test_curves_never_descend_and_neither_does_the_way_back(pairs, estimates):
    curve = response_curve([d for d, _ in pairs], [estimate for _, estimate in pairs])
    assert (np.diff(curve.log_truth) > 0).all()
    assert (np.diff(curve.log_estimate) >= 0).all()
    back = [inverted(curve, estimate) for estimate in sorted(estimates)]
    assert back == sorted(back)
    inside = [value for value in back if math.isfinite(value)]
    assert all(curve.log_truth[0] <= value <= curve.log_truth[-1] for value in inside)


@settings(deadline=None)
@given(st.lists(st.floats(0.05, 2), min_size=2, max_size=8), st.floats(0.001, 0.999))
def test_a_rising_curve_and_the_way_back_undo_each_other(rises, share):
    estimates = np.exp(np.cumsum(rises))
    curve = response_curve(2.0 ** np.arange(len(rises)), estimates)
    log_truth = curve.log_truth[0] + share * (curve.log_truth[-1] - curve.log_truth[0])
    estimate = math.exp(np.interp(log_truth, curve.log_truth, curve.log_estimate))
    back = inverted(curve, estimate)
    assert back == pytest.approx(log_truth, abs=1e-9)


def test_families_that_agree_give_their_median_and_an_interval():
    curves = {"a": power(1.0, 1.0), "b": power(0.8, 1.0), "c": power(0.7, 1.0)}
    found = calibrate(curves, 8.0)
    logs = np.log([8.0, 10.0, 8 / 0.7])
    width = stats.t.ppf(0.975, 2) * np.std(logs, ddof=1) * math.sqrt(1 + 1 / 3)
    assert (found.status, found.families) == ("ok", 3)
    assert found.value == pytest.approx(10.0)
    assert (found.low, found.high) == pytest.approx((10 * math.exp(-width), 10 * math.exp(width)))
    assert found.spread == pytest.approx(1 / 0.7)


def test_families_that_disagree_are_said_to():
    curves = {"a": power(1.0, 1.0), "b": power(0.8, 1.0), "c": power(0.4, 1.0)}
    found = calibrate(curves, 8.0)
    assert found.status == "families disagree"
    assert found.value == pytest.approx(10.0)
    assert found.spread == pytest.approx(2.5)


def test_one_of_five_may_be_unlike_the_others_and_is_named():
    curves = {name: power(factor, 1.0) for name, factor in zip("abcde", (1.0, 0.9, 0.8, 0.7, 3.0), strict=True)}
    found = calibrate(curves, 9.0)
    assert (found.status, found.apart) == ("ok", ("e",))
    assert found.value == pytest.approx(10.0)
    assert found.spread == pytest.approx(1 / 0.7)
    assert found.low < 3.0  # the interval knows of it
    two = calibrate(curves | {"d": power(4.0, 1.0)}, 9.0)
    assert two.status == "families disagree"


def test_a_minority_beyond_its_curve_opens_the_interval_and_a_majority_is_outside():
    curves = {"a": power(1.0, 1.0), "b": power(1.0, 1.0), "c": power(0.5, 1.0)}
    found = calibrate(curves, 40.0)  # c would be 80, and ends at 48
    assert found.value == pytest.approx(40.0)
    assert math.isnan(found.high)
    assert found.low == pytest.approx(40.0)
    outside = calibrate(curves, 60.0)
    assert outside.status == "outside the range"
    assert math.isnan(outside.value)


def test_no_answer_too_few_families_and_no_response_are_told_apart():
    three = {"a": power(1.0, 1.0), "b": power(0.8, 1.0), "c": power(0.7, 1.0)}
    assert calibrate(three, None).status == "not answered"
    assert calibrate({"a": three["a"], "b": three["b"]}, 8.0).status == "no phantoms"
    constant = dict.fromkeys("abc", power(10.0, 0.0))
    found = calibrate(constant, 10.0)
    assert found.status == "no response"
    assert math.isnan(found.value)
