"""Calibration: what the answers on phantoms say about the answers on real images, read off a board.

* `calibrated_table`  for each submission and real dataset the dimension at which phantoms give the same estimate
* `held_out_table`    whether that helps: each family of phantoms is calibrated with the others, and its truth is known

Curves come from phantoms in the plain case (64 x 64, no noise, 32 bits) of families whose images are independent: where
images come in groups, as slices of one patient do, the estimate tells the sampling more than the dimension. Only
phantoms at one N are used: the nearest (on the log scale) to that of the real sample with enough families.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.estimation.conditions import GROUPED, Conditions, conditions_of
from benchmark.estimation.scoring import WIDEST
from benchmark.leaderboard import CONTROLS, Board
from benchmark.response_curves import LEAST_FAMILIES, Calibrated, Curve, calibrate, response_curve
from benchmark.results import Result

NEAR = 1.5
"""Phantoms at an N that is more than this factor from the real sample's do not stand for it."""

OTHER_N = "N mismatch"
OTHER_K = "k mismatch"


@dataclass(frozen=True, slots=True)
class Observation:
    """A submission's answers to one task on phantoms; samples that failed are left out."""

    conditions: Conditions
    neighbors: int | None
    estimates: tuple[float, ...]

    @property
    def truths(self) -> tuple[float, ...]:
        """The true dimension, once for each estimate."""
        return (float(self.conditions.dimension),) * len(self.estimates)


def observations(board: Board) -> dict[str, list[Observation]]:
    """The answers on phantoms of each submission, in the order of the board."""
    found: dict[str, list[Observation]] = {name: [] for name in board.rows["submission"]}
    for result in board.results:
        conditions = conditions_of(result.task)
        if result.kind == "phantom" and conditions is not None:
            found[result.submission].append(Observation(conditions, result.neighbors, estimates_of(result)))
    return found


def curves_of(seen: Iterable[Observation]) -> dict[int, dict[str, Curve]]:
    """N -> family -> response curve, in the plain case, of the families whose images are independent."""
    points: dict[int, dict[str, list[Observation]]] = {}
    for observation in seen:
        conditions = observation.conditions
        if conditions.plain and conditions.family not in GROUPED and observation.estimates:
            points.setdefault(conditions.n, {}).setdefault(conditions.family, []).append(observation)
    return {
        n: {family: curve for family, own in sorted(families.items()) if (curve := _curve(own)) is not None}
        for n, families in sorted(points.items())
    }


def _curve(own: list[Observation]) -> Curve | None:
    return response_curve(
        [truth for observation in own for truth in observation.truths],
        [estimate for observation in own for estimate in observation.estimates],
    )


def nearest_n(curves: Mapping[int, Mapping[str, Curve]], n: int) -> int | None:
    """The N nearest to `n` on the log scale at which there are enough families; None where there is none."""
    enough = [candidate for candidate, families in curves.items() if len(families) >= LEAST_FAMILIES]
    return min(enough, key=lambda candidate: (abs(math.log(candidate / n)), candidate), default=None)


def calibrated_table(board: Board) -> pd.DataFrame:
    """For each submission and task on real images the calibrated dimension beside the raw one, best rank first.

    Columns: submission, task, dataset, n, k, raw, corrected (as in `benchmark.leaderboard.dataset_table`), calibrated,
    low, high (95 % prediction interval over families, open ends missing), spread (factor within which `ENOUGH` of the
    families lie), families, apart (names of the others), phantom_n (N of the phantoms), status: `ok`; `outside the
    range` of the phantoms, so there is no value; `families disagree`, the spread is more than `AGREEMENT`; `N
    mismatch`, `k mismatch`
    where the phantoms were asked with another N (beyond a factor of `NEAR`) or k; `no response` of the estimator to
    the dimension; `no phantoms`; `not answered`. A value with another status than `ok` is shown, not to be relied on.
    """
    seen = observations(board)
    curves = {name: curves_of(own) for name, own in seen.items()}
    order = {name: place for place, name in enumerate(board.rows["submission"])}
    rows = []
    for result in sorted(board.results, key=lambda result: (order[result.submission], result.task)):
        if result.kind != "real":
            continue
        whole = result.answers[0]
        n = nearest_n(curves[result.submission], whole.n)
        found = calibrate(curves[result.submission][n] if n else {}, whole.dimension)
        raw = math.nan if whole.dimension is None else whole.dimension
        rows.append(
            {
                "submission": result.submission,
                "task": result.task,
                "dataset": result.dataset,
                "n": whole.n,
                "k": result.neighbors,
                "raw": raw,
                "corrected": raw * (result.correction or 1.0),
                "calibrated": found.value,
                "low": found.low,
                "high": found.high,
                "spread": found.spread,
                "families": found.families,
                "apart": ", ".join(found.apart),
                "phantom_n": n,
                "status": _status(found, result, n, seen[result.submission]),
            }
        )
    return pd.DataFrame(rows).astype({"k": "Int64", "phantom_n": "Int64"}) if rows else pd.DataFrame()


def _status(found: Calibrated, result: Result, n: int | None, seen: list[Observation]) -> str:
    """The calibration's status, or what is wrong with the comparison."""
    if n is None or found.status in {"not answered", "no phantoms", "no response"}:
        return found.status
    if any(observation.neighbors != result.neighbors for observation in seen):
        return OTHER_K
    return OTHER_N if abs(math.log(n / result.answers[0].n)) > math.log(NEAR) else found.status


def held_out_table(board: Board) -> pd.DataFrame:
    """Whether calibration brings estimates of a family nearer to its truth, when that family's own curve is not used.

    Every family whose images are independent is held out in turn, with all its plain tasks at the N of most tasks, and
    calibrated with the curves of the others. Errors are mean percentage errors, tasks first, then families with equal
    weight. Columns: submission; samples; families, and better (for how many of them the error falls); raw_error;
    calibrated_error (where there is no calibrated value the raw one stays); ok (share of the samples whose status is
    `ok`, %); raw_error_ok, calibrated_error_ok over these alone; coverage_ok (share of their prediction intervals that
    hold the truth, %). The last row, `mean`, is the mean over the submissions that are no controls, of the values that
    each has.
    """
    rows = [{"submission": name, **_held_out_row(_held_out(own))} for name, own in observations(board).items()]
    table = pd.DataFrame([row for row in rows if row["samples"]])
    if table.empty:
        return table
    competing = table[~table["submission"].isin(CONTROLS)]
    means = competing.drop(columns="submission").mean()
    return pd.concat([table, pd.DataFrame([{"submission": "mean", **means}])], ignore_index=True)


def held_out_families_table(board: Board) -> pd.DataFrame:
    """The same by family that was held out: submission, family, samples, raw_error, calibrated_error, ok and the rest.

    Families whose images come in groups are here too: they are never calibrated with, and show what happens where
    images are not independent.
    """
    rows = []
    for name, own in observations(board).items():
        held = pd.DataFrame(_held_out(own, grouped=True))
        for family, part in held.groupby("family") if len(held) else ():
            rows.append({"submission": name, "family": family, **_held_out_row(part.to_dict("records"))})
    return pd.DataFrame(rows)


def _held_out(own: list[Observation], *, grouped: bool = False) -> list[dict[Any, Any]]:
    """One row a sample: family, task, raw and calibrated error in percent, status, whether the interval holds it."""
    plain = [observation for observation in own if observation.conditions.plain]
    n = most_common_n(plain)
    curves = curves_of(plain).get(n, {})
    rows = []
    for observation in plain:
        family, truth = observation.conditions.family, observation.conditions.dimension
        if observation.conditions.n != n or (family in GROUPED and not grouped):
            continue
        others = {name: curve for name, curve in curves.items() if name != family}
        for estimate in observation.estimates:
            found = calibrate(others, estimate)
            used = estimate if math.isnan(found.value) else found.value
            rows.append(
                {
                    "family": family,
                    "task": observation.conditions.name,
                    "raw": 100 * abs(estimate - truth) / truth,
                    "calibrated": 100 * abs(used - truth) / truth,
                    "ok": found.status == "ok",
                    "held": not (found.low > truth or found.high < truth),
                }
            )
    return rows


def _held_out_row(rows: list[dict[Any, Any]]) -> dict[str, float]:
    """Means of the samples' errors, tasks first, then families."""
    fine = [row for row in rows if row["ok"]]
    return {
        "samples": len(rows),
        "families": len({row["family"] for row in rows}),
        "better": sum(_by_family(own, "calibrated") < _by_family(own, "raw") for own in _split(rows)),
        "raw_error": _by_family(rows, "raw"),
        "calibrated_error": _by_family(rows, "calibrated"),
        "ok": 100 * len(fine) / len(rows) if rows else math.nan,
        "raw_error_ok": _by_family(fine, "raw"),
        "calibrated_error_ok": _by_family(fine, "calibrated"),
        "coverage_ok": 100 * float(np.mean([row["held"] for row in fine])) if fine else math.nan,
    }


def _split(rows: list[dict[Any, Any]]) -> list[list[dict[Any, Any]]]:
    """The rows of each family."""
    families = sorted({row["family"] for row in rows})
    return [[row for row in rows if row["family"] == family] for family in families]


def _by_family(rows: list[dict[Any, Any]], score: str) -> float:
    if not rows:
        return math.nan
    return float(pd.DataFrame(rows).groupby(["family", "task"])[score].mean().groupby("family").mean().mean())


def most_common_n(plain: Iterable[Observation]) -> int:
    """The N of most tasks, the larger of two equally common; 0 without any."""
    counts = Counter(observation.conditions.n for observation in plain)
    return max(counts, key=lambda n: (counts[n], n), default=0)


def estimates_of(result: Result) -> tuple[float, ...]:
    """A result's answers, those of failed samples left out; none is absurd."""
    values = [answer.dimension for answer in result.answers]
    return tuple(float(np.clip(value, 1 / WIDEST, WIDEST)) for value in values if value is not None)
