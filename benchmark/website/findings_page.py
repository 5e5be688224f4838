"""The page of the findings: each claim of the papers, what the results say of it, and for which estimators."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.card import Card
from benchmark.findings.published import PAPERS, Paper
from benchmark.findings.report import Section, not_enough_says, reference, sections
from benchmark.findings.retest import Retest, load_retest
from benchmark.findings.sentences import DOMAIN_NAMES, counts_say, finding_says
from benchmark.leaderboard import Board
from benchmark.website.findings_figures import Panel, StripFigure, panels, strip_figure
from benchmark.website.findings_tables import (
    changes_table,
    claim_table,
    published_table,
    short_table,
    survival_table,
)
from benchmark.website.tables import Record, Table
from benchmark.website.text import clean, count


@dataclass(frozen=True, slots=True)
class ClaimPart:
    """One claim on the page."""

    id: str
    title: str
    sentence: str
    meaning: str
    papers: tuple[tuple[Paper, tuple[str, ...]], ...]
    effect: str
    setting: str
    here: tuple[tuple[str, str], ...]
    """Estimator (empty for a claim without) and sentence."""
    counts: tuple[tuple[str, int, str], ...]
    """Domain, estimators, verdicts."""
    not_enough: str
    """Sentence; empty where some finding stands on enough datasets."""
    calibration: str
    missing: str
    table: Table | None
    changes: Table | None


@dataclass(frozen=True, slots=True)
class FindingsPage:
    """All claims, from the results of one suite."""

    suite: str
    version: str
    estimators: int
    natural: int
    radiology: int
    reference: str
    leader: str
    protocols: tuple[str, ...]
    caveats: tuple[str, ...]
    papers: tuple[Paper, ...]
    claims: tuple[ClaimPart, ...]
    strips: StripFigure
    panels: tuple[Panel, ...]
    short_table: Table
    survival_table: Table
    published_table: Table

    @property
    def tables(self) -> Iterator[Table]:
        """Every table, for the files beside it."""
        yield from (self.short_table, self.survival_table, self.published_table)
        for claim in self.claims:
            yield from (table for table in (claim.table, claim.changes) if table)


def make_findings(results: Path, board: Board, cards: Mapping[str, Card]) -> FindingsPage | None:
    """The page of a suite's results; None if its estimators were asked about no real images.

    Raises UserError if a result cannot be read.
    """
    retest = load_retest(results, board)
    if not retest.estimators:
        return None
    facts = {"suite": retest.suite, "suite_version": retest.suite_version, "suite_sha256": retest.suite_sha256}
    names = {name: clean(cards[name].name) if name in cards else name for name in retest.datasets}
    found = sections(retest, list(PAPERS))
    return FindingsPage(
        suite=retest.suite,
        version=retest.suite_version,
        estimators=len(retest.estimators),
        natural=retest.dataset_count("natural"),
        radiology=retest.dataset_count("radiology"),
        reference=reference(retest),
        leader=retest.estimators[0],
        protocols=tuple(sorted({training.protocol for training in retest.trainings})),
        caveats=tuple(_caveats(retest, cards)),
        papers=tuple(PAPERS.values()),
        claims=tuple(_claim(retest, section, facts) for section in found),
        strips=strip_figure(retest, names),
        panels=panels(retest, names),
        short_table=short_table(found, facts),
        survival_table=survival_table(retest, found, facts),
        published_table=published_table(retest, facts),
    )


def _caveats(retest: Retest, cards: Mapping[str, Card]) -> Iterator[str]:
    for domain in ("natural", "radiology"):
        own = [facts for facts in retest.datasets.values() if facts.domain == domain]
        if not own:
            continue
        said = f"{DOMAIN_NAMES[domain].capitalize()}: {len(own)} dataset{'' if len(own) == 1 else 's'}"
        sources = [cards[facts.id].source for facts in own if facts.id in cards]
        if len(sources) == len(own) and len(set(sources)) < len(own):
            most = max(sources.count(source) for source in sources)
            said += f" from {len(set(sources))} sources, {most} of them from one, which are less than {most} witnesses"
        counts = sorted(facts.n for facts in own)
        each = count(counts[0]) if counts[0] == counts[-1] else f"{count(counts[0])} to {count(counts[-1])}"
        yield f"{said}; the estimators were given {each} images of each."


def _claim(retest: Retest, section: Section, facts: Record) -> ClaimPart:
    claim = section.claim
    tested = any(finding.verdict != "not enough datasets" for finding in section.plain)
    return ClaimPart(
        id=claim.id,
        title=claim.title,
        sentence=claim.sentence,
        meaning=claim.meaning,
        papers=section.published,
        effect=claim.effect,
        setting=section.setting,
        here=tuple(
            (finding.setting.measuring.estimator if finding.setting.measuring else "", finding_says(finding))
            for domain in section.domains
            for finding in domain.shown
            if tested
        ),
        counts=tuple(
            (DOMAIN_NAMES[domain.domain] if domain.domain else "", domain.counts.all, counts_say(domain.counts))
            for domain in section.domains
            if section.per_estimator and tested
        ),
        not_enough="" if tested else not_enough_says(section),
        calibration=section.calibration,
        missing=section.missing,
        table=claim_table(retest, section, facts) if section.per_estimator and tested else None,
        changes=changes_table(section, facts) if tested else None,
    )
