"""Boards of the model track: one for each protocol of a suite, since results of different protocols are never mixed."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmark.errors import UserError
from benchmark.leaderboard import records
from benchmark.results import current
from benchmark.statistics import LEVEL, aggregate
from benchmark.terminal import Column, failures_cell, interval_cell, number_cell, rank_cell, table_text
from benchmark.training.results import TrainingResult, iter_training_results
from benchmark.training.scoring import METRICS, score_failed

CONTROL = "majority"
"""The control whose scores stand in for those of a failed run."""


@dataclass(frozen=True)
class ModelBoard:
    """The results of one suite under one protocol that may be compared: one hash for each task and each submission."""

    suite: str
    suite_version: str
    protocol: str
    protocol_sha256: str
    rows: pd.DataFrame
    """One row a submission, best first; see `load_model_boards`."""
    tasks: pd.DataFrame
    """One row a task: task, domain, dataset, labels, classes, train, validation, test, image_size, channels, groups,
    duplicates, in_both, runs, files_sha256, task_sha256."""
    superseded: int
    """Results that are left out since a newer protocol of that title, task or submission took their place."""
    results: tuple[TrainingResult, ...] = field(repr=False)


def load_model_boards(root: Path, suite: str) -> tuple[ModelBoard, ...]:
    """The boards of a suite's protocols, by title, from the results below `root`.

    Columns of `rows`: submission; apart (why it is not ranked with the others); rank, rank_low, rank_high (missing for
    one that stands apart or has not been trained for all tasks that others have); error, error_low, error_high (mean of
    100 % - test accuracy after the last epoch, domains weighted equally, with the bootstrap interval over tasks);
    error_<domain>; every other score of `METRICS`, mean over tasks; parameters (median), train_seconds (mean of a run),
    outside_share (of the training time, in percent), peak_bytes (largest); tasks, answered, runs, ok; statuses (status
    -> runs, `ok` left out); learning_rate; submission_sha256.

    A failed run counts as the run of the control `majority` with the same seed. A result of status `infrastructure` is
    a fault of ours: it counts as a task that was not asked.
    Raises UserError if there are no results, and as `benchmark.results.read_result` does.
    """
    found = [result for result in iter_training_results(root, suite) if result.status != "infrastructure"]
    if not found:
        raise UserError(f"{root}: holds no results of models: run `manifoldbench run --suite {suite}`.")
    titles = sorted({result.protocol for result in found})
    return tuple(_board([result for result in found if result.protocol == title]) for title in titles)


def _board(found: list[TrainingResult]) -> ModelBoard:
    results = current(found, lambda result: result.protocol_sha256)
    newest = max(results, key=lambda result: result.provenance.finished)
    scores = score_table(results)
    return ModelBoard(
        suite=newest.suite,
        suite_version=newest.suite_version,
        protocol=newest.protocol,
        protocol_sha256=newest.protocol_sha256,
        rows=_ranked(_rows(results), scores),
        tasks=_tasks(results),
        superseded=len(found) - len(results),
        results=tuple(results),
    )


def score_table(results: Sequence[TrainingResult]) -> pd.DataFrame:
    """One row a job: submission, task, domain, and each score with its mean over the runs.

    Columns of a score: <name>, <name>_low and <name>_high (95 %, Student's t over the seeds; missing with one run).
    """
    controls = {
        (result.task_sha256, run.seed): run.scores
        for result in results
        if result.submission == CONTROL
        for run in result.runs
        if run.status == "ok"
    }
    rows = []
    for result in results:
        runs = [
            run.scores
            if run.status == "ok"
            else score_failed(controls.get((result.task_sha256, run.seed)), len(result.classes))
            for run in result.runs
        ]
        row: dict[str, Any] = {
            "submission": result.submission,
            "task": result.task,
            "domain": result.domain,
            "dataset": result.dataset,
            "train": result.train,
        }
        for name in METRICS:
            values = [run[name] for run in runs if name in run]
            if values:
                row[name], row[f"{name}_low"], row[f"{name}_high"] = mean_interval(values)
        rows.append(row)
    return pd.DataFrame(rows)


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean of independent values with its 95 % interval by Student's t; NaN for the interval of a single value."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, math.nan, math.nan
    error = float(np.std(values, ddof=1) / math.sqrt(len(values)))
    reach = error * float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1))
    return mean, mean - reach, mean + reach


def _rows(results: Sequence[TrainingResult]) -> pd.DataFrame:
    names = dict.fromkeys(result.submission for result in results)
    tasks = len({result.task for result in results})
    return pd.DataFrame(_row([r for r in results if r.submission == name], tasks) for name in names)


def _row(results: list[TrainingResult], tasks: int) -> dict[str, Any]:
    runs = [run for result in results for run in result.runs]
    statuses = Counter(run.status for run in runs if run.status != "ok")
    trained = [run for run in runs if run.status == "ok"]
    seconds = sum(run.train_seconds for run in trained)
    inside = sum(run.model_seconds for run in trained)
    return {
        "submission": results[0].submission,
        "apart": results[0].apart,
        "parameters": float(np.median([run.parameters for run in trained])) if trained else math.nan,
        "train_seconds": seconds / len(trained) if trained else math.nan,
        "outside_share": 100 * (1 - inside / seconds) if seconds else math.nan,
        "peak_bytes": max(run.peak_bytes for run in runs),
        "failure_rate": 100 * statuses.total() / len(runs),
        "tasks": tasks,
        "answered": len(results),
        "runs": len(runs),
        "ok": len(trained),
        "statuses": dict(sorted(statuses.items())),
        "learning_rate": results[0].learning_rate,
        "submission_sha256": results[0].submission_sha256,
    }


def _ranked(rows: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Add means with intervals, and ranks among the models that the protocol trained for every task."""
    scores = scores.assign(error=100 - scores["accuracy"])
    ranked = rows.loc[(rows["answered"] == rows["tasks"]) & (rows["apart"] == ""), "submission"]
    controls = rows.loc[(rows["answered"] == rows["tasks"]) & (rows["submission"] == CONTROL), "submission"]
    ranks = _aggregated(scores[scores["submission"].isin({*ranked, *controls})], ("rank", "rank_low", "rank_high"))
    means = _aggregated(scores, ("mean", "low", "high"))
    others = scores.groupby("submission")[[name for name in METRICS if name in scores]].mean()
    domains = scores.pivot_table(index="submission", columns="domain", values="error").add_prefix("error_")
    own = rows.set_index("submission")
    joined = own[["apart"]].join([ranks.astype("Int64"), means, domains, others, own.drop(columns="apart")])
    joined = joined.rename_axis("submission").reset_index()
    return joined.sort_values(["rank", "error", "submission"], na_position="last", kind="stable", ignore_index=True)


def _aggregated(scores: pd.DataFrame, fields: Sequence[str]) -> pd.DataFrame:
    table = scores.pivot(index="submission", columns="task", values="error").dropna()
    names = [{"mean": "error", "low": "error_low", "high": "error_high"}.get(field, field) for field in fields]
    if table.empty:
        return pd.DataFrame(columns=names, index=table.index, dtype=float)
    domains = scores.drop_duplicates("task").set_index("task")["domain"][table.columns]
    summary = aggregate(table.to_numpy(), list(domains))
    return pd.DataFrame({name: getattr(summary, field) for name, field in zip(names, fields, strict=True)}, table.index)


def _tasks(results: Sequence[TrainingResult]) -> pd.DataFrame:
    columns = (
        *("task", "domain", "dataset", "labels", "classes", "train", "validation", "test", "image_size", "channels"),
        *("groups", "duplicates", "in_both", "files_sha256", "task_sha256"),
    )
    rows = {
        result.task: {name: getattr(result, name) for name in columns} | {"runs": len(result.runs)}
        for result in results
    }
    return pd.DataFrame([rows[name] for name in sorted(rows)])


def board_content(board: ModelBoard) -> dict[str, Any]:
    """The board as plain values, every number in full; what is not known is None."""
    names = ("suite", "suite_version", "protocol", "protocol_sha256", "superseded")
    return {
        **{name: getattr(board, name) for name in names},
        "tasks": records(board.tasks),
        "rows": records(board.rows),
    }


_COLUMNS = (
    Column("Rank"),
    Column("Model", words=True),
    Column("Error %"),
    Column("interval", words=True),
    *map(Column, ("AUC", "Log loss", "Calib. %", "Gap", "Seconds")),
    Column("Failures", words=True, wraps=True),
)


def to_text(board: ModelBoard, width: int = 110) -> str:
    """The board for a terminal, `width` characters wide; what stands apart says why."""
    tasks, runs = len(board.tasks), int(board.tasks["runs"].max())
    left_out = f"Results of an earlier protocol, task or submission, left out: {board.superseded}."
    return table_text(
        f"Suite {board.suite}, protocol {board.protocol} ({board.protocol_sha256[:8]}): "
        f"{tasks} task{'s' if tasks > 1 else ''}, {runs} run{'s' if runs > 1 else ''} each. "
        "Error of the test images; 95 % intervals; ties share ranks.",
        _COLUMNS,
        map(_cells, board.rows.to_dict("records")),
        below=left_out if board.superseded else "",
        width=width,
    )


def _cells(row: Mapping[Any, Any]) -> list[str]:
    name = f"{row['submission']} (control)" if row["submission"] == CONTROL else row["submission"]
    return [
        rank_cell(row),
        f"{name} ({row['apart']})" if row["apart"] and row["submission"] != CONTROL else name,
        number_cell(row["error"], ".1f"),
        interval_cell(row),
        *(number_cell(row.get(name, math.nan), how) for name, how in _SCORES),
        failures_cell(row),
    ]


_SCORES = (
    ("auc", ".3f"),
    ("log_loss", ".3f"),
    ("calibration_error", ".1f"),
    ("accuracy_gap", "+.1f"),
    ("train_seconds", ".1f"),
)
