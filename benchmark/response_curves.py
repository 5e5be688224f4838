"""What an estimator answers as a function of the true dimension, and the way back; arrays in, numbers out.

A response curve is measured on phantoms of one family: estimates at several true dimensions, N fixed. Taken back
through the curve, an estimate on other images becomes the dimension at which phantoms of that family give the same
estimate. Each family has a curve of its own; where their answers agree, so may a family that nobody has made.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]
Status = Literal["ok", "not answered", "no phantoms", "no response", "outside the range", "families disagree"]

LEAST_FAMILIES = 3
"""Families of phantoms that a calibration needs at least."""
LEAST_SLOPE = 0.2
"""An estimator whose logarithm rises by less than this share of the truth's (median over families) does not respond."""
REACH = 1.5
"""A curve is continued with its last slope to this factor beyond the dimensions it was measured at."""
AGREEMENT = 2.0
"""Families disagree where no range of dimensions within this factor holds enough of them."""
ENOUGH = 0.8
"""The share of the families that must agree: one of nine may be unlike all others, and is then named."""
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Curve:
    """A monotone response, piecewise linear in logarithms."""

    log_truth: Floats
    """[m >= 2], ascending."""
    log_estimate: Floats
    """[m], never descending."""

    @property
    def slope(self) -> float:
        """Rise of the logarithm of the estimate over that of the truth, from end to end; 1 is a proportional answer."""
        return float((self.log_estimate[-1] - self.log_estimate[0]) / (self.log_truth[-1] - self.log_truth[0]))


@dataclass(frozen=True, slots=True)
class Calibrated:
    """An estimate, taken back through the curves of several families."""

    status: Status
    value: float = math.nan
    """Median over the families; NaN where there is none."""
    low: float = math.nan
    """Lower end of the 95 % prediction interval for one more family; NaN where it is open."""
    high: float = math.nan
    spread: float = math.nan
    """Largest over smallest dimension in the narrowest range that holds `ENOUGH` of the families; one whose answer is
    beyond its curve counts with the curve's end."""
    families: int = 0
    apart: tuple[str, ...] = ()
    """Families outside that range."""


def response_curve(truths: Sequence[float], estimates: Sequence[float]) -> Curve | None:
    """The closest curve (least squares of logarithms) that never descends, from estimates at true dimensions.

    truths, estimates: [n], > 0; several estimates may have one truth. None for fewer than two different truths.
    Source: isotonic regression, Barlow et al., Statistical Inference under Order Restrictions, 1972.
    """
    log_truth, place, counts = np.unique(np.log(truths), return_inverse=True, return_counts=True)
    if len(log_truth) < 2:
        return None
    means = np.bincount(place, weights=np.log(estimates)) / counts
    fitted = optimize.isotonic_regression(means, weights=counts.astype(np.float64)).x
    reach, slopes = math.log(REACH), np.diff(fitted) / np.diff(log_truth)
    return Curve(
        np.concatenate([[log_truth[0] - reach], log_truth, [log_truth[-1] + reach]]),
        np.concatenate([[fitted[0] - slopes[0] * reach], fitted, [fitted[-1] + slopes[-1] * reach]]),
    )


def inverted(curve: Curve, estimate: float) -> float:
    """The logarithm of the dimension at which a curve takes the value `estimate` (> 0).

    Never descends with the estimate. The middle where the curve is flat; -inf below the curve, inf above it.
    """
    wanted = math.log(estimate)
    first = int(np.searchsorted(curve.log_estimate, wanted, side="left"))
    beyond = int(np.searchsorted(curve.log_estimate, wanted, side="right"))
    if first < beyond:
        return float((curve.log_truth[first] + curve.log_truth[beyond - 1]) / 2)
    if first == 0:
        return -math.inf
    if first == len(curve.log_estimate):
        return math.inf
    low, high = curve.log_estimate[first - 1], curve.log_estimate[first]
    share = (wanted - low) / (high - low)
    return float(curve.log_truth[first - 1] + share * (curve.log_truth[first] - curve.log_truth[first - 1]))


def calibrate(curves: Mapping[str, Curve], estimate: float | None) -> Calibrated:
    """Take an estimate back through the curves of several families.

    The interval is that of a prediction for one more family: the median plus and minus Student's t times the standard
    deviation of the families' logarithms times sqrt(1 + 1 / m), over all families, those apart too. It holds no other
    uncertainty, and an end beyond which a family's answer lies outside its curve is open.
    """
    if estimate is None:
        return Calibrated("not answered")
    count = len(curves)
    if count < LEAST_FAMILIES:
        return Calibrated("no phantoms", families=count)
    if np.median([curve.slope for curve in curves.values()]) < LEAST_SLOPE:
        return Calibrated("no response", families=count)
    logs = np.array([inverted(curve, estimate) for curve in curves.values()])
    ends = [(curve.log_truth[0], curve.log_truth[-1]) for curve in curves.values()]
    clipped = np.array([min(max(log, low), high) for log, (low, high) in zip(logs, ends, strict=True)])
    narrowest, widest = _narrowest(clipped, math.ceil(ENOUGH * count))
    spread = math.exp(widest - narrowest)
    apart = tuple(name for name, log in zip(curves, clipped, strict=True) if not narrowest <= log <= widest)
    ordered = np.sort(logs)
    middle = float((ordered[(count - 1) // 2] + ordered[count // 2]) / 2)
    if not math.isfinite(middle):
        return Calibrated("outside the range", spread=spread, families=count, apart=apart)
    inside = logs[np.isfinite(logs)]
    width = math.nan
    if len(inside) > 1:
        quantile = float(stats.t.ppf((1 + LEVEL) / 2, len(inside) - 1))
        width = quantile * float(np.std(inside, ddof=1)) * math.sqrt(1 + 1 / len(inside))
    return Calibrated(
        status="ok" if spread <= AGREEMENT else "families disagree",
        value=math.exp(middle),
        low=math.nan if logs.min() == -math.inf else math.exp(middle - width),
        high=math.nan if logs.max() == math.inf else math.exp(middle + width),
        spread=spread,
        families=count,
        apart=apart,
    )


def _narrowest(values: Floats, held: int) -> tuple[float, float]:
    """The ends of the narrowest range that holds `held` of the values; the lowest of equally narrow ones."""
    ordered = np.sort(values)
    first = int(np.argmin(ordered[held - 1 :] - ordered[: len(ordered) - held + 1]))
    return float(ordered[first]), float(ordered[first + held - 1])
