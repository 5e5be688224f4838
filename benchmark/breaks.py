"""Where an estimator breaks: its bias on phantoms along each axis, all else being equal; read off a board."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmark.calibration import Observation, estimates_of, most_common_n, observations
from benchmark.estimation.conditions import GROUPED, Conditions
from benchmark.leaderboard import Board
from benchmark.results import Result

REFERENCE = "ellipses"
"""The family that others are compared with at the same dimensions."""


def breaks_table(board: Board) -> pd.DataFrame:
    """Bias of each submission along each axis: what it answers when one thing changes and all else stays.

    Columns: submission; axis; setting; tasks; bias (percent, exp(mean ln(estimate / truth)) - 1, over the tasks of the
    setting); baseline; baseline_bias (over the tasks that it is compared with); change (percent by which the estimates
    differ from the baseline's, relative to their truths). Axes: `d`, all families, against the smallest d; `family`,
    against ellipses of the same d; `N`, `size`, `bits`, `noise`, `groups`, against the plain case of the same phantom;
    `amplitude`, Gaussian mixtures whose points differ in scale, against those that do not.
    """
    rows = []
    for name, own in observations(board).items():
        answered = [observation for observation in own if observation.estimates]
        mixtures = [result for result in board.results if result.submission == name and result.family == "mixture"]
        for axis, setting, varied, baseline, same in (*_axes(answered), *_amplitudes(mixtures)):
            bias, base = _log_bias(varied), _log_bias(same)
            rows.append(
                {
                    "submission": name,
                    "axis": axis,
                    "setting": setting,
                    "tasks": len(varied),
                    "bias": 100 * math.expm1(bias),
                    "baseline": baseline,
                    "baseline_bias": 100 * math.expm1(base),
                    "change": 100 * math.expm1(bias - base),
                }
            )
    return pd.DataFrame(rows)


_Pairs = list[tuple[tuple[float, ...], float]]
"""Estimates and truth, one pair a task."""
_Comparison = tuple[str, str, _Pairs, str, _Pairs]
"""Axis, setting, its tasks, what they are compared with, those tasks."""


def _axes(answered: list[Observation]) -> Iterator[_Comparison]:
    n = most_common_n([observation for observation in answered if observation.conditions.plain])
    plain = {o.conditions: o for o in answered if o.conditions.plain and o.conditions.n == n}
    yield from _over_dimensions([conditions for conditions in plain if conditions.family not in GROUPED], plain)
    yield from _over_families(plain)
    varied: dict[tuple[str, str], list[Observation]] = {}
    for observation in answered:
        for key in _setting(observation.conditions, n):
            if _baseline(observation.conditions, n) in plain:
                varied.setdefault(key, []).append(observation)
    for (axis, setting), own in sorted(varied.items()):
        same = [plain[_baseline(observation.conditions, n)] for observation in own]
        yield axis, setting, _pairs(own), "the plain case", _pairs(same)


def _over_dimensions(chosen: list[Conditions], plain: Mapping[Conditions, Observation]) -> Iterator[_Comparison]:
    dimensions = sorted({conditions.dimension for conditions in chosen})
    for dimension in dimensions[1:]:
        least = {conditions.family: conditions for conditions in chosen if conditions.dimension == dimensions[0]}
        own = [item for item in chosen if item.dimension == dimension and item.family in least]
        if own:
            same = [plain[least[conditions.family]] for conditions in own]
            yield "d", f"d = {dimension}", _pairs(plain[item] for item in own), f"d = {dimensions[0]}", _pairs(same)


def _over_families(plain: Mapping[Conditions, Observation]) -> Iterator[_Comparison]:
    for family in sorted({conditions.family for conditions in plain} - {REFERENCE}):
        own = [
            conditions
            for conditions in plain
            if conditions.family == family and replace(conditions, family=REFERENCE) in plain
        ]
        if own:
            same = [plain[replace(conditions, family=REFERENCE)] for conditions in own]
            yield "family", family, _pairs(plain[conditions] for conditions in own), REFERENCE, _pairs(same)


def _setting(conditions: Conditions, n: int) -> list[tuple[str, str]]:
    """The one axis along which conditions differ from the plain case at N = n, and where on it; none if several."""
    usual = _baseline(conditions, n)
    settings = [
        ("N", f"N = {conditions.n}", conditions.n != n),
        ("size", f"{conditions.size} x {conditions.size}", conditions.size != usual.size),
        ("bits", f"{conditions.bits} bits", conditions.bits != usual.bits),
        ("noise", f"{conditions.noise} {conditions.noise_level:g}", conditions.noise != usual.noise),
        ("groups", "passed over", conditions.groups),
    ]
    differing = [(axis, setting) for axis, setting, differs in settings if differs]
    return differing if len(differing) == 1 else []


def _baseline(conditions: Conditions, n: int) -> Conditions:
    """The plain case of a phantom."""
    return Conditions(conditions.family, conditions.dimension, n)


def _amplitudes(mixtures: list[Result]) -> Iterator[_Comparison]:
    """Gaussian mixtures `mixture/ScaleMixture_<d>_<percent>`: amplitudes of one scale are those of 00."""
    known = {result.task: (estimates_of(result), result.truth or math.nan) for result in mixtures}
    answered = {task: pair for task, pair in known.items() if pair[0]}
    spreads: dict[str, list[str]] = {}
    for task in answered:
        stem, _, percent = task.rpartition("_")
        if percent != "00" and f"{stem}_00" in answered:
            spreads.setdefault(percent, []).append(task)
    for percent, tasks in sorted(spreads.items()):
        same = [answered[f"{task.rpartition('_')[0]}_00"] for task in tasks]
        yield "amplitude", f"spread 0.{percent}", [answered[task] for task in tasks], "one amplitude", same


def _pairs(own: Iterable[Observation]) -> _Pairs:
    return [(observation.estimates, float(observation.conditions.dimension)) for observation in own]


def _log_bias(pairs: _Pairs) -> float:
    """Mean of ln(estimate / truth), each task counted once."""
    return float(np.mean([np.mean(np.log(estimates)) - math.log(truth) for estimates, truth in pairs]))
