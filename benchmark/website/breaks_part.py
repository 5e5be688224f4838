"""Where estimators break, for the pages: each setting over all estimators, and all settings of each estimator."""

import math
from collections.abc import Sequence

import numpy as np

from benchmark.website import calibration_columns as columns
from benchmark.website.phantoms_page import family_title
from benchmark.website.tables import Record, Table

REASONS = {
    "d": "The number of images that fill a space grows exponentially with its dimension. At a fixed N the nearest "
    "neighbours in many dimensions are far away, and estimates from distances fall behind the truth.",
    "family": "Families bend the same number of settings more or less, and give them more or less equal weight. A "
    "neighbourhood that bends, or is long in some directions and short in others, looks of another dimension.",
    "N": "Fewer images have wider neighbourhoods: more bend lies inside one, and the border of the set weighs more.",
    "size": "Pixels resample one smooth image: an answer that changes with their number depends on the picture, not on "
    "the set.",
    "bits": "Rounding moves every image by a small step in every pixel. Where neighbours are nearer than that, it is "
    "the step that is measured.",
    "noise": "Noise fills all pixels: at distances below it the images have the dimension of the pixels, not of the "
    "set.",
    "groups": "Slices of one patient are near-copies of each other: the nearest neighbours lie along one line, and the "
    "answer falls towards 1. Here neighbours of the same patient are passed over.",
    "amplitude": "Points whose scale differs: distances tell where in the set a point lies, beside its dimension.",
}
"""Why an answer changes along each axis, in the order of the page."""


def setting_records(breaks: Sequence[Record], axes: Sequence[str]) -> list[Record]:
    """One record a setting, over the estimators."""
    records: list[Record] = []
    keys = dict.fromkeys((row["axis"], row["setting"], row["baseline"]) for row in breaks)
    for axis, setting, baseline in sorted(keys, key=lambda key: (axes.index(key[0]), _natural(key[1]))):
        own = [row for row in breaks if (row["axis"], row["setting"], row["baseline"]) == (axis, setting, baseline)]
        worst = max(own, key=_size)
        records.append(
            {
                "axis": columns.AXES[axis],
                "setting": setting,
                "baseline": baseline,
                **quartiles("change", [row["change"] for row in own]),
                "submissions": len(own),
                "worst": worst["submission"],
                "worst_change": worst["change"],
            }
        )
    return records


def titled(row: Record) -> Record:
    """A setting and what it is compared with as a page names them: `X-ray`, `Gaussian 0.4`, `32 × 32`."""
    if row["axis"] == "family":
        return {**row, "setting": family_title(row["setting"]), "baseline": family_title(row["baseline"])}
    if row["axis"] == "noise":
        return {**row, "setting": row["setting"].capitalize()}
    return {**row, "setting": row["setting"].replace(" x ", " × ")}


def _natural(setting: str) -> tuple[float, str]:
    """`d = 4` before `d = 16`."""
    number = "".join(letter for letter in setting.partition("=")[2] if letter.isdigit())
    return (float(number) if number else math.inf, setting)


def _size(row: Record) -> float:
    """How large a change is, halving as large as doubling."""
    return abs(math.log1p(row["change"] / 100))


def worst_record(row: Record, axes: Sequence[str], breaks: Sequence[Record]) -> Record:
    """The largest change along each axis of the submission of a board's row."""
    record = {key: row[key] for key in ("rank", "rank_low", "rank_high", "submission", "control")}
    for axis in axes:
        own = [each for each in breaks if each["submission"] == row["submission"] and each["axis"] == axis]
        worst = max(own, key=_size) if own else None
        record[axis] = worst["change"] if worst else None
        record[f"{axis}_note"] = worst["setting"] if worst else ""
    return record


def breaks_of_each(breaks: Sequence[Record], identity: Record) -> dict[str, Table]:
    """All settings of each submission, for its page."""
    tables = {}
    for name in dict.fromkeys(row["submission"] for row in breaks):
        own = tuple({**row, "title": columns.AXES[row["axis"]]} for row in breaks if row["submission"] == name)
        tables[name] = Table(
            "own-breaks",
            "Bias on phantoms in each setting and in what it is compared with, over the same phantoms, and the change "
            "between the two.",
            columns.breaks_path(name),
            columns.OWN_BREAKS,
            own,
            {**identity, "submission": name},
        )
    return tables


def quartiles(key: str, values: Sequence[float]) -> dict[str, float | None]:
    """Median and quartiles; None of no values."""
    low, middle, high = (float(value) for value in np.quantile(values, [0.25, 0.5, 0.75])) if values else (None,) * 3
    return {key: middle, f"{key}_low": low, f"{key}_high": high}
