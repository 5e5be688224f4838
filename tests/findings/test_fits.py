"""The statistics, against values worked out by hand, brute force and other libraries."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.findings import fits
from benchmark.findings.fits import Effect

positive = st.floats(0.5, 50.0)


def test_a_shift_is_the_median_of_all_differences():
    found = fits.shift([5.0, 6.0, 9.0], [1.0, 2.0, 4.0])
    assert found.difference.value == 4.0  # of 1, 2, 3, 4, 4, 5, 5, 7, 8
    assert found.medians == (6.0, 2.0)
    assert found.means == pytest.approx((20 / 3, 7 / 3))
    assert found.sizes == (3, 3)
    assert found.p == pytest.approx(2 / 20)  # the most extreme of 20 divisions, and its mirror


def test_three_against_three_bound_nothing():
    found = fits.shift([5.0, 6.0, 9.0], [1.0, 2.0, 4.0])
    assert (found.difference.low, found.difference.high) == (-math.inf, math.inf)
    assert (found.ratio.low, found.ratio.high) == (0.0, math.inf)


@settings(deadline=None, max_examples=40)
@given(st.lists(positive, min_size=4, max_size=6, unique=True), st.lists(positive, min_size=4, max_size=7, unique=True))
def test_the_interval_holds_the_shifts_that_the_exact_test_does_not_reject(first, second):
    differences = sorted({round(a - b, 9) for a in first for b in second})
    if len(differences) < len(first) * len(second) or min(np.diff(differences)) < 1e-6:
        return  # ties: the exact test has another distribution
    found = fits.shift(first, second).difference
    for low, high in itertools.pairwise(differences):
        moved = (low + high) / 2
        p = stats.mannwhitneyu(np.subtract(first, moved), second, method="exact").pvalue
        assert (p > 0.05) == (found.low < moved < found.high)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 5), min_size=3, max_size=4), st.lists(st.integers(1, 5), min_size=3, max_size=4))
def test_p_counts_all_divisions_with_ties(first, second):
    pooled = stats.rankdata([*first, *second])
    sums = [pooled[list(chosen)].sum() for chosen in itertools.combinations(range(len(pooled)), len(first))]
    middle = len(first) * (len(pooled) + 1) / 2
    seen = abs(pooled[: len(first)].sum() - middle)
    assert fits.permutation_p(first, second) == pytest.approx(np.mean([abs(s - middle) >= seen - 1e-9 for s in sums]))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(positive, min_size=4, max_size=6, unique=True),
    st.lists(positive, min_size=4, max_size=6, unique=True),
    st.floats(0.1, 10),
)
def test_a_common_factor_changes_neither_ratio_nor_p(first, second, factor):
    plain = fits.shift(first, second)
    scaled = fits.shift(np.multiply(first, factor), np.multiply(second, factor))
    assert scaled.ratio.value == pytest.approx(plain.ratio.value)
    assert scaled.difference.value == pytest.approx(factor * plain.difference.value, abs=1e-9)


def test_a_group_of_two_is_refused():
    with pytest.raises(ValueError, match="two groups"):
        fits.shift([1.0, 2.0], [1.0, 2.0, 3.0])


def test_a_line_is_that_of_scipy():
    x, y = [4.0, 6.0, 11.0, 13.0, 14.0], [99.0, 84.0, 75.0, 75.7, 68.0]
    found, theirs = fits.line(x, y), stats.linregress(x, y)
    reach = theirs.stderr * stats.t.ppf(0.975, 3)
    assert found.slope.value == pytest.approx(theirs.slope)
    assert (found.slope.low, found.slope.high) == pytest.approx((theirs.slope - reach, theirs.slope + reach))
    assert found.intercept == pytest.approx(theirs.intercept)
    assert found.r2 == pytest.approx(theirs.rvalue**2)
    assert found.error == pytest.approx(theirs.stderr)


def test_two_points_are_no_line_and_one_x_has_no_slope():
    with pytest.raises(ValueError, match="3 points"):
        fits.line([1.0, 2.0], [1.0, 2.0])
    assert math.isnan(fits.line([10.0, 10.0, 10.0], [1.0, 2.0, 3.0]).slope.value)
    level = fits.line([1.0, 2.0, 3.0], [5.0, 5.0, 5.0])
    assert level.slope.value == 0.0
    assert math.isnan(level.r2)


def test_a_difference_of_slopes_has_the_degrees_of_freedom_of_satterthwaite():
    steep = fits.line([1.0, 2.0, 3.0, 4.0], [9.0, 7.2, 4.8, 3.0])
    flat = fits.line([1.0, 2.0, 3.0, 4.0, 5.0], [9.0, 8.6, 8.1, 7.4, 7.1])
    found = fits.slope_difference(steep, flat)
    a, b = steep.error**2, flat.error**2
    reach = stats.t.ppf(0.975, (a + b) ** 2 / (a**2 / 2 + b**2 / 3)) * math.sqrt(a + b)
    assert found.value == pytest.approx(steep.slope.value - flat.slope.value)
    assert found.high - found.value == pytest.approx(reach)


def test_perfect_lines_differ_exactly():
    found = fits.slope_difference(
        fits.line([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]), fits.line([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    )
    assert found == Effect(-1.0, -1.0, -1.0)


def test_a_plane_is_found_and_its_units_are_the_groups():
    x = np.repeat([4.0, 7.0, 10.0, 15.0, 19.0], 3)
    y = np.tile(np.log([500.0, 1000.0, 2000.0]), 5)
    names = [f"set-{index}" for index in np.repeat(range(5), 3)]
    found = fits.plane(x, y, 90 - 2 * x + 4 * y, names)
    assert (found.x.value, found.y.value, found.r2) == pytest.approx((-2.0, 4.0, 1.0))
    assert (found.points, found.groups) == (15, 5)
    # an effect of each dataset widens the interval as its one value does, not as its three points would
    bent = 90 - 2 * x + 4 * y + np.repeat([3.0, -4.0, 2.0, -2.0, 1.0], 3)
    once = fits.plane(x, y, bent, names)
    often = fits.plane(np.tile(x, 4), np.tile(y, 4), np.tile(bent, 4), names * 4)
    assert often.x.low == pytest.approx(once.x.low)
    with pytest.raises(ValueError, match="4 groups"):
        fits.plane(x[:9], y[:9], x[:9], names[:9])


def test_one_n_determines_no_plane():
    found = fits.plane([1.0, 2.0, 3.0, 5.0], [6.0] * 4, [1.0, 2.0, 3.0, 4.0], list("abcd"))
    assert math.isnan(found.x.value)


def test_a_mean_has_students_interval():
    found = fits.mean([1.0, 2.0, 3.0])
    assert (found.value, found.high) == pytest.approx((2.0, 2 + 4.302653 / math.sqrt(3)), abs=1e-6)


def test_a_rank_correlation_has_the_interval_of_bonett_and_wright():
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [2.0, 1.0, 4.0, 3.0, 6.0, 5.0, 7.0]
    r = 1 - 6 * 6 / (7 * 48)
    reach = 1.959964 * math.sqrt((1 + r**2 / 2) / 4)
    found = fits.rank_correlation(x, y)
    assert found.value == pytest.approx(r)
    assert (found.low, found.high) == pytest.approx(
        (math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach))
    )


def test_a_perfect_order_of_few_is_not_certain():
    found = fits.rank_correlation([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0])
    assert found.value == found.high == 1.0
    assert found.low < 0.5
    assert math.isnan(fits.rank_correlation([1.0] * 4, [1.0, 2.0, 3.0, 4.0]).value)
    with pytest.raises(ValueError, match="4 pairs"):
        fits.rank_correlation([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31))
def test_a_plane_is_that_of_least_squares_on_what_is_left(seed):
    generator = np.random.default_rng(seed)
    names = [f"set-{index}" for index in range(5) for _ in range(3)]
    x, y, z = generator.normal(20, 5, 15), generator.normal(6, 1, 15), generator.normal(80, 9, 15)

    def coefficients(kept):
        return np.linalg.lstsq(np.column_stack([np.ones(sum(kept)), x[kept], y[kept]]), z[kept], rcond=None)[0][1:]

    whole = coefficients(np.full(15, fill_value=True))
    rest = np.array([coefficients(np.array(names) != name) for name in sorted(set(names))])
    reach = stats.t.ppf(0.975, 4) * np.sqrt(4 / 5 * ((rest - rest.mean(axis=0)) ** 2).sum(axis=0))
    found = fits.plane(x, y, z, names)
    assert (found.x.value, found.y.value) == pytest.approx(whole, rel=1e-6)
    assert (found.x.high - found.x.value, found.y.high - found.y.value) == pytest.approx(reach, rel=1e-6)
