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
from benchmark.website import columns
from benchmark.website.boards import BoardPage, make_board
from benchmark.website.cheats_page import CheatsPage, make_cheats
from benchmark.website.scales import Scale, log_scale
from benchmark.website.submission_pages import Code, SubmissionPage, make_submission
from benchmark.website.tables import Record, Table, records_of
from benchmark.website.text import slug

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
class DatasetPart:
    """What the submissions of one suite say of a dataset."""

    suite: str
    version: str
    table: Table


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """One dataset: the card, and a table for each suite that has it."""

    id: str
    name: str
    domain: str
    facts: tuple[tuple[str, str], ...]
    traps: tuple[str, ...]
    suites: tuple[DatasetPart, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """Everything the pages hold."""

    main: BoardPage
    boards: tuple[BoardPage, ...]
    """The main one first."""
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

    def tables(self) -> Iterator[Table]:
        """Every table, for the files beside it."""
        yield from (self.submissions_table, self.datasets_table, self.metrics_table)
        if self.cheats:
            yield self.cheats.table
        for board in self.boards:
            yield board.short_table
        for submission in self.submissions:
            for suite in submission.suites:
                yield from suite.tables
        for dataset in self.datasets:
            yield from (part.table for part in dataset.suites)


def gather(results: Path) -> Content:
    """Bring together what the pages say.

    Raises UserError if there are no results, or if a result, a card or a manifest cannot be read.
    """
    suites = suites_in(results)
    if not suites:
        raise UserError(
            f"{results}: holds no results: run `manifoldbench run` first, or name another folder with --results."
        )
    known = {submission.name: submission for submission in find_submissions(submissions_root())}
    cards = all_cards()
    ordered = sorted(
        suites, key=lambda name: (MAIN_SUITES.index(name) if name in MAIN_SUITES else len(MAIN_SUITES), name)
    )
    boards = tuple(make_board(load_board(results, suite), known) for suite in ordered)
    names = list(dict.fromkeys(row["submission"] for board in boards for row in board.rows))
    made = [make_submission(name, known.get(name), boards, results) for name in sorted(names)]
    submissions = tuple(page for page, _ in made)
    ids = sorted({*cards, *(dataset for board in boards for dataset in board.datasets)})
    figure = _figure(boards[0], cards)
    return Content(
        main=boards[0],
        boards=boards,
        submissions=submissions,
        datasets=tuple(_dataset(dataset, cards.get(dataset), boards) for dataset in ids),
        dimensions=figure,
        submissions_table=_submissions_table(submissions),
        datasets_table=_datasets_table(ids, cards, figure),
        metrics_table=_metrics_table(),
        corrections=_corrections(names, known),
        code=tuple({code.path: code for _, code in made if code}.values()),
        cheats=make_cheats(results),
    )


def _dataset(dataset: str, card: Card | None, boards: tuple[BoardPage, ...]) -> DatasetPage:
    parts = []
    for board in boards:
        if dataset not in board.datasets:
            continue
        ranks = {row["submission"]: row for row in board.rows}
        records = tuple(
            {**{key: ranks[row["submission"]][key] for key in ("rank", "rank_low", "rank_high", "control")}, **row}
            for row in records_of(dataset_table(board.board, dataset))
        )
        scale = log_scale(row[key] for row in records for key in ("corrected", "low", "high") if row[key] is not None)
        table = Table(
            id=f"values-{slug(board.suite)}",
            caption="Dimension of the whole sample by submission, in the order of the board. The axis is logarithmic.",
            path=f"datasets/{slug(dataset)}/{slug(board.suite)}",
            columns=columns.dataset_values(scale, len({row["task"] for row in records})),
            records=records,
            facts={**board.identity, "dataset": dataset},
            sorted_by="rank",
        )
        parts.append(DatasetPart(board.suite, board.version, table))
    return DatasetPage(
        id=dataset,
        name=card.name if card else dataset,
        domain=card.domain if card else "",
        facts=_card_facts(card) if card else (),
        traps=tuple(card.traps) if card else (),
        suites=tuple(parts),
    )


def _card_facts(card: Card) -> tuple[tuple[str, str], ...]:
    splits = ", ".join(f"{split} {number:,}".replace(",", "\u202f") for split, number in card.splits.items())
    channels = "grey" if card.channels == 1 else "colour"
    facts = (
        ("Modality", card.modality),
        ("Source", card.source),
        ("Licence", card.licence),
        ("Citation", card.citation),
        ("Images", splits),
        ("Sizes", f"{', '.join(map(str, card.sizes))} pixels a side, {channels}"),
        ("Classes", f"{len(card.classes)}: {'; '.join(card.classes)}" if card.classes else ""),
        ("Tasks", "; ".join(f"{task.name} ({task.kind})" for task in card.tasks)),
        ("Patients", card.groups),
        ("Id", card.id),
    )
    return tuple((title, text) for title, text in facts if text)


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
            "control": page.control,
            "description": page.description,
            "reference": page.reference,
            "licence": page.licence,
            "authors": list(page.authors),
            "boards": ", ".join(suite.suite for suite in page.suites),
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
