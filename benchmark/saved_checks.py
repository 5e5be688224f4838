"""Checks kept with the results: what `manifoldbench check --save` found, tied to the exact code it was found for."""

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.conformance import CheckReport, Verdict
from benchmark.errors import UserError
from benchmark.files import write_whole

SCHEMA_VERSION = 1
FOLDER = "checks"
"""Below the results folder."""


class SavedCheck(BaseModel):
    """The content of `checks/<submission>.json` in a results folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    submission: str
    submission_sha256: str
    """A check of another sha256 is stale: it is not shown."""
    passed: bool
    """Whether what is required passed (`benchmark.conformance.REQUIRED`)."""
    badges: dict[str, Verdict]
    """Of an estimator; a model earns none."""
    findings: dict[str, str]
    """One sentence for each badge."""


def save_checks(report: CheckReport, results: Path) -> list[Path]:
    """Write one file for each row of a report; each appears whole or not at all. Returns their paths.

    Raises UserError if the folder cannot be written.
    """
    return [
        _save(
            results / FOLDER / f"{row.submission}.json",
            SavedCheck(
                submission=row.submission,
                submission_sha256=row.submission_sha256,
                passed=row.passed,
                badges=row.badges,
                findings={check.name: check.finding for check in row.checks if check.name in row.badges},
            ),
        )
        for row in report.rows
    ]


def read_check(results: Path, submission: str, submission_sha256: str) -> SavedCheck | None:
    """The saved check of a row of the board; None if there is none, or if it is of another version of the submission.

    Raises UserError for a file that is damaged, or written by a newer version.
    """
    path = results / FOLDER / f"{submission}.json"
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}.") from None
    if isinstance(content, dict) and content.get("schema_version", 0) > SCHEMA_VERSION:
        raise UserError(f"{path}: was written by a newer version of ManifoldBench: update this one.")
    try:
        saved = SavedCheck.model_validate(content)
    except ValidationError:
        raise UserError(f"{path}: is not a saved check; `manifoldbench check --save` writes it again.") from None
    return saved if saved.submission_sha256 == submission_sha256 else None


def _save(path: Path, saved: SavedCheck) -> Path:
    write_whole(path, saved.model_dump_json(indent=2) + "\n")
    return path
