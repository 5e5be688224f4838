"""Boards: pandas tables from the results folder. They hold every number in full; pages and terminals round."""

import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmark.errors import UserError
from benchmark.estimation import scoring
from benchmark.results import Answer, Result, iter_results
from benchmark.statistics import aggregate

CONTROL = "constant"
"""The control whose answers stand in for those of a failed sample."""


@dataclass(frozen=True)
class Board:
    """One suite's results that may be compared: one suite hash, one hash for each task and each submission."""

    suite: str
    suite_version: str
    suite_sha256: str
    rows: pd.DataFrame
    """One row a submission, best first; see `load_board`."""
    tasks: pd.DataFrame
    """One row a task: task, kind, family, dataset, n, ambient_dimension, truth, view_sha256, task_sha256."""
    superseded: int
    """Results that are left out since a newer suite, task or submission took their place."""
    results: tuple[Result, ...] = field(repr=False)
    """The results the board stands on, by submission and task."""


def load_board(root: Path, suite: str) -> Board:
    """The board of a suite, from the results below `root`.

    Columns of `rows`: submission; rank, rank_low, rank_high (missing for a submission that has not answered all tasks
    that others have); error, error_low, error_high (mean percentage error over known truth, families averaged first,
    with the bootstrap interval over tasks); error_<family>; log_error, bias, far_off, coverage, rank_correlation,
    failure_rate; inconsistency, inconsistency_low, inconsistency_high and its four parts; wall_seconds (mean of a
    sample, shared graph given), wall_seconds_with_graph (building it included), cpu_seconds, peak_bytes (largest);
    tasks, answered, ok; statuses (status -> samples, `ok` left out); submission_sha256.

    Raises UserError if there are no results, and as `benchmark.results.read_result` does.
    """
    found = list(iter_results(root, suite))
    if not found:
        raise UserError(f"{root / suite}: holds no results: run `manifoldbench run --suite {suite}`.")
    current = _current(found)
    newest = max(current, key=lambda result: result.provenance.finished)
    tasks = _tasks(current)
    rows = _ranked(_rows(current, tasks), current, tasks)
    return Board(
        suite=suite,
        suite_version=newest.suite_version,
        suite_sha256=newest.suite_sha256,
        rows=rows,
        tasks=tasks,
        superseded=len(found) - len(current),
        results=tuple(current),
    )


def suites_in(root: Path) -> tuple[str, ...]:
    """Names of the suites that have results below `root`."""
    return tuple(sorted({path.parent.parent.name for path in root.glob("*/*/*.json")}))


def dataset_table(board: Board, dataset: str) -> pd.DataFrame:
    """What every submission says of one dataset, best rank first.

    Columns: submission, task, n, k, ambient_dimension, duplicates, raw (as the submission returned it), corrected
    (times the factor of a known constant bias; equals raw where none is known), low, high (95 %, of the corrected
    value, from disjoint halves), status, reason, view_sha256.
    """
    order = {name: row for row, name in enumerate(board.rows["submission"])}
    rows = []
    for result in sorted(board.results, key=lambda result: (result.task, order[result.submission])):
        if result.dataset != dataset:
            continue
        parts = _parts(result)
        whole = next(answer for answer in result.answers if answer.part == "whole")
        factor = result.correction or 1.0
        interval = None
        if whole.dimension is not None:
            interval = scoring.jackknife_interval(whole.dimension * factor, scoring.halves(parts))
        low, high = interval or (math.nan, math.nan)
        rows.append(
            {
                "submission": result.submission,
                "task": result.task,
                "n": whole.n,
                "k": result.neighbors,
                "ambient_dimension": whole.ambient_dimension,
                "duplicates": whole.duplicates,
                "raw": _number(whole.dimension),
                "corrected": _number(whole.dimension) * factor,
                "low": low,
                "high": high,
                "status": whole.status,
                "reason": whole.reason,
                "view_sha256": result.view_sha256,
            }
        )
    return pd.DataFrame(rows).astype({"k": "Int64"}) if rows else pd.DataFrame()


def submission_table(board: Board, submission: str) -> pd.DataFrame:
    """One row for each task of a submission.

    Columns: task, kind, family, dataset, n, ambient_dimension, duplicates, truth, estimate (median over seeds, or that
    of the whole), low, high (smallest and largest over seeds, or the interval from halves), the scores of the task,
    samples, wall_seconds, status, reason, task_sha256.
    """
    fallbacks = _fallbacks(board.results)
    rows = []
    for result in board.results:
        if result.submission != submission:
            continue
        values = [answer.dimension for answer in result.answers if answer.dimension is not None]
        estimate, low, high = math.nan, math.nan, math.nan
        if result.kind == "known" and values:
            estimate, low, high = float(np.median(values)), min(values), max(values)
        elif result.kind == "real" and result.answers[0].dimension is not None:
            estimate = result.answers[0].dimension
            low, high = scoring.jackknife_interval(estimate, scoring.halves(_parts(result))) or (math.nan, math.nan)
        rows.append(
            {
                "task": result.task,
                "kind": result.kind,
                "family": result.family,
                "dataset": result.dataset,
                "n": result.n,
                "ambient_dimension": result.ambient_dimension,
                "duplicates": result.answers[0].duplicates,
                "truth": _number(result.truth),
                "estimate": estimate,
                "low": low,
                "high": high,
                **scores_of(result, fallbacks.get(result.task_sha256, {})),
                "samples": len(result.answers),
                "wall_seconds": float(np.mean([answer.wall_seconds for answer in result.answers])),
                "status": result.status,
                "reason": result.reason,
                "task_sha256": result.task_sha256,
            }
        )
    return pd.DataFrame(rows)


def domain_table(board: Board) -> pd.DataFrame:
    """Median dimension of the datasets of each domain, for each submission: the papers' first claim, as numbers.

    Columns: submission, then one for each domain, and datasets_<domain> with their number. It is a median over the few
    datasets of this suite, not a statement about the domain.
    """
    rows = []
    for name in board.rows["submission"]:
        row: dict[str, Any] = {"submission": name}
        values: dict[str, list[float]] = {}
        for result in board.results:
            if result.submission == name and result.kind == "real" and result.answers[0].dimension is not None:
                values.setdefault(result.family, []).append(result.answers[0].dimension * (result.correction or 1.0))
        for domain, found in sorted(values.items()):
            row[domain] = float(np.median(found))
            row[f"datasets_{domain}"] = len(found)
        rows.append(row)
    return pd.DataFrame(rows)


def scores_of(result: Result, fallback: Mapping[str, float]) -> dict[str, float]:
    """Scores of one result; `fallback` is the control's answer for each part."""
    if result.kind == "known" and result.truth is not None:
        return scoring.score_known(
            [answer.dimension for answer in result.answers],
            [answer.interval for answer in result.answers],
            result.truth,
            [fallback.get(answer.part) for answer in result.answers],
        )
    return scoring.score_real(_parts(result))


def board_csv(board: Board) -> str:
    """The rows as CSV, every number in full."""
    return board.rows.drop(columns="statuses").to_csv(index=False, lineterminator="\n")


def board_json(board: Board) -> str:
    """The board as JSON: suite, version, hashes, rows; what is not known is null."""
    rows = json.loads(board.rows.to_json(orient="records", double_precision=15))
    content = {
        "suite": board.suite,
        "suite_version": board.suite_version,
        "suite_sha256": board.suite_sha256,
        "superseded": board.superseded,
        "tasks": json.loads(board.tasks.to_json(orient="records", double_precision=15)),
        "rows": rows,
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def to_text(board: Board, width: int = 100) -> str:
    """The board for a terminal, `width` characters wide."""
    known = int((board.tasks["kind"] == "known").sum())
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="")
    for heading, justify in _HEADINGS:
        table.add_column(heading, justify=justify, no_wrap=heading != "Failures")  # type: ignore[arg-type]
    for row in board.rows.to_dict("records"):
        table.add_row(*_cells(row))
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, color_system=None, highlight=False, markup=False)
    console.print(
        f"Suite {board.suite}, version {board.suite_version}: {known} tasks of known dimension, "
        f"{len(board.tasks) - known} on real images. Lower is better; 95 % intervals; ties share a range of ranks."
    )
    console.print(table)
    lines = [line.rstrip() for line in buffer.getvalue().splitlines()]
    return "\n".join(lines)


_HEADINGS = (
    ("Rank", "right"),
    ("Submission", "left"),
    ("Error %", "right"),
    ("interval", "left"),
    ("Bias %", "right"),
    ("Inconsistency", "right"),
    ("Seconds", "right"),
    ("Failures", "left"),
)


def _cells(row: Mapping[Any, Any]) -> list[str]:
    rank = "-"
    if not pd.isna(row["rank"]):
        low, high = int(row["rank_low"]), int(row["rank_high"])
        rank = str(low) if low == high else f"{low}-{high}"
    failures = ", ".join(f"{count} {status}" for status, count in row["statuses"].items())
    if row["answered"] < row["tasks"]:
        failures = ", ".join(filter(None, [failures, f"incomplete: {row['answered']} of {row['tasks']} tasks"]))
    return [
        rank,
        row["submission"],
        _format(row["error"], ".1f"),
        "" if pd.isna(row["error"]) else f"{row['error_low']:.1f}-{row['error_high']:.1f}",
        _format(row["bias"], "+.1f"),
        _format(row["inconsistency"], ".3f"),
        _format(row["wall_seconds_with_graph"], ".2f"),
        failures,
    ]


def _format(value: float, how: str) -> str:
    return "-" if pd.isna(value) else format(value, how)


def _current(found: Iterable[Result]) -> list[Result]:
    """Keep what may stand on one board: the newest suite hash, in it the newest hash of each task and submission."""
    results = sorted(found, key=lambda result: (result.provenance.finished, result.job_sha256))
    suite = results[-1].suite_sha256
    results = [result for result in results if result.suite_sha256 == suite]
    task = {result.task: result.task_sha256 for result in results}
    submission = {result.submission: result.submission_sha256 for result in results}
    kept = {
        (result.submission, result.task): result
        for result in results
        if task[result.task] == result.task_sha256 and submission[result.submission] == result.submission_sha256
    }
    return [kept[key] for key in sorted(kept)]


def _tasks(results: list[Result]) -> pd.DataFrame:
    rows = {
        result.task: {
            "task": result.task,
            "kind": result.kind,
            "family": result.family,
            "dataset": result.dataset,
            "n": result.n,
            "ambient_dimension": result.ambient_dimension,
            "truth": _number(result.truth),
            "view_sha256": result.view_sha256,
            "task_sha256": result.task_sha256,
        }
        for result in results
    }
    return pd.DataFrame([rows[name] for name in sorted(rows)])


def _rows(results: list[Result], tasks: pd.DataFrame) -> pd.DataFrame:
    fallbacks = _fallbacks(results)
    by_submission: dict[str, list[Result]] = {}
    for result in results:
        by_submission.setdefault(result.submission, []).append(result)
    return pd.DataFrame([_row(name, own, len(tasks), fallbacks) for name, own in sorted(by_submission.items())])


def _row(name: str, results: list[Result], tasks: int, fallbacks: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    answers = [answer for result in results for answer in result.answers]
    known = [result for result in results if result.kind == "known"]
    statuses = Counter(answer.status for answer in answers if answer.status != "ok")
    row: dict[str, Any] = {
        "submission": name,
        **_pooled(known, fallbacks),
        "failure_rate": 100 * statuses.total() / len(answers),
        "wall_seconds": float(np.mean([answer.wall_seconds for answer in answers])),
        "wall_seconds_with_graph": float(np.mean([answer.wall_seconds + answer.graph_seconds for answer in answers])),
        "cpu_seconds": float(np.mean([answer.cpu_seconds for answer in answers])),
        "peak_bytes": max(answer.peak_bytes for answer in answers),
        "tasks": tasks,
        "answered": len(results),
        "ok": sum(answer.status == "ok" for answer in answers),
        "statuses": dict(sorted(statuses.items())),
        "submission_sha256": results[0].submission_sha256,
    }
    return row


def _pooled(known: list[Result], fallbacks: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Scores over all samples of known truth together; rank correlation averaged over the families that have one."""
    estimates, truths, intervals, families = [], [], [], []
    for result in known:
        if result.truth is None:
            continue
        fallback = fallbacks.get(result.task_sha256, {})
        for answer in result.answers:
            last = scoring.FALLBACK_FACTOR * result.truth
            estimates.append(answer.dimension or fallback.get(answer.part) or last)
            truths.append(result.truth)
            intervals.append(answer.interval)
            families.append(result.family)
    if not estimates:
        return dict.fromkeys(("log_error", "bias", "far_off", "coverage", "rank_correlation"), math.nan)
    values, true = np.array(estimates), np.array(truths)
    correlations = [
        scoring.rank_correlation(values[chosen], true[chosen])
        for family in sorted(set(families))
        if (chosen := np.array(families) == family).any()
    ]
    defined = [value for value in correlations if not math.isnan(value)]
    return {
        "log_error": scoring.median_log_error(values, true),
        "bias": scoring.signed_bias(values, true),
        "far_off": scoring.share_far_off(values, true),
        "coverage": scoring.interval_coverage(intervals, true),
        "rank_correlation": float(np.mean(defined)) if defined else math.nan,
    }


def _ranked(rows: pd.DataFrame, results: list[Result], tasks: pd.DataFrame) -> pd.DataFrame:
    """Add means with intervals, and ranks among the submissions that have answered every task."""
    fallbacks = _fallbacks(results)
    scores = {
        (result.submission, result.task): scores_of(result, fallbacks.get(result.task_sha256, {})) for result in results
    }
    for kind, score, prefix in (("known", "error", "error"), ("real", "inconsistency", "inconsistency")):
        chosen = tasks[tasks["kind"] == kind]
        for name in rows["submission"]:
            own = [scores.get((name, task), {}) for task in chosen["task"]]
            row = rows.index[rows["submission"] == name][0]
            for part in scoring.CONSISTENCY if kind == "real" else ():
                given = [value[part] for value in own if part in value]
                rows.loc[row, part] = float(np.mean(given)) if given else math.nan
            for family in sorted(set(chosen["family"])) if kind == "known" else ():
                members = [value for value, of in zip(own, chosen["family"], strict=True) if of == family]
                given = [value[score] for value in members if score in value]
                rows.loc[row, f"error_{family}"] = float(np.mean(given)) if given else math.nan
        complete = [
            name
            for name in rows["submission"]
            if len(chosen) and all(score in scores.get((name, task), {}) for task in chosen["task"])
        ]
        for column in (prefix, f"{prefix}_low", f"{prefix}_high"):
            rows[column] = math.nan
        if kind == "known":
            for column in ("rank", "rank_low", "rank_high"):
                rows[column] = pd.array([pd.NA] * len(rows), dtype="Int64")
        if not complete:
            continue
        matrix = np.array([[scores[name, task][score] for task in chosen["task"]] for name in complete])
        # real images are one family: each dataset counts once
        families = list(chosen["family"]) if kind == "known" else ["real"] * len(chosen)
        summary = aggregate(matrix, families)
        at = [rows.index[rows["submission"] == name][0] for name in complete]
        rows.loc[at, prefix] = summary.mean
        rows.loc[at, f"{prefix}_low"] = summary.low
        rows.loc[at, f"{prefix}_high"] = summary.high
        if kind == "known":
            for column, values in (
                ("rank", summary.rank),
                ("rank_low", summary.rank_low),
                ("rank_high", summary.rank_high),
            ):
                rows.loc[at, column] = values
    ordered = rows.sort_values(["rank", "submission"], na_position="last", kind="stable").reset_index(drop=True)
    first = ["submission", "rank", "rank_low", "rank_high", "error", "error_low", "error_high"]
    return ordered[[*first, *(column for column in ordered.columns if column not in first)]]


def _fallbacks(results: Iterable[Result]) -> dict[str, dict[str, float]]:
    """Task hash -> part -> the control's answer."""
    return {result.task_sha256: control_answers(result.answers) for result in results if result.submission == CONTROL}


def control_answers(answers: Iterable[Answer]) -> dict[str, float]:
    """Part -> dimension, of the samples that were answered."""
    return {answer.part: answer.dimension for answer in answers if answer.dimension is not None}


def _parts(result: Result) -> dict[str, float | None]:
    return {answer.part: answer.dimension for answer in result.answers}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
