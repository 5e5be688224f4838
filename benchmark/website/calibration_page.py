"""The page of the calibration: what answers on phantoms say of real images, whether it helps, and what breaks whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmark.breaks import breaks_table
from benchmark.calibration import calibrated_table, held_out_families_table, held_out_table
from benchmark.website import calibration_columns as columns
from benchmark.website.boards import BoardPage
from benchmark.website.breaks_part import REASONS, breaks_of_each, quartiles, setting_records, titled, worst_record
from benchmark.website.columns import DIMENSION
from benchmark.website.phantoms_page import family_title
from benchmark.website.tables import Record, Table, records_of


@dataclass(frozen=True, slots=True)
class CalibrationPage:
    """The calibration of one suite's board."""

    suite: str
    version: str
    families: int
    calibrated: Mapping[tuple[str, str], Record]
    """Submission and task -> its row of `calibrated_table`."""
    statuses: tuple[tuple[str, int], ...]
    """How many values have each status, the most frequent first."""
    held_out: Record
    """Mean over the submissions; empty without a held-out check."""
    improved: int
    """Submissions whose error on held-out families falls."""
    checked: int
    """Submissions that were checked, controls left out."""
    summary_table: Table | None
    matrix_table: Table | None
    families_table: Table | None
    held_out_table: Table | None
    settings_table: Table | None
    breaks_table: Table | None
    axes: tuple[tuple[str, str, str], ...]
    """Axis, title, reason: of the axes that the board has."""
    breaks: Mapping[str, Table] = field(repr=False)
    """Of each submission."""

    def values_of(self, submission: str, task: str) -> Record:
        """The calibrated value of one answer on real images, under the names of a dataset's table."""
        row = self.calibrated[submission, task]
        return {
            "calibrated": row["calibrated"],
            "calibrated_low": row["low"],
            "calibrated_high": row["high"],
            "calibration": row["status"],
        }

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table of the page."""
        some = (self.summary_table, self.matrix_table, self.families_table, self.held_out_table)
        return tuple(table for table in (*some, self.settings_table, self.breaks_table) if table)


def make_calibration(board: BoardPage, names: Mapping[str, str]) -> CalibrationPage:
    """The page of a board with answers on phantoms; `names` are those of the datasets, by id."""
    controls = {row["submission"] for row in board.rows if row["control"]}
    calibrated = records_of(calibrated_table(board.board))
    held = {row["submission"]: row for row in records_of(held_out_table(board.board))}
    mean = held.pop("mean", {})
    competing = [row for name, row in held.items() if name not in controls]
    breaks = [titled(row) for row in records_of(breaks_table(board.board))]
    families = [row for row in records_of(held_out_families_table(board.board)) if row["submission"] not in controls]
    tasks = list(dict.fromkeys(row["task"] for row in sorted(calibrated, key=lambda row: row["task"])))
    axes = [axis for axis in REASONS if any(row["axis"] == axis for row in breaks)]

    def table(
        name: str, caption: str, shown: Any, records: Sequence[Record], by: str = "", **facts: Any
    ) -> Table | None:
        if not records:
            return None
        return Table(f"{name}-table", caption, f"calibration/{name}", shown, tuple(records), board.identity | facts, by)

    return CalibrationPage(
        suite=board.suite,
        version=board.version,
        families=max((row["families"] for row in calibrated), default=0),
        calibrated={(row["submission"], row["task"]): row for row in calibrated},
        statuses=_counts([row["status"] for row in calibrated if row["submission"] not in controls]),
        held_out=mean,
        improved=sum(row["calibrated_error"] < row["raw_error"] for row in competing),
        checked=len(competing),
        summary_table=table(
            "datasets",
            "Median over the estimators, with the middle half in brackets: of the raw values of all, and of those "
            "calibrated values that can be relied on. Controls are left out.",
            columns.SUMMARY,
            _summary(calibrated, controls, names),
            "name",
        ),
        matrix_table=table(
            "values",
            "Calibrated dimension, in brackets the raw one, and why the calibration cannot be relied on where it "
            "cannot. The page of each dataset has the intervals.",
            columns.matrix(_task_titles(tasks, calibrated, names)),
            [_matrix_record(row, tasks, calibrated) for row in board.rows] if calibrated else [],
            "rank",
        ),
        families_table=table(
            "held-out-families",
            "Each family calibrated with the others alone: mean percentage error of the raw and of the calibrated "
            "values, mean over the estimators.",
            columns.HELD_OUT_FAMILIES,
            _families(families),
            "title",
        ),
        held_out_table=table(
            "held-out",
            "Mean percentage error on families that were held out, of every sample, and of those alone whose "
            "calibration can be relied on; and how often the 95\u00a0% interval holds the truth there.",
            columns.HELD_OUT,
            [{"control": name in controls, **row} for name, row in held.items()],
            mean=mean,
        ),
        settings_table=table(
            "settings",
            "Change of the answers when one thing changes and all else stays: median over the estimators with the "
            "middle half in brackets, and the estimator that changes most. Controls are left out.",
            columns.SETTINGS,
            setting_records([row for row in breaks if row["submission"] not in controls], axes),
        ),
        breaks_table=table(
            "breaks",
            "The largest change along each axis, and where. The page of each estimator has all settings.",
            columns.breaks([(axis, columns.AXES[axis]) for axis in axes]),
            [worst_record(row, axes, breaks) for row in board.rows] if breaks else [],
            "rank",
        ),
        axes=tuple((axis, columns.AXES[axis], REASONS[axis]) for axis in axes),
        breaks=breaks_of_each(breaks, board.identity),
    )


def calibrated_board(boards: Sequence[BoardPage]) -> BoardPage | None:
    """The first board with answers on phantoms."""
    return next((board for board in boards if board.phantom_tasks), None)


def _summary(calibrated: Sequence[Record], controls: set[str], names: Mapping[str, str]) -> list[Record]:
    records: list[Record] = []
    for task in sorted({row["task"] for row in calibrated}):
        own = [row for row in calibrated if row["task"] == task and row["submission"] not in controls]
        raw = [row["raw"] for row in own if row["raw"] is not None]
        fine = [row["calibrated"] for row in own if row["status"] == "ok"]
        dataset = next(row["dataset"] for row in calibrated if row["task"] == task)
        records.append(
            {
                "dataset": dataset,
                "name": names.get(dataset, dataset),
                "task": task,
                **quartiles("raw", raw),
                **quartiles("calibrated", fine),
                "ok": len(fine),
                "submissions": len(own),
            }
        )
    return sorted(records, key=lambda record: (record["name"], record["task"]))


def _task_titles(tasks: Sequence[str], calibrated: Sequence[Record], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each task with the name of its dataset; with its own where a dataset has several."""
    datasets = {row["task"]: row["dataset"] for row in calibrated}
    several = list(datasets.values())
    return [
        (task, names.get(datasets[task], datasets[task]) if several.count(datasets[task]) == 1 else task)
        for task in tasks
    ]


def _matrix_record(row: Record, tasks: Sequence[str], calibrated: Sequence[Record]) -> Record:
    own = {each["task"]: each for each in calibrated if each["submission"] == row["submission"]}
    record = {key: row[key] for key in ("rank", "rank_low", "rank_high", "submission", "control")}
    for task in tasks:
        found = own.get(task)
        record[task] = found["calibrated"] if found else None
        record[f"{task} raw"] = found["raw"] if found else None
        record[f"{task} status"] = found["status"] if found else "not asked"
        raw = f"raw {DIMENSION(found['raw'])}" if found and found["raw"] is not None else ""
        status = record[f"{task} status"]
        record[f"{task}_note"] = "; ".join(filter(None, (raw, "" if status == "ok" else status)))
    return record


def _families(rows: Sequence[Record]) -> list[Record]:
    records: list[Record] = []
    for family in sorted({row["family"] for row in rows}):
        own = [row for row in rows if row["family"] == family]
        means = {
            key: float(np.mean(values)) if (values := [row[key] for row in own if row[key] is not None]) else None
            for key in ("raw_error", "calibrated_error", "ok", "coverage_ok")
        }
        improved = sum(row["calibrated_error"] < row["raw_error"] for row in own)
        records.append(
            {"family": family, "title": family_title(family), **means, "improved": improved, "submissions": len(own)}
        )
    return records


def _counts(statuses: Sequence[str]) -> tuple[tuple[str, int], ...]:
    found = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))
