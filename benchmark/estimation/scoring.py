"""Scores of the estimator track: arrays in, numbers out; no file, no clock, no global.

Known truth is scored by error. Real images, whose dimension nobody knows, are scored by consistency: halves of a sample
should agree, and a change of sample size, resolution or rounding should not move the estimate. A constant is perfectly
consistent, so consistency alone never ranks: the board is ordered by error, and consistency stands beside it. Where the
points of a sample differ in dimension, what an estimator says of each point is scored; that never ranks either.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmark.metrics import Metric

Floats = NDArray[np.float64]

FAR_OFF = 0.10
"""An estimate is far off when it misses the truth by more than this share of it."""
INCONSISTENT = float(np.log(2.0))
"""A part without an answer counts as a factor of two: the worst that a consistency score takes, so that failing never
beats answering. Answers that differ by more count as a factor of two as well."""


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("error", "Error", "%", "lower", "Mean percentage error: 100 |estimate - truth| / truth."),
        Metric("log_error", "Log error", "", "lower", "Median of |ln(estimate / truth)|."),
        Metric("bias", "Bias", "%", "zero", "exp(mean ln(estimate / truth)) - 1, in percent; negative is too low."),
        Metric("far_off", "Far off", "%", "lower", "Share of estimates that miss the truth by more than 10 %."),
        Metric("coverage", "Coverage", "%", "higher", "Share of 95 % intervals that hold the truth."),
        Metric(
            "rank_correlation", "Rank correlation", "", "higher", "Spearman's, estimates with truths within a family."
        ),
        Metric("failure_rate", "Failures", "%", "lower", "Share of samples without a valid answer."),
        Metric("half_disagreement", "Halves", "", "lower", "Mean |ln(a / b)| over disjoint halves a, b of a sample."),
        Metric("drift_with_n", "Drift with N", "", "lower", "|ln(geometric mean of the halves / whole)|."),
        Metric("resolution_change", "Resolution", "", "lower", "|ln(at half the size, 8 bits / whole)|."),
        Metric("rounding_change", "Rounding", "", "lower", "|ln(at half the size, 8 bits / the same, not rounded)|."),
        Metric("inconsistency", "Inconsistency", "", "lower", "Mean of the four changes on real images."),
        Metric("local_error", "Local error", "%", "lower", "Mean percentage error of the dimension at each point."),
        Metric(
            "local_rank_correlation",
            "Local correlation",
            "",
            "higher",
            "Spearman's, dimensions at each point with their truths.",
        ),
    )
}
"""Every score by name."""

FALLBACK_FACTOR = 2.0
"""Where the `constant` control has not answered a sample, a failure counts as this many times the truth."""
WIDEST = 1e6
"""An estimate counts as at most this, and as at least one part in it: any finite number is a valid answer, and one of
1e308 must not turn a mean into infinity."""
CONSISTENCY = ("half_disagreement", "drift_with_n", "resolution_change", "rounding_change")


def mean_percentage_error(estimates: Floats, truths: Floats) -> float:
    """Mean percentage error of dimension estimates, 100/m * sum(|estimate - truth| / truth).

    estimates, truths: float64 [m], > 0. Returns percent; 0 is perfect.
    Source: Campadelli et al., Mathematical Problems in Engineering 2015.
    """
    _check(estimates, truths)
    return float(100 * np.mean(np.abs(estimates - truths) / truths))


def median_log_error(estimates: Floats, truths: Floats) -> float:
    """Median |ln(estimate / truth)|: half and double weigh the same. estimates, truths: float64 [m], > 0."""
    _check(estimates, truths)
    return float(np.median(np.abs(np.log(estimates) - np.log(truths))))


def signed_bias(estimates: Floats, truths: Floats) -> float:
    """exp(mean ln(estimate / truth)) - 1 in percent; negative is too low. estimates, truths: float64 [m], > 0."""
    _check(estimates, truths)
    return float(100 * np.expm1(np.mean(np.log(estimates) - np.log(truths))))


def share_far_off(estimates: Floats, truths: Floats) -> float:
    """Percent of estimates that miss the truth by more than 10 % of it. estimates, truths: float64 [m], > 0."""
    _check(estimates, truths)
    return float(100 * np.mean(np.abs(estimates - truths) > FAR_OFF * truths))


def interval_coverage(intervals: Sequence[tuple[float, float] | None], truths: Floats) -> float:
    """Percent of the given intervals that hold the truth; NaN if none is given. A missing one is not counted."""
    held = [low <= truth <= high for (low, high), truth in _zip_given(intervals, truths)]
    return float(100 * np.mean(held)) if held else float("nan")


def _zip_given(
    intervals: Sequence[tuple[float, float] | None], truths: Floats
) -> list[tuple[tuple[float, float], float]]:
    """Pairs of interval and truth, where an interval is given."""
    if len(intervals) != len(truths):
        raise ValueError("one interval or None for each truth")
    return [(interval, float(truth)) for interval, truth in zip(intervals, truths, strict=True) if interval]


def rank_correlation(estimates: Floats, truths: Floats) -> float:
    """Spearman's correlation of estimates with truths; ties share ranks.

    estimates, truths: float64 [m], > 0. NaN when fewer than three truths differ; 0 for equal estimates, which order
    nothing.
    """
    _check(estimates, truths)
    if len(np.unique(truths)) < 3:
        return float("nan")
    if len(np.unique(estimates)) == 1:
        return 0.0
    return float(stats.spearmanr(estimates, truths).statistic)


def score_known(
    estimates: Sequence[float | None],
    intervals: Sequence[tuple[float, float] | None],
    truth: float,
    fallback: Sequence[float | None],
) -> dict[str, float]:
    """Scores of one task with a known truth, over its seeds.

    estimates: one for each seed, None where the submission failed: it then counts as the `constant` control's answer.
    fallback: the control's answers on the same samples; None, where it has none, counts as twice the truth.
    """
    if not len(estimates) == len(intervals) == len(fallback):
        raise ValueError("one estimate, one interval and one fallback for each seed")
    filled = stand_in(estimates, fallback, truth)
    truths = np.full(len(filled), truth, dtype=np.float64)
    scores = {
        "error": mean_percentage_error(filled, truths),
        "log_error": median_log_error(filled, truths),
        "bias": signed_bias(filled, truths),
        "far_off": share_far_off(filled, truths),
        "failure_rate": 100 * sum(estimate is None for estimate in estimates) / len(estimates),
    }
    coverage = interval_coverage(intervals, truths)
    return scores if np.isnan(coverage) else scores | {"coverage": coverage}


def score_pooled(
    estimates: Floats, truths: Floats, intervals: Sequence[tuple[float, float] | None], families: Sequence[str]
) -> dict[str, float]:
    """Scores over all samples of known truth together, as `stand_in` gives them; NaN for what is not defined.

    estimates, truths: float64 [m], > 0. intervals, families: [m], that of each sample's task. The rank correlation is
    the mean over the families that have one.
    """
    if not len(estimates):
        return dict.fromkeys(("log_error", "bias", "far_off", "coverage", "rank_correlation"), float("nan"))
    member = np.array(families)
    correlations = [rank_correlation(estimates[member == name], truths[member == name]) for name in np.unique(member)]
    defined = [value for value in correlations if not np.isnan(value)]
    return {
        "log_error": median_log_error(estimates, truths),
        "bias": signed_bias(estimates, truths),
        "far_off": share_far_off(estimates, truths),
        "coverage": interval_coverage(intervals, truths),
        "rank_correlation": float(np.mean(defined)) if defined else float("nan"),
    }


def stand_in(estimates: Sequence[float | None], fallback: Sequence[float | None], truth: float) -> Floats:
    """The estimates as they are scored, [m]: a failed one is the control's, or else twice the truth; none is absurd."""
    last = FALLBACK_FACTOR * truth
    filled = [a or b or last for a, b in zip(estimates, fallback, strict=True)]
    return np.clip(np.array(filled, dtype=np.float64), 1 / WIDEST, WIDEST)


def score_real(parts: Mapping[str, float | None]) -> dict[str, float]:
    """Consistency scores of one task on real images.

    parts: estimate of `whole`, of disjoint halves `half-1a`, `half-1b`, ..., of `low` (half the size, not rounded) and
    of `low-rounded` (the same in 8 bits); None where the submission failed, which counts as a factor of two. Scores
    whose parts were not asked for are left out.
    """
    splits = halves(parts)
    scores: dict[str, float] = {}
    if splits:
        scores["half_disagreement"] = float(np.mean([_change(a, b) for a, b in splits]))
        scores["drift_with_n"] = _change(_geometric_mean([half for pair in splits for half in pair]), parts["whole"])
    if "low-rounded" in parts:
        scores["resolution_change"] = _change(parts["low-rounded"], parts["whole"])
        scores["rounding_change"] = _change(parts["low-rounded"], parts["low"])
    if scores:
        scores["inconsistency"] = float(np.mean(list(scores.values())))
    scores["failure_rate"] = 100 * sum(estimate is None for estimate in parts.values()) / len(parts)
    return scores


def score_local(pointwise: Sequence[Sequence[float] | None], truths: Sequence[NDArray[np.int64]]) -> dict[str, float]:
    """Scores of one task whose points differ in dimension, means over its seeds.

    pointwise: for each seed the estimates at its n points, >= 0; None where there are none.
    truths: for each seed the true dimensions, [n]. A seed without estimates counts as an error of 100 % and as no
    correlation; an estimator that gives none at all has no score.
    """
    if len(pointwise) != len(truths):
        raise ValueError("local estimates or None for each seed")
    if not any(pointwise):
        return {}
    errors, correlations = [], []
    for estimates, truth in zip(pointwise, truths, strict=True):
        given = np.minimum(np.array(estimates or np.zeros(len(truth)), dtype=np.float64), WIDEST)
        errors.append(float(100 * np.mean(np.abs(given - truth) / truth)))
        even = len(np.unique(given)) == 1 or len(np.unique(truth)) == 1
        correlations.append(0.0 if even else float(stats.spearmanr(given, truth).statistic))
    return {"local_error": float(np.mean(errors)), "local_rank_correlation": float(np.mean(correlations))}


def halves(parts: Mapping[str, float | None]) -> list[tuple[float | None, float | None]]:
    """The pairs of disjoint halves among the parts of a task."""
    splits = sorted(part.removeprefix("half-")[:-1] for part in parts if part.startswith("half-") and part[-1] == "a")
    return [(parts[f"half-{split}a"], parts[f"half-{split}b"]) for split in splits]


def jackknife_interval(whole: float, splits: Sequence[tuple[float | None, float | None]]) -> tuple[float, float] | None:
    """95 % interval of an estimate from disjoint halves of its sample: the delete-half jackknife.

    whole: the estimate on all n points. splits: estimates on two disjoint halves, for each of several random splits.
    A half of n points drawn without replacement varies around the whole with variance (1 - 1/2) * 2 sigma^2 / n, which
    is sigma^2 / n, that of the whole itself (finite population correction); of a split, (ln a - ln b) / 2 is that
    deviation, free of the shift that a smaller n brings. One split gives one degree of freedom, so the width is
    Student's t with as many as there are splits. No point is ever drawn twice: a copy would be its own neighbour.
    Source: Shao & Wu, A general theory for jackknife variance estimation, Annals of Statistics 1989.

    Returns None without a split whose halves were both answered.
    """
    deviations = np.array([(np.log(a) - np.log(b)) / 2 for a, b in splits if a is not None and b is not None])
    if not len(deviations):
        return None
    spread = float(np.sqrt(np.mean(deviations**2)) * stats.t.ppf(0.975, len(deviations)))
    factor = math.exp(min(spread, math.log(WIDEST)))
    return float(whole) / factor, float(whole) * factor


def _change(first: float | None, second: float | None) -> float:
    if first is None or second is None:
        return INCONSISTENT
    return min(float(abs(np.log(first) - np.log(second))), INCONSISTENT)


def _geometric_mean(values: Sequence[float | None]) -> float | None:
    given = [value for value in values if value is not None]
    return float(np.exp(np.mean(np.log(given)))) if len(given) == len(values) else None


def _check(estimates: Floats, truths: Floats) -> None:
    if estimates.shape != truths.shape or not (np.isfinite(estimates) & (estimates > 0) & (truths > 0)).all():
        raise ValueError("estimates must be positive, finite, one per truth")  # a bug of ours, so a traceback
