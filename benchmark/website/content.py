"""What the pages say: results, cards and manifests brought together. No markup, and nothing is measured here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.data.card import Card, all_cards
from benchmark.errors import UserError
from benchmark.estimation.scoring import METRICS
from benchmark.leaderboard import dataset_table, load_board, suites_in
from benchmark.paths import submissions_root
from benchmark.submissions import Submission, find_submissions
from benchmark.training.board import ModelBoard, load_model_boards
from benchmark.training.results import suites_with_models
from benchmark.website import columns
from benchmark.website.boards import BoardPage, make_board
from benchmark.website.calibration_page import CalibrationPage, calibrated_board, make_calibration
from benchmark.website.cheats_page import CheatsPage, make_cheats
from benchmark.website.dataset_pages import DatasetPage, make_dataset
from benchmark.website.findings_page import FindingsPage, make_findings
from benchmark.website.model_boards import ModelBoardPage, make_model_board
from benchmark.website.phantoms_page import SHEETS, PhantomsPage, make_phantoms
from benchmark.website.properties_page import PropertiesPage, make_properties
from benchmark.website.scales import Scale, log_scale
from benchmark.website.submission_pages import Code, SubmissionPage, make_submission
from benchmark.website.tables import Record, Table, best_of, records_of

FIRST_ROWS = 10
"""Of a board, on the first page; controls are not counted."""

MAIN_SUITES = ("standard", "full", "smoke")
"""The first of these with results is on the first page; else the first by name."""

DOMAINS = ("radiology", "medical", "natural", "synthetic")


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One dataset in the drawing of all dimensions."""

    id: str
    name: str
    domain: str
    values: tuple[float, ...]
    """One for each submission that answered, controls left out."""
    quarter: float
    median: float
    three_quarters: float


@dataclass(frozen=True, slots=True)
class Figure:
    """The drawing of the dimensions of all datasets of a suite."""

    suite: str
    rows: tuple[FigureRow, ...]
    scale: Scale


@dataclass(frozen=True, slots=True)
class Content:
    """Everything the pages hold."""

    boards: tuple[BoardPage, ...]
    """Of the estimators, the main one first."""
    models: tuple[ModelBoardPage, ...]
    """Of the models, the main one first."""
    submissions: tuple[SubmissionPage, ...]
    datasets: tuple[DatasetPage, ...]
    dimensions: Figure | None
    submissions_table: Table
    datasets_table: Table
    metrics_table: Table
    corrections: tuple[tuple[str, str, str], ...]
    """Submission, factor, reason."""
    code: tuple[Code, ...]
    cheats: CheatsPage | None
    findings: FindingsPage | None
    """None if no estimator was asked about real images."""
    phantoms: PhantomsPage
    calibration: CalibrationPage | None
    """None if no suite that was run has phantoms."""
    properties: PropertiesPage | None
    """None if neither layers nor label sharpness were measured."""

    @property
    def first(self) -> tuple[Table, ...]:
        """The tables of the first page: the best of each track's main board."""
        tables = [board.short_table for board in self.boards[:1]] + [board.short_table for board in self.models[:1]]
        return tuple(best_of(table, FIRST_ROWS) for table in tables)

    def tables(self) -> Iterator[Table]:
        """Every table, for the files beside it."""
        yield from (self.submissions_table, self.datasets_table, self.metrics_table)
        yield from self.phantoms.tables
        for page in (self.cheats, self.findings, self.calibration, self.properties):
            yield from page.tables if page else ()
        yield from self.first
        for board in self.boards:
            yield board.short_table
        for models in self.models:
            yield from models.tables
        for submission in self.submissions:
            yield from submission.tables
        for dataset in self.datasets:
            yield from (part.table for part in dataset.suites)
            yield from (part.table for part in dataset.models)


def gather(results: Path) -> Content:
    """Bring together what the pages say.

    Raises UserError if there are no results, or if a result, a card or a manifest cannot be read.
    """
    suites, trained = suites_in(results), suites_with_models(results)
    if not suites and not trained:
        raise UserError(
            f"{results}: holds no results: run `manifoldbench run` first, or name another folder with --results."
        )
    known = {submission.name: submission for submission in find_submissions(submissions_root())}
    cards = all_cards()
    boards = tuple(make_board(load_board(results, suite), known) for suite in sorted(suites, key=_place))
    models = tuple(
        make_model_board(board, known)
        for suite in sorted(trained, key=_place)
        for board in sorted(load_model_boards(results, suite), key=_protocol_place)
    )
    known_truth = calibrated_board(boards)
    titles = {dataset: card.name for dataset, card in cards.items()}
    calibration = make_calibration(known_truth, titles) if known_truth else None
    properties = make_properties(results, titles)
    rows = [row for board in boards for row in board.rows] + [row for board in models for row in board.rows]
    names = list(dict.fromkeys(row["submission"] for row in rows))
    made = [make_submission(name, known.get(name), boards, models, calibration, results) for name in sorted(names)]
    submissions = tuple(page for page, _ in made)
    measured = {dataset for board in boards for dataset in board.datasets}
    measured |= properties.datasets if properties else frozenset()
    ids = sorted({*cards, *measured, *(dataset for board in models for dataset in board.datasets)})
    figure = _figure(boards[0], cards) if boards else None
    return Content(
        boards=boards,
        models=models,
        submissions=submissions,
        datasets=tuple(make_dataset(dataset, cards.get(dataset), boards, models, calibration) for dataset in ids),
        dimensions=figure,
        submissions_table=_submissions_table(submissions),
        datasets_table=_datasets_table(ids, cards, figure),
        metrics_table=_metrics_table(),
        corrections=_corrections(names, known),
        code=tuple({code.path: code for _, code in made if code}.values()),
        cheats=make_cheats(results),
        findings=make_findings(results, boards[0].board, cards) if boards else None,
        phantoms=make_phantoms(results, known_truth, SHEETS),
        calibration=calibration,
        properties=properties,
    )


def _place(suite: str) -> tuple[int, str]:
    """Where a suite stands in the order of the pages."""
    return (MAIN_SUITES.index(suite) if suite in MAIN_SUITES else len(MAIN_SUITES), suite)


def _protocol_place(board: ModelBoard) -> tuple[int, int, str]:
    """Where a protocol stands among those of its suite: the one with the most tasks first, then the most jobs."""
    return (-len(board.tasks), -len(board.results), board.protocol)


def _figure(board: BoardPage, cards: Mapping[str, Card]) -> Figure | None:
    rows = []
    controls = {row["submission"] for row in board.rows if row["control"]}
    for dataset in board.datasets:
        plain = [row for row in records_of(dataset_table(board.board, dataset)) if row["task"] == f"real/{dataset}"]
        values = sorted(row["corrected"] for row in plain if row["corrected"] and row["submission"] not in controls)
        if not values:
            continue
        card = cards.get(dataset)
        quarter, median, three_quarters = (float(value) for value in np.quantile(values, [0.25, 0.5, 0.75]))
        name, domain = (card.name, card.domain) if card else (dataset, "")
        rows.append(FigureRow(dataset, name, domain, tuple(values), quarter, median, three_quarters))
    if not rows:
        return None
    rows.sort(
        key=lambda row: (DOMAINS.index(row.domain) if row.domain in DOMAINS else len(DOMAINS), row.median, row.id)
    )
    return Figure(board.suite, tuple(rows), log_scale(value for row in rows for value in row.values))


def _submissions_table(submissions: tuple[SubmissionPage, ...]) -> Table:
    records: list[Record] = [
        {
            "submission": page.name,
            "track": page.track,
            "control": page.control,
            "description": page.description,
            "reference": page.reference,
            "licence": page.licence,
            "authors": list(page.authors),
            "boards": "; ".join(page.boards),
        }
        for page in submissions
    ]
    caption = f"All {len(records)} rows of the boards, controls included, by name."
    return Table(
        "submissions", caption, "submissions/submissions", columns.SUBMISSIONS, tuple(records), {}, "submission"
    )


def _datasets_table(ids: list[str], cards: Mapping[str, Card], figure: Figure | None) -> Table:
    drawn = {row.id: row for row in figure.rows} if figure else {}
    records: list[Record] = []
    for dataset in ids:
        card, row = cards.get(dataset), drawn.get(dataset)
        records.append(
            {
                "dataset": dataset,
                "name": card.name if card else dataset,
                "domain": card.domain if card else "",
                "modality": card.modality if card else "",
                "images": sum(card.splits.values()) if card else None,
                "median": row.median if row else None,
                "quarter": row.quarter if row else None,
                "three_quarters": row.three_quarters if row else None,
                "submissions": len(row.values) if row else None,
                "licence": card.licence if card else "",
            }
        )
    suite = f"suite {figure.suite}" if figure else "no suite yet"
    caption = (
        f"Cards and, for {suite}, the median dimension over the submissions with their middle half in brackets "
        "(corrected values, controls left out)."
    )
    return Table("datasets", caption, "datasets/datasets", columns.DATASETS, tuple(records), {}, "name")


def _metrics_table() -> Table:
    records: list[Record] = [
        {
            "name": metric.name,
            "title": metric.title,
            "unit": metric.unit,
            "best": "higher is better" if metric.better == "higher" else "0",
            "definition": metric.about,
        }
        for metric in METRICS.values()
    ]
    caption = (
        "Every score, as the code defines it. Without a unit: a difference of natural logarithms, or a correlation."
    )
    return Table("metrics", caption, "metrics", columns.METRICS_COLUMNS, tuple(records), {})


def _corrections(names: list[str], known: Mapping[str, Submission]) -> tuple[tuple[str, str, str], ...]:
    found = [(name, known[name].correction) for name in sorted(names) if name in known]
    return tuple((name, correction.factor, correction.reason) for name, correction in found if correction)
