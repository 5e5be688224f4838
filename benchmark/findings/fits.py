"""The statistics behind the findings: few datasets, so exact tests and Student's t, never an approximation for many.

Datasets are the units. Those of a benchmark were not drawn at random from all there are, and several may come from one
source: intervals say how far these datasets can be told from chance, not what another choice of datasets would give.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]

LEVEL = 0.95
LEAST_GROUP = 3
"""Datasets in each of two groups that are compared."""
LEAST_LINE = 3
"""Points of a line: two always lie on one."""
LEAST_PLANE = 4
"""Datasets of a plane: without one of them, three are left."""
LEAST_CORRELATION = 4
"""Pairs of a rank correlation: its standard error divides by n - 3."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A number with its 95 % interval."""

    value: float
    low: float
    """-inf where so few values bound nothing."""
    high: float


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much the values of one group lie above those of another."""

    difference: Effect
    """Hodges-Lehmann estimate, the median of all differences between the groups."""
    ratio: Effect
    """The same of the logarithms, as a ratio."""
    p: float
    """Two-sided, exact permutation of the rank sum."""
    medians: tuple[float, float]
    means: tuple[float, float]
    sizes: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line by least squares."""

    slope: Effect
    intercept: float
    r2: float
    """Share of the variance that the line explains; NaN where the values are all equal."""
    n: int

    @property
    def error(self) -> float:
        """Standard error of the slope."""
        return (self.slope.high - self.slope.low) / 2 / _t(self.n - 2)


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane by least squares, z ~ intercept + a x + b y."""

    x: Effect
    y: Effect
    r2: float
    points: int
    groups: int


def shift(first: ArrayLike, second: ArrayLike) -> Shift:
    """Compare two groups of positive values: first above second.

    The interval inverts the exact rank-sum test (Hodges & Lehmann, Annals of Mathematical Statistics 1963; Lehmann,
    Nonparametrics, 1975, chapter 2): its ends are ordered differences, and it is unbounded where the groups are so
    small that no order of them is rarer than 2.5 %. With ties it is conservative; p is then that of the midranks.
    Raises ValueError for a group below `LEAST_GROUP` or a value that is not positive and finite.
    """
    one, other = _array(first), _array(second)
    if min(len(one), len(other)) < LEAST_GROUP or not ((one > 0).all() and (other > 0).all()):
        raise ValueError(f"two groups of {LEAST_GROUP} positive values or more")
    logarithms = _hodges_lehmann(np.log(one), np.log(other))
    return Shift(
        difference=_hodges_lehmann(one, other),
        ratio=Effect(*(math.exp(value) for value in (logarithms.value, logarithms.low, logarithms.high))),
        p=permutation_p(one, other),
        medians=(float(np.median(one)), float(np.median(other))),
        means=(float(np.mean(one)), float(np.mean(other))),
        sizes=(len(one), len(other)),
    )


def permutation_p(first: ArrayLike, second: ArrayLike) -> float:
    """Share of all ways to divide the values into groups of these sizes whose rank sums lie as far from the middle.

    Ties share their mean rank. Exact: the sums are counted, not drawn.
    """
    one, other = _array(first), _array(second)
    doubled = np.rint(2 * stats.rankdata(np.concatenate([one, other]))).astype(np.int64)  # midranks are halves
    ways = _subset_sums(doubled, len(one))
    away = np.abs(np.arange(len(ways)) - len(one) * (len(doubled) + 1))  # the mean of twice the rank sum
    seen = away[doubled[: len(one)].sum()]
    return float(ways[away >= seen].sum() / ways.sum())


def line(x: ArrayLike, y: ArrayLike) -> Line:
    """Least squares with the 95 % interval of the slope by Student's t, n - 2 degrees of freedom.

    Raises ValueError for fewer than `LEAST_LINE` points. The slope of values at one x is NaN.
    """
    xs, ys = _array(x).tolist(), _array(y).tolist()  # plain numbers: so few are faster without arrays
    n = len(xs)
    if n < LEAST_LINE or len(ys) != n:
        raise ValueError(f"{LEAST_LINE} points or more, each with x and y")
    x0, y0 = math.fsum(xs) / n, math.fsum(ys) / n
    across, spread = [each - x0 for each in xs], [each - y0 for each in ys]
    variance, total = _product(across, across), _product(spread, spread)
    if variance <= 1e-24 * _product(xs, xs):
        return Line(Effect(math.nan, math.nan, math.nan), math.nan, math.nan, n)
    slope = _product(across, spread) / variance
    left = math.fsum((each - slope * at) ** 2 for at, each in zip(across, spread, strict=True))
    reach = _t(n - 2) * math.sqrt(left / (n - 2) / variance)
    r2 = 1 - left / total if total > 0 else math.nan
    return Line(Effect(slope, slope - reach, slope + reach), y0 - slope * x0, r2, n)


def slope_difference(first: Line, second: Line) -> Effect:
    """Slope of the first line less that of the second, each with a variance of its own.

    Interval by Student's t with Satterthwaite's degrees of freedom (Biometrics Bulletin 1946).
    """
    value = first.slope.value - second.slope.value
    parts = [(each.error**2, each.n - 2) for each in (first, second)]
    variance = sum(part for part, _ in parts)
    if not variance > 0:  # two perfect lines, or none
        return Effect(value, value, value)
    reach = _t(variance**2 / sum(part**2 / freedom for part, freedom in parts)) * math.sqrt(variance)
    return Effect(value, value - reach, value + reach)


def plane(x: ArrayLike, y: ArrayLike, z: ArrayLike, groups: Sequence[str]) -> Plane:
    """Least squares of z on x and y, with intervals by the jackknife that leaves out one group (dataset) at a time.

    Points of one dataset at several N are not independent, so the groups are the units: variance (G - 1) / G times the
    sum of squared deviations, Student's t with G - 1 degrees of freedom. Source: Shao & Wu, Annals of Statistics 1989.
    Raises ValueError for fewer than `LEAST_PLANE` groups. Coefficients that the points do not determine are NaN.
    """
    names = sorted(set(groups))
    if len(names) < LEAST_PLANE:
        raise ValueError(f"{LEAST_PLANE} groups or more")
    points = np.column_stack([_array(x), _array(y), _array(z)])
    points -= points.mean(axis=0)
    member = np.searchsorted(names, groups)
    terms = np.column_stack([np.ones(len(points)), points, *(points.T[[0, 0, 1, 0, 1]] * points.T[[0, 1, 1, 2, 2]])])
    sums = np.array([terms[member == index].sum(axis=0) for index in range(len(names))])
    whole, *rest = _coefficients(np.vstack([sums.sum(axis=0), sums.sum(axis=0) - sums]))
    spread = np.sqrt((len(names) - 1) / len(names) * ((rest - np.mean(rest, axis=0)) ** 2).sum(axis=0))
    reach = _t(len(names) - 1) * spread
    first, second = (
        Effect(*(float(value) for value in (whole[i], whole[i] - reach[i], whole[i] + reach[i]))) for i in (0, 1)
    )
    left, total = points[:, 2] - points[:, :2] @ whole, float(points[:, 2] @ points[:, 2])
    return Plane(first, second, 1 - float(left @ left) / total if total > 0 else math.nan, len(points), len(names))


def mean(values: ArrayLike) -> Effect:
    """Mean with its 95 % interval by Student's t. Raises ValueError for fewer than two values."""
    given = _array(values)
    if len(given) < 2:
        raise ValueError("two values or more")
    reach = _t(len(given) - 1) * float(np.std(given, ddof=1)) / math.sqrt(len(given))
    return Effect(float(given.mean()), float(given.mean()) - reach, float(given.mean()) + reach)


def rank_correlation(x: ArrayLike, y: ArrayLike) -> Effect:
    """Spearman's correlation with its 95 % interval by Fisher's transformation.

    Standard error sqrt((1 + r^2 / 2) / (n - 3)): Bonett & Wright, Psychometrika 2000. A perfect order counts, for the
    interval alone, as half a step from it: exchanging two neighbours changes r by 12 / (n (n^2 - 1)).
    Raises ValueError for fewer than `LEAST_CORRELATION` pairs. NaN where all x or all y are equal.
    """
    xs, ys = _array(x), _array(y)
    n = len(xs)
    if n < LEAST_CORRELATION or len(ys) != n:
        raise ValueError(f"{LEAST_CORRELATION} pairs or more")
    if len(np.unique(xs)) == 1 or len(np.unique(ys)) == 1:
        return Effect(math.nan, math.nan, math.nan)
    r = float(stats.spearmanr(xs, ys).statistic)
    bound = 1 - 6 / (n * (n**2 - 1))
    z = math.atanh(min(max(r, -bound), bound))
    reach = float(stats.norm.ppf((1 + LEVEL) / 2)) * math.sqrt((1 + r**2 / 2) / (n - 3))
    return Effect(r, min(math.tanh(z - reach), r), max(math.tanh(z + reach), r))


def _hodges_lehmann(one: Floats, other: Floats) -> Effect:
    differences = np.sort((one[:, None] - other[None]).ravel())
    ways = _subset_sums(np.arange(1, len(one) + len(other) + 1), len(one))
    ways = ways[len(one) * (len(one) + 1) // 2 :]  # from the least rank sum on: the distribution of U
    cut = int(np.searchsorted(np.cumsum(ways) / ways.sum(), (1 - LEVEL) / 2, side="right"))
    low, high = (differences[cut - 1], differences[-cut]) if cut else (-math.inf, math.inf)
    return Effect(float(np.median(differences)), float(low), float(high))


def _subset_sums(values: NDArray[np.int64], size: int) -> Floats:
    """[total + 1]: how many subsets of `size` of the values have each sum."""
    ways = np.zeros((size + 1, int(values.sum()) + 1))
    ways[0, 0] = 1
    for value in values:
        # both sides are read before one is written: a value is taken once
        ways[1:, value:] += ways[:-1, : ways.shape[1] - value].copy()
    return np.asarray(ways[size])


def _coefficients(sums: Floats) -> Floats:
    """[m, 2]: those of x and y, from rows of the sums of 1, x, y, z, xx, xy, yy, xz, yz; NaN where not determined."""
    count, x, y, z, xx, xy, yy, xz, yz = sums.T
    xx, xy, yy, xz, yz = (
        xx - x * x / count,
        xy - x * y / count,
        yy - y * y / count,
        xz - x * z / count,
        yz - y * z / count,
    )
    determinant = xx * yy - xy * xy
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.column_stack([yy * xz - xy * yz, xx * yz - xy * xz]) / determinant[:, None]
    found[~(determinant > 1e-12 * xx * yy)] = math.nan
    return found


def _product(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


@lru_cache(maxsize=4096)
def _t(freedom: float) -> float:
    return float(stats.t.ppf((1 + LEVEL) / 2, freedom))


def _array(values: ArrayLike) -> Floats:
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or not np.isfinite(given).all():
        raise ValueError("finite numbers in one row")
    return given
