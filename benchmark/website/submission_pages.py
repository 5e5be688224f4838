"""The page of a submission: what its manifest says, what the checks found, and every task it was asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.conformance import REQUIRED
from benchmark.estimation.scoring import METRICS
from benchmark.leaderboard import submission_table
from benchmark.saved_checks import SavedCheck, read_check
from benchmark.submissions import Correction, Submission
from benchmark.website import columns
from benchmark.website.boards import BoardPage
from benchmark.website.calibration_page import CalibrationPage
from benchmark.website.model_boards import ModelBoardPage
from benchmark.website.model_parts import ModelPart, make_model_part, own_boards
from benchmark.website.tables import Column, Record, Table, records_of
from benchmark.website.text import clean, slug


@dataclass(frozen=True, slots=True)
class Code:
    """A submission's file as it was run, to be read in the browser."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class SubmissionPart:
    """How a submission did on one suite."""

    suite: str
    version: str
    headline: tuple[tuple[str, str, str], ...]
    """Title, number, interval."""
    phantom_table: Table | None
    known_table: Table | None
    local_table: Table | None
    real_table: Table | None

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables there are."""
        some = (self.phantom_table, self.known_table, self.local_table, self.real_table)
        return tuple(table for table in some if table)


@dataclass(frozen=True, slots=True)
class SubmissionPage:
    """One submission; without its folder in this checkout there are results alone."""

    name: str
    track: str
    control: bool
    description: str
    authors: tuple[str, ...]
    reference: str
    licence: str
    parameters: dict[str, Any]
    neighbors: int | None
    requirements: tuple[str, ...]
    correction: Correction | None
    slow: str
    learning_rate: float | None
    fits_itself: str
    pretrained: str
    sha256: str
    """Of what was run: the results'."""
    code_path: str
    code_page: str
    checks: tuple[tuple[str, str, str], ...]
    """Name, verdict, finding: what is required, then the badges; none without a saved check of what was run."""
    suites: tuple[SubmissionPart, ...]
    models: tuple[ModelPart, ...]
    breaks: Table | None
    """How its answers on phantoms change with the setting."""

    @property
    def tables(self) -> Iterator[Table]:
        """Every table of the page."""
        for suite in self.suites:
            yield from suite.tables
        for part in self.models:
            yield from part.tables
        if self.breaks:
            yield self.breaks

    @property
    def boards(self) -> tuple[str, ...]:
        """Titles of the boards that it is on."""
        return (*(part.suite for part in self.suites), *(part.title for part in self.models))


_SEEDS = (
    "Median over the seeds, in brackets the smallest and the largest; the error is a mean over the seeds, "
    "with a failed one counted as the control's answer."
)


def make_submission(
    name: str,
    submission: Submission | None,
    boards: tuple[BoardPage, ...],
    models: tuple[ModelBoardPage, ...],
    calibration: CalibrationPage | None,
    results: Path,
) -> tuple[SubmissionPage, Code | None]:
    """The page of a submission, and its code if it is still the code that was run."""
    rows = [(board, row) for board in boards for row in board.rows if row["submission"] == name]
    models = own_boards(models, name)
    newest = [row for _, row in rows] or [row for row in models[0].rows if row["submission"] == name]
    sha256 = newest[0]["submission_sha256"]
    code = _code(submission) if submission and submission.sha256 == sha256 else None
    manifest = submission.manifest if submission else None
    file = manifest.entry.partition(":")[0] if manifest else ""
    page = SubmissionPage(
        name=name,
        track="estimators" if rows else "models",
        control=bool(manifest and manifest.control),
        description=submission.description if submission else "",
        authors=tuple(manifest.authors) if manifest else (),
        reference=manifest.reference if manifest else "",
        licence=manifest.licence if manifest else "",
        parameters=submission.parameters if submission else {},
        neighbors=submission.neighbors if submission else None,
        requirements=tuple(manifest.requirements) if manifest else (),
        correction=submission.correction if submission else None,
        slow=manifest.slow if manifest else "",
        learning_rate=manifest.learning_rate if manifest else None,
        fits_itself=manifest.fits_itself if manifest else "",
        pretrained=manifest.pretrained if manifest else "",
        sha256=sha256,
        code_path=f"submissions/{submission.folder.name}/{file}" if submission else "",
        code_page=code.path if code else "",
        checks=_checks(read_check(results, name, sha256)),
        suites=tuple(_part(board, row) for board, row in rows),
        models=tuple(make_model_part(board, name) for board in models),
        breaks=calibration.breaks.get(name) if calibration else None,
    )
    return page, code


def _checks(saved: SavedCheck | None) -> tuple[tuple[str, str, str], ...]:
    if saved is None:
        return ()
    required = ("pass", "") if saved.passed else ("fail", "Run manifoldbench check: it says why.")
    badges = ((badge, verdict, saved.findings.get(badge, "")) for badge, verdict in saved.badges.items())
    return ((", ".join(REQUIRED), *required), *badges)


def _part(board: BoardPage, row: Record) -> SubmissionPart:
    records = records_of(submission_table(board.board, row["submission"]))

    def table(kind: str, caption: str, shown: tuple[Column, ...]) -> Table | None:
        chosen = tuple(record for record in records if record["kind"] == kind)
        if not chosen:
            return None
        shown_keys = {key for column in shown for key in (column.key, column.low, column.high)}
        # a score that this kind of task does not have is no column of its file either
        foreign = {key for key in METRICS if all(record.get(key) is None for record in chosen)} - shown_keys
        kept = tuple({key: value for key, value in record.items() if key not in foreign} for record in chosen)
        present = tuple(column for column in shown if column.key in kept[0])
        path = f"submissions/{slug(row['submission'])}/{slug(board.suite)}-{kind}"
        facts = {**board.identity, "submission": row["submission"], "submission_sha256": row["submission_sha256"]}
        return Table(f"{kind}-{slug(board.suite)}", caption, path, present, kept, facts, "task")

    return SubmissionPart(
        suite=board.suite,
        version=board.version,
        headline=tuple(
            (column.title + (f" in {column.unit}" if column.unit else ""), column.text(row), column.interval(row))
            for column in (
                columns.RANK,
                columns.score("error", interval=True),
                columns.score("inconsistency", interval=True),
            )
        ),
        phantom_table=table("phantom", _SEEDS, columns.KNOWN_TASKS),
        known_table=table("known", _SEEDS, columns.KNOWN_TASKS),
        local_table=table(
            "local",
            "Points of different dimension: how far off the dimension at each point is, where it is given. Means over "
            "the seeds. The one estimate has no truth; it is the median over the seeds, with the smallest and largest.",
            columns.LOCAL_TASKS,
        ),
        real_table=table(
            "real",
            "Raw estimate of the whole sample with its 95\u00a0% interval from disjoint halves, and how far it moves.",
            columns.REAL_TASKS,
        ),
    )


def _code(submission: Submission) -> Code | None:
    file = submission.manifest.entry.partition(":")[0]
    try:
        text = (submission.folder / file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    # .txt, so that every server and every browser shows it as text
    return Code(f"submissions/code/{slug(submission.folder.name)}/{file}.txt", clean(text))
