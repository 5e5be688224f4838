"""The page of the attempts to break the sandbox: a row for each, with what became of it in each engine."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.cheats import CheatOutcome, EngineName, iter_cheats
from benchmark.website import columns
from benchmark.website.tables import Table
from benchmark.website.text import clean

ENGINES: tuple[EngineName, ...] = ("process", "docker")
"""In the order of the page: the one that contains less first."""
IN_TEXT: dict[EngineName, str] = {"process": "process engine", "docker": "Docker engine"}


@dataclass(frozen=True, slots=True)
class EnginePart:
    """What one engine made of the attempts, and when it was recorded."""

    name: str
    title: str
    in_text: str
    """The title inside a sentence."""
    attempts: int
    not_contained: tuple[str, ...]
    """Names of the attempts that had an effect."""
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CheatsPage:
    """All attempts of which an outcome was recorded."""

    engines: tuple[EnginePart, ...]
    """Those with outcomes."""
    table: Table

    @property
    def tables(self) -> tuple[Table, ...]:
        """The table of the page."""
        return (self.table,)


def make_cheats(results: Path) -> CheatsPage | None:
    """The page of the outcomes below `results`; None if there are none.

    Raises UserError if one cannot be read.
    """
    found = {(outcome.name, outcome.engine): outcome for outcome in iter_cheats(results)}
    if not found:
        return None
    engines = tuple(engine for engine in ENGINES if any(engine == ran for _, ran in found))
    names = sorted({name for name, _ in found})
    table = Table(
        id="attempts-table",
        caption=f"All {len(names)} attempts, by name: status, whether it was contained, and the sentence it got.",
        path="cheats",
        columns=columns.cheats(engines),
        records=tuple(_record([found.get((name, engine)) for engine in engines], engines) for name in names),
        facts={},
        sorted_by="name",
    )
    parts = tuple(_part(engine, [found[key] for key in sorted(found) if key[1] == engine]) for engine in engines)
    return CheatsPage(parts, table)


def _record(outcomes: list[CheatOutcome | None], engines: tuple[str, ...]) -> dict[str, Any]:
    newest = max((outcome for outcome in outcomes if outcome), key=lambda outcome: outcome.recorded)
    record: dict[str, Any] = {"name": newest.name, "what": clean(newest.what)}
    for engine, outcome in zip(engines, outcomes, strict=True):
        record[engine] = outcome.status if outcome else None
        for key in ("contained", "reason", "recorded", "version", "git_commit", "engine_version", "image_digest"):
            record[f"{engine}_{key}"] = clean(getattr(outcome, key)) if outcome else None
    return record


def _part(engine: EngineName, outcomes: list[CheatOutcome]) -> EnginePart:
    facts = (
        ("Recorded", _span(outcome.recorded[:10] for outcome in outcomes)),
        ("ManifoldBench", _each(outcome.version for outcome in outcomes)),
        ("Commit", _each(outcome.git_commit for outcome in outcomes)),
        ("Version of the engine", _each(outcome.engine_version for outcome in outcomes)),
        ("Image", _each(outcome.image_digest for outcome in outcomes)),
    )
    return EnginePart(
        name=engine,
        title=columns.engine_title(engine),
        in_text=IN_TEXT[engine],
        attempts=len(outcomes),
        not_contained=tuple(outcome.name for outcome in outcomes if not outcome.contained),
        facts=tuple((title, text) for title, text in facts if text),
    )


def _span(days: Iterable[str]) -> str:
    ordered = sorted(days)
    return ordered[0] if ordered[0] == ordered[-1] else f"{ordered[0]} to {ordered[-1]}"


def _each(values: Iterable[str | None]) -> str:
    """The different ones."""
    return ", ".join(sorted({value for value in values if value}))
