"""The page of a suite's board: one set of rows, shown as accuracy, consistency and cost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.estimation.secret import OFFICIAL
from benchmark.estimation.suites import SuiteFile, load_suite, suite_names
from benchmark.leaderboard import Board
from benchmark.submissions import Submission
from benchmark.website import columns
from benchmark.website.scales import linear_scale
from benchmark.website.tables import Column, Record, Table, records_of
from benchmark.website.text import slug


@dataclass(frozen=True, slots=True)
class BoardPage:
    """One suite's board."""

    board: Board
    suite: str
    version: str
    sha256: str
    description: str
    page: str
    rows: tuple[Record, ...]
    phantom_tasks: int
    phantom_families: tuple[str, ...]
    known_tasks: int
    """On manifolds."""
    families: tuple[str, ...]
    """Of the manifolds."""
    local_tasks: int
    datasets: tuple[str, ...]
    submissions: int
    controls: int
    superseded: int
    left_out: tuple[str, ...]
    """Sentences."""
    measured: str
    short_table: Table
    accuracy_table: Table
    phantoms_table: Table | None
    """The error of each family of phantoms."""
    manifolds_table: Table | None
    """The error on manifolds, where phantoms rank."""
    consistency_table: Table
    cost_table: Table

    @property
    def ranked_on(self) -> str:
        """What the ranks stand on: `phantoms` or `manifolds`."""
        return "phantoms" if self.board.ranked_by == "phantom" else "manifolds"

    @property
    def truths(self) -> int:
        """Tasks with one true dimension."""
        return self.phantom_tasks + self.known_tasks

    @property
    def identity(self) -> dict[str, str]:
        """What a number of this board belongs to."""
        return {"suite": self.suite, "suite_version": self.version, "suite_sha256": self.sha256}


def make_board(board: Board, known: Mapping[str, Submission]) -> BoardPage:
    """The page of a board; `known` are the submissions of this checkout, by name."""
    rows = tuple(
        {
            **row,
            "control": row["submission"] in known and known[row["submission"]].manifest.control,
            "description": known[row["submission"]].description if row["submission"] in known else "",
        }
        for row in records_of(board.rows)
    )
    tasks = records_of(board.tasks)
    kinds = Counter(task["kind"] for task in tasks)
    phantoms, manifolds = (
        tuple(sorted({task["family"] for task in tasks if task["kind"] == kind})) for kind in ("phantom", "known")
    )
    datasets = tuple(sorted({task["dataset"] for task in tasks if task["dataset"]}))
    public = board.suite.removesuffix(OFFICIAL)
    content = load_suite(public).content if public in suite_names() else None
    controls = sum(row["control"] for row in rows)
    error_scale = linear_scale(_values(rows, "error", "error_high"))
    inconsistency_scale = linear_scale(_values(rows, "inconsistency", "inconsistency_high"))

    def table(name: str, caption: str, shown: tuple[Column, ...]) -> Table:
        facts = {"suite": board.suite, "suite_version": board.suite_version, "suite_sha256": board.suite_sha256}
        return Table(name, caption, f"estimators/{slug(board.suite)}", shown, rows, facts, "rank")

    return BoardPage(
        board=board,
        suite=board.suite,
        version=board.suite_version,
        sha256=board.suite_sha256,
        description=content.description if content else "",
        page=f"estimators/{slug(board.suite)}.html",
        rows=rows,
        phantom_tasks=kinds["phantom"],
        phantom_families=phantoms,
        known_tasks=kinds["known"],
        families=manifolds,
        local_tasks=kinds["local"],
        datasets=datasets,
        submissions=len(rows) - controls,
        controls=controls,
        superseded=board.superseded,
        left_out=_left_out(rows, datasets, content, known),
        measured=_measured(board),
        short_table=table(
            "board-table",
            f"Suite {board.suite}, version {board.suite_version}. Rank and 95\u00a0% range of ranks; mean percentage "
            "error and mean inconsistency with 95\u00a0% intervals, lower is better; "
            "seconds for one sample, its graph included.",
            columns.short_board(error_scale),
        ),
        accuracy_table=table(
            "accuracy-table",
            "Error with its 95\u00a0% interval, and both drawn: "
            "controls hollow and dashed, an arrow where the axis ends.",
            columns.accuracy(error_scale, manifolds if len(manifolds) > 1 and not phantoms else ()),
        ),
        phantoms_table=table(
            "phantoms-table",
            "Mean percentage error on the phantoms of each family; the error that ranks is the mean over the families.",
            columns.phantoms(phantoms, local=kinds["local"] > 0),
        )
        if phantoms
        else None,
        manifolds_table=table(
            "manifolds-table",
            "Mean percentage error on manifolds, families averaged first, with its 95\u00a0% interval; the rank is "
            "that of the phantoms.",
            columns.manifolds(manifolds),
        )
        if phantoms and manifolds
        else None,
        consistency_table=table(
            "consistency-table",
            "Inconsistency, the mean of the four scores to its right, with its 95\u00a0% interval. "
            "A failure counts as a factor of two.",
            columns.consistency(inconsistency_scale),
        ),
        cost_table=table(
            "cost-table",
            "Means over all samples; peak memory is the largest. Failures count samples, and each is a status.",
            columns.COST,
        ),
    )


def _values(rows: tuple[Record, ...], *keys: str) -> list[float]:
    return [row[key] for row in rows for key in keys if row[key] is not None]


def _left_out(
    rows: tuple[Record, ...], datasets: tuple[str, ...], content: SuiteFile | None, known: Mapping[str, Submission]
) -> tuple[str, ...]:
    sentences = []
    if content:
        asked = dict.fromkeys(view.dataset for block in content.real for view in block.views)
        missing = [dataset for dataset in asked if dataset not in datasets]
        if missing:
            sentences.append(
                f"Image sets of this suite that were not on the machine that ran it: {', '.join(missing)}."
            )
    incomplete = [row for row in rows if row["answered"] < row["tasks"]]
    sentences += [
        f"{row['submission']} has no rank: it has results for {row['answered']} of {row['tasks']} tasks."
        for row in incomplete
    ]
    shown = {row["submission"] for row in rows}
    absent = [item for name, item in known.items() if name not in shown and item.manifest.track == "estimators"]
    sentences += [f"{item.name} was not asked: {item.manifest.slow}" for item in absent if item.manifest.slow]
    others = [item.name for item in absent if not item.manifest.slow]
    if others:
        sentences.append(f"Submissions without results in this suite: {', '.join(others)}.")
    return tuple(sentences)


def _measured(board: Board) -> str:
    days = sorted(result.provenance.finished[:10] for result in board.results)
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
