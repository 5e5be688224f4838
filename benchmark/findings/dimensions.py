"""The dimension of each dataset, by every estimator of a board, in every way that the results hold."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from benchmark.calibration import calibrated_table
from benchmark.estimation.scoring import halves
from benchmark.leaderboard import CONTROLS, Board
from benchmark.results import Result

Version = Literal["raw", "corrected", "calibrated"]
Part = Literal["whole", "halves", "low", "low-rounded"]

PARTS: Mapping[Part, str] = {
    "whole": "the whole sample",
    "halves": "half as many images",
    "low": "half the resolution",
    "low-rounded": "half the resolution, rounded to 8 bits",
}
"""Which images were given to the estimator. `halves` is the geometric mean over disjoint halves of the sample."""
SINGLE: tuple[Part, ...] = ("whole", "low", "low-rounded")
"""Those of which a task has one sample."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """How a dimension was measured."""

    estimator: str
    k: int | None
    """Neighbours of the shared graph that it asked for."""
    version: Version = "corrected"
    """`raw`, as returned; `corrected` for a known constant factor, and else the same; `calibrated` on phantoms."""
    part: Part = "whole"


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The dimensions of the datasets, measured in one way. A dataset without an answer is not there."""

    measuring: Measuring
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """A dataset of a board."""

    id: str
    domain: str
    n: int
    ambient_dimension: int


def datasets_of(board: Board) -> dict[str, DatasetFacts]:
    """The real datasets of a board by id, in that order; N and D are those of the whole sample."""
    found = {}
    for result in _plain(board):
        whole = result.answers[0]
        found[result.dataset or ""] = DatasetFacts(
            result.dataset or "", result.family, whole.n, whole.ambient_dimension
        )
    return dict(sorted(found.items()))


def dimensions_of(board: Board) -> tuple[Dimensions, ...]:
    """All ways in which the board's estimators measured its datasets: best rank first, then version, then part.

    Controls are left out: what they say has nothing to do with the images. `raw` is there only where a known factor
    tells it from `corrected`. Calibrated are the whole samples alone, and those datasets alone whose calibration holds
    (`benchmark.calibration.calibrated_table` with the status `ok`).
    """
    order = {name: place for place, name in enumerate(board.rows["submission"])}
    values: dict[Measuring, dict[str, float]] = defaultdict(dict)
    for result in sorted(_plain(board), key=lambda result: order[result.submission]):
        for part, value in _parts(result):
            for version, factor in _versions(result):
                way = Measuring(result.submission, result.neighbors, version, part)
                values[way][result.dataset or ""] = value * factor
    ways = {**values, **_calibrated(board)}
    return tuple(Dimensions(way, dict(sorted(own.items()))) for way, own in ways.items())


def _plain(board: Board) -> list[Result]:
    """One result a dataset and estimator: copies removed, controls left out."""
    return [
        result
        for result in board.results
        if result.kind == "real" and result.task == f"real/{result.dataset}" and result.submission not in CONTROLS
    ]


def _parts(result: Result) -> Iterator[tuple[Part, float]]:
    given = {answer.part: answer.dimension for answer in result.answers}
    for part in SINGLE:
        value = given.get(part)
        if value is not None:
            yield part, value
    pairs = [value for pair in halves(given) for value in pair]
    answered = [value for value in pairs if value is not None]
    if answered and len(answered) == len(pairs):
        yield "halves", float(np.exp(np.mean(np.log(answered))))


def _versions(result: Result) -> list[tuple[Version, float]]:
    if result.correction is None:
        return [("corrected", 1.0)]
    return [("corrected", result.correction), ("raw", 1.0)]


def _calibrated(board: Board) -> dict[Measuring, dict[str, float]]:
    """Every estimator has a row, even one whose calibration holds for no dataset: that is an answer too."""
    found: dict[Measuring, dict[str, float]] = {}
    if not (board.tasks["kind"] == "phantom").any():
        return found
    for row in calibrated_table(board).to_dict("records"):
        if row["submission"] in CONTROLS or row["task"] != f"real/{row['dataset']}":
            continue
        k = None if pd.isna(row["k"]) else int(row["k"])
        own = found.setdefault(Measuring(str(row["submission"]), k, "calibrated"), {})
        if row["status"] == "ok":
            own[str(row["dataset"])] = float(row["calibrated"])
    return found
