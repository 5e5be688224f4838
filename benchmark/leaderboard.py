"""Boards: pandas tables from the results folder. They hold every number in full; pages and terminals round."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmark.cheats import FOLDER as CHEATS
from benchmark.errors import UserError
from benchmark.estimation import scoring
from benchmark.results import Answer, Result, current, iter_results
from benchmark.statistics import aggregate
from benchmark.statistics import ranks as ranks_of
from benchmark.terminal import Column, failures_cell, interval_cell, number_cell, rank_cell, status_words, table_text

CONTROL = "constant"
"""The control whose answers stand in for those of a failed sample."""
CONTROLS = (CONTROL, "random")
"""Submissions that mark the scale; they are ranked, and are not competitors."""
LOCAL_SCORES = ("local_error", "local_rank_correlation")
MOST_COLUMNS = 5
"""Sets of images beside each other on a terminal."""
SINGLE_TRUTH = ("phantom", "known")
"""Kinds of task with one true dimension."""


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
    ranked_by: Literal["phantom", "known"]
    """The kind of task that the ranks, the error and the scores beside it stand on: phantoms, or manifolds where the
    suite has no phantoms."""
    results: tuple[Result, ...] = field(repr=False)
    """The results the board stands on, by submission and task."""


def load_board(root: Path, suite: str) -> Board:
    """The board of a suite, from the results below `root`.

    Columns of `rows`: submission; rank, rank_low, rank_high (missing for a submission that has not answered all tasks
    that others have); error, error_low, error_high (mean percentage error over phantoms, families averaged first, with
    the bootstrap interval over tasks; missing without all of these tasks; over manifolds where there are no phantoms);
    log_error, bias, far_off, coverage, rank_correlation over the same tasks; error_manifolds with its interval, which
    breaks ties; error_<family> of phantoms and of manifolds; failure_rate; inconsistency, inconsistency_low,
    inconsistency_high and its four parts; local_error, local_rank_correlation (of estimators that give the dimension
    at each point); wall_seconds (mean of a sample, shared graph given), wall_seconds_with_graph (building it included),
    cpu_seconds, peak_bytes (largest); tasks, answered, ok; statuses (status -> samples, `ok` left out);
    submission_sha256.

    A task that nobody was asked here is on no board. A result of status `infrastructure` is a fault of ours: it counts
    as a task that was not asked, never against the submission.
    Raises UserError if there are no results, and as `benchmark.results.read_result` does.
    """
    found = [result for result in iter_results(root, suite) if result.status != "infrastructure"]
    if not found:
        raise UserError(f"{root / suite}: holds no results: run `manifoldbench run --suite {suite}`.")
    results = current(found, lambda result: result.suite_sha256)
    newest = max(results, key=lambda result: result.provenance.finished)
    tasks = _tasks(results)
    by: Literal["phantom", "known"] = "phantom" if (tasks["kind"] == "phantom").any() else "known"
    rows = _ranked(_rows(results, len(tasks), by), _scores(results), by)
    return Board(
        suite=suite,
        suite_version=newest.suite_version,
        suite_sha256=newest.suite_sha256,
        rows=rows,
        tasks=tasks,
        superseded=len(found) - len(results),
        ranked_by=by,
        results=tuple(results),
    )


def suites_in(root: Path) -> tuple[str, ...]:
    """Names of the suites that have results below `root`."""
    found = {path.parent.parent.name for path in root.glob("*/*/*.json")}
    return tuple(sorted(found - {CHEATS}))  # whose files lie as deep as a suite's


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
        whole, factor = result.answers[0], result.correction or 1.0
        low, high = _interval(result)
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
                "low": low * factor,
                "high": high * factor,
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
        estimate, (low, high) = _number(result.answers[0].dimension), _interval(result)
        if result.kind in {*SINGLE_TRUTH, "local"} and values:
            estimate, low, high = float(np.median(values)), min(values), max(values)
        rows.append(
            {
                **_of(result, "task", "kind", "family", "dataset", "n", "ambient_dimension"),
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


def scores_of(result: Result, fallback: Mapping[str, float]) -> dict[str, float]:
    """Scores of one result; `fallback` is the control's answer for each part."""
    if result.kind == "local":
        return dict(result.scores)  # the dimensions at each point are not kept
    if result.kind in SINGLE_TRUTH and result.truth is not None:
        estimates, control = _answered(result, fallback)
        return scoring.score_known(estimates, [answer.interval for answer in result.answers], result.truth, control)
    return scoring.score_real(_parts(result))


def board_csv(board: Board) -> str:
    """The rows as CSV, every number in full; statuses as words: `2 failed, 1 timeout`."""
    return board.rows.assign(statuses=board.rows["statuses"].map(status_words)).to_csv(index=False, lineterminator="\n")


def board_json(board: Board) -> str:
    """The board as JSON, every number in full: suite, version, hashes, tasks, rows; what is not known is null."""
    return json.dumps(board_content(board), indent=1, ensure_ascii=False, allow_nan=False)


def board_content(board: Board) -> dict[str, Any]:
    """The board as plain values, every number in full."""
    return {
        **{name: getattr(board, name) for name in ("suite", "suite_version", "suite_sha256", "superseded")},
        "tasks": records(board.tasks),
        "rows": records(board.rows),
    }


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as plain values; what is missing is None."""
    plain = frame.astype(object)
    return [
        {str(key): value for key, value in row.items()} for row in plain.where(plain.notna(), None).to_dict("records")
    ]


def to_text(board: Board, width: int = 100) -> str:
    """The board for a terminal, `width` characters wide; controls are marked."""
    counts = Counter(board.tasks["kind"])
    asked = [
        f"{counts[kind]} {words if counts[kind] > 1 else words.replace('s', '', 1)}"
        for kind, words in _KINDS.items()
        if counts[kind]
    ]
    truths = any(counts[kind] for kind in SINGLE_TRUTH)
    ranked = "No true dimension is known, so that nobody is ranked."
    if truths:
        ranked = f"Ranked by the error on {_KINDS[board.ranked_by]}. "
        ranked += "Lower is better; 95 % intervals; ties share a range of ranks."
    left_out = f"Results of an earlier suite, task or submission, left out: {board.superseded}."
    text = table_text(
        f"Suite {board.suite}, version {board.suite_version}: tasks on {', '.join(asked)}. {ranked}",
        _COLUMNS,
        map(_cells, board.rows.to_dict("records")),
        below=left_out if board.superseded else "",
        width=width,
    )
    return text if truths or not counts["real"] else f"{text}\n\n{_dimensions_text(board, width)}"


def _dimensions_text(board: Board, width: int) -> str:
    """What every submission but the controls says of the real images."""
    datasets = sorted(set(board.tasks["dataset"].dropna()))
    tables = pd.concat([dataset_table(board, dataset) for dataset in datasets])
    tasks = list(dict.fromkeys(tables["task"]))
    if len(tasks) > MOST_COLUMNS:
        return "`manifoldbench site` builds pages with the dimension of each."
    cells = {(row["task"], row["submission"]): _dimension_cell(row) for row in tables.to_dict("records")}
    names = [name for name in board.rows["submission"] if name not in CONTROLS]
    return table_text(
        "Dimension of the images, known biases corrected; 95 % intervals.",
        [Column("Submission", words=True), *(Column(task.removeprefix("real/")) for task in tasks)],
        [(name, *(cells.get((task, name), "-") for task in tasks)) for name in names],
        width=width,
    )


def _dimension_cell(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["corrected"]):
        return str(row["status"])
    interval = "" if pd.isna(row["low"]) else f" ({row['low']:.1f}-{row['high']:.1f})"
    return f"{row['corrected']:.1f}{interval}"


_KINDS = {
    "phantom": "phantoms of known dimension",
    "known": "manifolds of known dimension",
    "local": "phantoms of mixed dimension",
    "real": "real images",
}

_COLUMNS = (
    Column("Rank"),
    Column("Submission", words=True),
    Column("Error %"),
    Column("interval", words=True),
    Column("Bias %"),
    Column("Inconsistency"),
    Column("Seconds"),
    Column("Failures", words=True, wraps=True),
)


def _cells(row: Mapping[Any, Any]) -> list[str]:
    return [
        rank_cell(row),
        f"{row['submission']} (control)" if row["submission"] in CONTROLS else row["submission"],
        number_cell(row["error"], ".1f"),
        interval_cell(row),
        number_cell(row["bias"], "+.1f"),
        number_cell(row["inconsistency"], ".3f"),
        number_cell(row["wall_seconds_with_graph"], ".2f"),
        failures_cell(row),
    ]


def _tasks(results: list[Result]) -> pd.DataFrame:
    columns = ("task", "kind", "family", "dataset", "n", "ambient_dimension", "truth", "view_sha256", "task_sha256")
    rows = {result.task: _of(result, *columns) for result in results}
    return pd.DataFrame([rows[name] for name in sorted(rows)]).astype({"truth": float})


def _rows(results: list[Result], tasks: int, by: str) -> pd.DataFrame:
    fallbacks = _fallbacks(results)
    by_submission = groupby(results, key=lambda result: result.submission)
    return pd.DataFrame([_row(name, list(own), tasks, by, fallbacks) for name, own in by_submission])


def _row(
    name: str, results: list[Result], tasks: int, by: str, fallbacks: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    answers = [answer for result in results for answer in result.answers]
    statuses = Counter(answer.status for answer in answers if answer.status != "ok")
    return {
        "submission": name,
        **_pooled([result for result in results if result.kind == by], fallbacks),
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


def _pooled(results: list[Result], fallbacks: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Scores over all samples of these results' known truths together."""
    known = [(result, result.truth) for result in results if result.truth is not None]
    filled = [
        scoring.stand_in(*_answered(result, fallbacks.get(result.task_sha256, {})), truth) for result, truth in known
    ]
    return scoring.score_pooled(
        np.concatenate([*filled, np.empty(0)]),
        np.array([truth for result, truth in known for _ in result.answers], dtype=np.float64),
        [answer.interval for result, _ in known for answer in result.answers],
        [result.family for result, _ in known for _ in result.answers],
    )


def _scores(results: list[Result]) -> pd.DataFrame:
    """One row a result: submission, task, kind, family, and every score there is."""
    fallbacks = _fallbacks(results)
    named = dict.fromkeys(("error", "inconsistency", *scoring.CONSISTENCY, *LOCAL_SCORES), math.nan)
    return pd.DataFrame(
        {
            **_of(result, "submission", "task", "kind", "family"),
            **named,
            **scores_of(result, fallbacks.get(result.task_sha256, {})),
        }
        for result in results
    )


def _ranked(rows: pd.DataFrame, scores: pd.DataFrame, by: str) -> pd.DataFrame:
    """Add means with intervals, and ranks among the submissions that have answered every task."""
    of_kind = {kind: scores[scores["kind"] == kind] for kind in _KINDS}
    complete = rows.loc[rows["answered"] == rows["tasks"], "submission"]
    error = _aggregated(of_kind[by], "error", ["mean", "low", "high"])
    manifolds = _aggregated(of_kind["known"], "error", ["mean", "low", "high"])
    manifolds = manifolds.rename(columns=lambda name: name.replace("error", "error_manifolds"))
    ranks = _aggregated(
        of_kind[by][of_kind[by]["submission"].isin(complete)], "error", ["rank", "rank_low", "rank_high"]
    )
    ranks = _without_ties(ranks, manifolds["error_manifolds"])
    # real images are one family: each dataset counts once
    real = of_kind["real"].assign(family="real")
    added = [
        manifolds,
        *(
            of_kind[kind].pivot_table(index="submission", columns="family", values="error").add_prefix("error_")
            for kind in SINGLE_TRUTH
        ),
        real.groupby("submission")[list(scoring.CONSISTENCY)].mean(),
        _aggregated(real, "inconsistency", ["mean", "low", "high"]),
        of_kind["local"].groupby("submission")[list(LOCAL_SCORES)].mean(),
    ]
    own = rows.set_index("submission")
    ranked = own[[]].join([ranks.astype("Int64"), error, own, *added]).rename_axis("submission").reset_index()
    return ranked.sort_values(["rank", "submission"], na_position="last", kind="stable", ignore_index=True)


def _without_ties(ranks: pd.DataFrame, second: pd.Series) -> pd.DataFrame:
    """Move each submission down by as many as share its rank and have a lower second score (to 12 digits)."""
    ranks = ranks.copy()
    for _, tied in ranks.groupby("rank"):
        places = second.reindex(tied.index).to_numpy(dtype=float)
        if len(tied) > 1 and np.isfinite(places).all():
            ranks.loc[tied.index, "rank"] = tied["rank"] + ranks_of(places) - 1
    ranks["rank_high"] = np.maximum(ranks["rank_high"], ranks["rank"])
    return ranks


def _aggregated(scores: pd.DataFrame, score: str, fields: list[str]) -> pd.DataFrame:
    """Fields of the aggregate of a score over tasks, by submission; only of those that have it on every task."""
    table = scores.pivot(index="submission", columns="task", values=score)
    table = table.dropna(axis="columns", how="all").dropna()
    names = [field if field.startswith("rank") else f"{score}_{field}".removesuffix("_mean") for field in fields]
    if table.empty:
        return pd.DataFrame(columns=names, index=table.index, dtype=float)
    families = scores.drop_duplicates("task").set_index("task")["family"][table.columns]
    summary = aggregate(table.to_numpy(), list(families))
    return pd.DataFrame({name: getattr(summary, field) for name, field in zip(names, fields, strict=True)}, table.index)


def _fallbacks(results: Iterable[Result]) -> dict[str, dict[str, float]]:
    """Task hash -> part -> the control's answer."""
    return {result.task_sha256: control_answers(result.answers) for result in results if result.submission == CONTROL}


def control_answers(answers: Iterable[Answer]) -> dict[str, float]:
    """Part -> dimension, of the samples that were answered."""
    return {answer.part: answer.dimension for answer in answers if answer.dimension is not None}


def _answered(result: Result, fallback: Mapping[str, float]) -> tuple[list[float | None], list[float | None]]:
    """The submission's and the control's answers, sample by sample."""
    return [a.dimension for a in result.answers], [fallback.get(a.part) for a in result.answers]


def _parts(result: Result) -> dict[str, float | None]:
    return {answer.part: answer.dimension for answer in result.answers}


def _of(result: Result, *names: str) -> dict[str, Any]:
    return {name: getattr(result, name) for name in names}


def _interval(result: Result) -> tuple[float, float]:
    """95 % interval of the dimension of real images, from disjoint halves; NaN where there is none."""
    whole = result.answers[0].dimension
    found = None if whole is None else scoring.jackknife_interval(whole, scoring.halves(_parts(result)))
    return found or (math.nan, math.nan)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
