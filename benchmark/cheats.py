"""Outcomes of the submissions that misbehave on purpose (`tests/cheats`): kept with the results, one file for each."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from benchmark.errors import UserError, reason_of
from benchmark.files import write_whole
from benchmark.sandbox.engine import Status
from benchmark.submissions import NAME
from benchmark.validation import describe_validation_error

EngineName = Literal["process", "docker"]

SCHEMA_VERSION = 1
FOLDER = "cheats"
"""Below the results folder."""


class CheatOutcome(BaseModel):
    """The content of `cheats/<engine>/<name>.json` in a results folder: what became of one attempt in one engine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    name: str = Field(pattern=NAME, max_length=40)
    """Of its folder in `tests/cheats`; it names the file."""
    what: str = Field(min_length=1)
    """What the submission tries, in one sentence: the first of its file's docstring."""
    engine: EngineName
    engine_version: str | None = None
    """Of the engine's software; None where it has none of its own."""
    image_digest: str | None = None
    """Of the image that it ran in; None where there is no image."""
    status: Status
    reason: str = ""
    """The sentence that the submission got. It may hold what the submission wrote: never trust it."""
    contained: bool
    """Whether the attempt was prevented, or had no effect."""
    recorded: str
    """UTC, ISO 8601."""
    version: str
    """Of manifoldbench."""
    git_commit: str | None
    """None outside a checkout; ends in `-dirty` when tracked files had changed."""

    @field_validator("recorded")
    @classmethod
    def _in_utc(cls, value: str) -> str:
        try:
            offset = datetime.fromisoformat(value).utcoffset()
        except ValueError:
            offset = None
        if offset != timedelta(0):
            raise ValueError("must be a time in UTC, such as 2026-01-02T03:04:05+00:00")
        return value


def cheat_path(results_root: Path, engine: str, name: str) -> Path:
    """Where the outcome of an attempt lies below the results folder."""
    return results_root / FOLDER / engine / f"{name}.json"


def write_cheat(results_root: Path, outcome: CheatOutcome) -> Path:
    """Write an outcome in place of an earlier one; it appears whole or not at all. Returns its path.

    Raises UserError if it cannot be written.
    """
    path = cheat_path(results_root, outcome.engine, outcome.name)
    write_whole(path, outcome.model_dump_json(indent=2) + "\n")
    return path


def iter_cheats(results_root: Path) -> Iterator[CheatOutcome]:
    """The outcomes below `results_root`, by engine and name.

    Raises UserError for a file that is damaged, misplaced, or written by a newer version.
    """
    for path in sorted((results_root / FOLDER).glob("*/*.json")):
        yield _read(path, results_root)


def _read(path: Path, results_root: Path) -> CheatOutcome:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason_of(error)}.") from None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{path}: is no outcome of a cheat, or is damaged; `make cheats` writes it again.")
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UserError(f"{path}: was written by a newer version of ManifoldBench: update this one.")
    try:
        outcome = CheatOutcome.model_validate(content)
    except ValidationError as error:
        raise UserError(describe_validation_error(path, error, CheatOutcome)) from None
    if path != cheat_path(results_root, outcome.engine, outcome.name):
        raise UserError(
            f"{path}: holds the outcome of {outcome.name} in the engine {outcome.engine}, whose place is "
            f"{cheat_path(results_root, outcome.engine, outcome.name)}: move it there, or remove it."
        )
    return outcome
