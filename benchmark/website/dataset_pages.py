"""The page of a dataset: its card, what every submission says of its dimension, and how well models learn it."""

from dataclasses import dataclass

from benchmark.data.card import Card
from benchmark.leaderboard import dataset_table
from benchmark.website import columns
from benchmark.website.boards import BoardPage
from benchmark.website.calibration_page import CalibrationPage
from benchmark.website.model_boards import ModelBoardPage
from benchmark.website.model_parts import DatasetModels, make_dataset_models
from benchmark.website.scales import log_scale
from benchmark.website.tables import Table, records_of
from benchmark.website.text import slug


@dataclass(frozen=True, slots=True)
class DatasetPart:
    """What the submissions of one suite say of a dataset."""

    suite: str
    version: str
    table: Table
    calibrated: bool
    """Whether the table has calibrated values."""


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """One dataset: the card, and a table for each suite that has it."""

    id: str
    name: str
    domain: str
    facts: tuple[tuple[str, str], ...]
    traps: tuple[str, ...]
    suites: tuple[DatasetPart, ...]
    models: tuple[DatasetModels, ...]


def make_dataset(
    dataset: str,
    card: Card | None,
    boards: tuple[BoardPage, ...],
    models: tuple[ModelBoardPage, ...],
    calibration: CalibrationPage | None,
) -> DatasetPage:
    """The page of a dataset; `card` is None where this checkout has none."""
    parts = []
    for board in boards:
        if dataset not in board.datasets:
            continue
        ranks = {row["submission"]: row for row in board.rows}
        calibrated = calibration is not None and calibration.suite == board.suite
        records = tuple(
            {
                **{key: ranks[row["submission"]][key] for key in ("rank", "rank_low", "rank_high", "control")},
                **row,
                **(calibration.values_of(row["submission"], row["task"]) if calibrated and calibration else {}),
            }
            for row in records_of(dataset_table(board.board, dataset))
        )
        scale = log_scale(row[key] for row in records for key in ("corrected", "low", "high") if row[key] is not None)
        table = Table(
            id=f"values-{slug(board.suite)}",
            caption="Dimension of the whole sample by submission, in the order of the board. The axis is logarithmic.",
            path=f"datasets/{slug(dataset)}/{slug(board.suite)}",
            columns=columns.dataset_values(scale, len({row["task"] for row in records}), calibrated=calibrated),
            records=records,
            facts={**board.identity, "dataset": dataset},
            sorted_by="rank",
        )
        parts.append(DatasetPart(board.suite, board.version, table, calibrated))
    return DatasetPage(
        id=dataset,
        name=card.name if card else dataset,
        domain=card.domain if card else "",
        facts=_card_facts(card) if card else (),
        traps=tuple(card.traps) if card else (),
        suites=tuple(parts),
        models=tuple(make_dataset_models(board, dataset) for board in models if dataset in board.datasets),
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
