"""The page of a model board: the results of one suite under one protocol, shown as scores, robustness and cost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.estimation.secret import OFFICIAL
from benchmark.estimation.suites import load_suite, suite_names
from benchmark.metrics import Metric
from benchmark.submissions import Submission
from benchmark.training.board import CONTROL, ModelBoard, score_table
from benchmark.training.scoring import METRICS
from benchmark.website import model_columns as columns
from benchmark.website.protocol_text import ProtocolText, protocol_of, protocol_text
from benchmark.website.scales import linear_scale
from benchmark.website.tables import Column, Record, Table, records_of
from benchmark.website.text import slug

ACCURACY_ENDS = ("accuracy_low", "accuracy_high")


@dataclass(frozen=True, slots=True)
class ModelBoardPage:
    """One suite's board under one protocol."""

    board: ModelBoard
    suite: str
    suite_version: str
    protocol: str
    sha256: str
    """Of the protocol."""
    page: str
    rows: tuple[Record, ...]
    tasks: tuple[Record, ...]
    scores: Mapping[tuple[str, str], Record]
    """Submission and task -> means over the runs."""
    datasets: tuple[str, ...]
    domains: tuple[str, ...]
    seeds: tuple[int, ...]
    models: int
    controls: int
    superseded: int
    left_out: tuple[str, ...]
    """Sentences."""
    apart: tuple[tuple[str, str, str], ...]
    """Submission, why it stands apart, and what it says of that."""
    measured: str
    machines: tuple[str, ...]
    text: ProtocolText | None
    """None where the protocol is not one of this checkout's."""
    short_table: Table
    test_table: Table
    generalisation_table: Table
    cost_table: Table
    tasks_table: Table

    @property
    def title(self) -> str:
        """`smoke, mini`."""
        return f"{self.suite}, {self.protocol}"

    @property
    def identity(self) -> dict[str, str]:
        """What a number of this board belongs to."""
        return {
            "suite": self.suite,
            "suite_version": self.suite_version,
            "protocol": self.protocol,
            "protocol_sha256": self.sha256,
        }

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The scores that the page shows."""
        shown = {column.key for table in (self.test_table, self.generalisation_table) for column in table.columns}
        return tuple(metric for metric in METRICS.values() if metric.name in shown)

    @property
    def tables(self) -> tuple[Table, ...]:
        """Those with files of their own."""
        return (self.test_table, self.tasks_table)


def make_model_board(board: ModelBoard, known: Mapping[str, Submission]) -> ModelBoardPage:
    """The page of a board; `known` are the submissions of this checkout, by name."""
    rows = tuple(
        {
            **row,
            "control": _is_control(row["submission"], known),
            "description": known[row["submission"]].description if row["submission"] in known else "",
        }
        for row in records_of(board.rows)
    )
    tasks = tuple(
        # 0 patients on both sides would be a claim where nobody knows the patients
        {
            **task,
            "class_count": len(task["classes"]),
            "in_both": task["in_both"] if task["groups"] is not None else None,
        }
        for task in records_of(board.tasks)
    )
    domains = tuple(sorted({task["domain"] for task in tasks}))
    public = board.suite.removesuffix(OFFICIAL)
    blocks = load_suite(public).content.training if public in suite_names() else []
    protocol = protocol_of(board, blocks)
    scale = linear_scale(row[key] for row in rows for key in ("error", "error_high") if row[key] is not None)
    path = f"models/{slug(board.suite)}-{slug(board.protocol)}"
    facts = {
        "suite": board.suite,
        "suite_version": board.suite_version,
        "protocol": board.protocol,
        "protocol_sha256": board.protocol_sha256,
    }

    def table(name: str, caption: str, shown: tuple[Column, ...]) -> Table:
        return Table(name, caption, path, shown, rows, facts, "rank")

    return ModelBoardPage(
        board=board,
        suite=board.suite,
        suite_version=board.suite_version,
        protocol=board.protocol,
        sha256=board.protocol_sha256,
        page=f"{path}.html",
        rows=rows,
        tasks=tasks,
        scores=_scores(board),
        datasets=tuple(sorted({task["dataset"] for task in tasks})),
        domains=domains,
        seeds=tuple(sorted({run.seed for result in board.results for run in result.runs})),
        models=sum(not row["control"] for row in rows),
        controls=sum(row["control"] for row in rows),
        superseded=board.superseded,
        left_out=_left_out(rows, known),
        apart=tuple(
            (row["submission"], row["apart"], _said(row["submission"], known))
            for row in rows
            if row["apart"] and not row["control"]
        ),
        measured=_span([result.provenance.finished[:10] for result in board.results]),
        machines=_machines(board),
        text=protocol_text(protocol) if protocol else None,
        short_table=table(
            "models-table",
            f"Suite {board.suite}, protocol {board.protocol}. Rank and 95\u00a0% range of ranks; error on the test "
            "images with its 95\u00a0% interval, lower is better; AUC, higher is better; seconds of one training.",
            columns.short_board(scale),
        ),
        test_table=table(
            "test-table",
            "After the last epoch. Error with its 95\u00a0% interval, and both drawn: controls hollow and dashed, an "
            "arrow where the axis ends.",
            columns.test_scores(scale, domains),
        ),
        generalisation_table=table(
            "generalisation-table",
            "Means over all tasks. Gaps are of test images against training images; the selected epoch is that of the "
            "lowest validation loss; attacks are made on validation images.",
            columns.generalisation([name for name in METRICS if any(row.get(name) is not None for row in rows)]),
        ),
        cost_table=table(
            "model-cost-table",
            "Means over the runs that ended well; peak memory is the largest. Failures count runs, and each is a "
            "status.",
            columns.COST,
        ),
        tasks_table=Table(
            "tasks-table",
            "Which images each task trains and tests on. The hash is that of the list of files on each side.",
            f"{path}-tasks",
            columns.BOARD_TASKS,
            tasks,
            facts,
            "task",
        ),
    )


def _scores(board: ModelBoard) -> dict[tuple[str, str], Record]:
    """As `score_table` has them, the interval of the accuracy cut to what an accuracy can be."""
    return {
        (row["submission"], row["task"]): {**row, **{key: _percent(row.get(key)) for key in ACCURACY_ENDS}}
        for row in records_of(score_table(board.results))
    }


def _percent(value: float | None) -> float | None:
    return None if value is None else min(max(value, 0.0), 100.0)


def _is_control(name: str, known: Mapping[str, Submission]) -> bool:
    return name == CONTROL or (name in known and known[name].manifest.control)


def _said(name: str, known: Mapping[str, Submission]) -> str:
    if name not in known:
        return ""
    manifest = known[name].manifest
    return manifest.pretrained or manifest.fits_itself


def _left_out(rows: tuple[Record, ...], known: Mapping[str, Submission]) -> tuple[str, ...]:
    sentences = [
        f"{row['submission']} has no rank: it has results for {row['answered']} of {row['tasks']} tasks."
        for row in rows
        if row["answered"] < row["tasks"]
    ]
    shown = {row["submission"] for row in rows}
    absent = [name for name, item in known.items() if name not in shown and item.manifest.track == "models"]
    if absent:
        sentences.append(f"Models without results under this protocol: {', '.join(absent)}.")
    return tuple(sentences)


def _machines(board: ModelBoard) -> tuple[str, ...]:
    """Processor and, where there is one, accelerator of the results, the most frequent first."""
    found = Counter(
        ", ".join(str(value) for key in ("cpu", "gpu") if (value := result.provenance.hardware.get(key)))
        for result in board.results
    )
    return tuple(name for name, _ in found.most_common() if name)


def _span(days: list[str]) -> str:
    return min(days) if min(days) == max(days) else f"{min(days)} to {max(days)}"
