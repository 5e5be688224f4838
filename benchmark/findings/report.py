"""The re-test of one paper's claims, as sections of text and as plain values."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.findings import sentences
from benchmark.findings.claims import CLAIMS, Claim
from benchmark.findings.judging import Finding, Setting
from benchmark.findings.published import PAPERS, SOURCES, Paper, PaperName
from benchmark.findings.retest import Retest
from benchmark.findings.summary import Change, Counts, changes, count, plain
from benchmark.terminal import Column, table_text

REFERENCE = "papers-mle-k20"
"""The papers' estimator: what is shown first, where the board has it."""


@dataclass(frozen=True, slots=True)
class DomainSummary:
    """A claim in one domain, or in both together."""

    domain: str
    counts: Counts
    """Over all estimators, in the plain setting."""
    shown: tuple[Finding, ...]
    """Of the reference and of the estimator that leads the board."""
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One claim: what the papers say, what the results say."""

    number: int
    claim: Claim
    published: tuple[tuple[Paper, tuple[str, ...]], ...]
    """Sentences of each paper."""
    plain: tuple[Finding, ...]
    setting: str
    """Of the plain findings, the estimator left out."""
    domains: tuple[DomainSummary, ...]
    calibration: str
    """Whether it survives calibration; empty where that is no question."""
    missing: str
    """What to run; empty if nothing is missing."""

    @property
    def per_estimator(self) -> bool:
        """Whether the claim is about dimensions, so that every estimator has a finding of its own."""
        return any(finding.setting.measuring for finding in self.plain)


def sections(retest: Retest, papers: Sequence[PaperName]) -> tuple[Section, ...]:
    """The claims of the papers, in order."""
    own = [claim for claim in CLAIMS.values() if set(papers) & set(claim.papers)]
    return tuple(_section(retest, claim, place + 1, papers) for place, claim in enumerate(own))


def _section(retest: Retest, claim: Claim, place: int, papers: Sequence[PaperName]) -> Section:
    findings = retest.of(claim.id)
    own = plain(findings)
    first = own[0].setting
    domains = tuple(
        DomainSummary(domain, count(of_domain), _shown(retest, of_domain), changes(findings, domain))
        for domain, of_domain in _by_domain(own)
    )
    return Section(
        number=place,
        claim=claim,
        published=tuple(
            (PAPERS[paper], sentences.published_says(claim.id, paper)) for paper in papers if paper in claim.papers
        ),
        plain=own,
        setting=sentences.setting_says(first, _models(retest, first)),
        domains=domains,
        calibration=sentences.calibration_says(
            claim.id, [change for domain in domains for change in domain.changes], retest.suite
        ),
        missing=sentences.missing(
            retest.suite,
            claim.id,
            trained=retest.trained,
            measured=any(each.tasks for each in retest.sharpness),
            sizes=sorted({training.train for training in retest.trainings if training.protocol == first.protocol}),
        ),
    )


def _models(retest: Retest, setting: Setting) -> int | None:
    """How many models stand behind a choice of models."""
    found = (t.models for t in retest.trainings if (t.protocol, t.model) == (setting.protocol, setting.model))
    return next(found, None)


def _by_domain(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    domains = dict.fromkeys(finding.setting.domain for finding in findings)
    return [(domain, [finding for finding in findings if finding.setting.domain == domain]) for domain in domains]


def _shown(retest: Retest, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    names = dict.fromkeys([reference(retest), *retest.estimators[:1]])
    by_name = {finding.setting.measuring.estimator: finding for finding in findings if finding.setting.measuring}
    return tuple(by_name[name] for name in names if name in by_name) or tuple(findings[:1])


def reference(retest: Retest) -> str:
    """The papers' estimator, or the one that leads the board where it is not there."""
    return REFERENCE if REFERENCE in retest.estimators else retest.estimators[0]


def to_text(retest: Retest, paper: PaperName, width: int = 100) -> str:
    """The re-test of a paper's claims for a terminal."""
    about = PAPERS[paper]
    lines = [*_wrapped(f"{about.authors}: {about.title}. {about.venue}.", width), ""]
    lines += _wrapped(stands_on(retest), width)
    for section in sections(retest, [paper]):
        lines += ["", *_wrapped(f"{section.number}. {section.claim.sentence}", width, "   ", "")]
        for line in _section_lines(section):
            lines += _wrapped(line, width, "     ", "   ")
    return "\n".join(lines)


def to_short_text(retest: Retest, paper: PaperName, width: int = 110) -> str:
    """One line for each claim of a paper: the verdict of the papers' estimator, and how many estimators give which."""
    who = reference(retest)
    columns = [
        *(Column(heading, words=True, wraps=True) for heading in ("Claim", who)),
        *map(Column, ("Datasets", "Holds", "With zero", "Does not hold", "Too few")),
    ]
    rows = []
    for section in sections(retest, [paper]):
        for domain in section.domains:
            shown, counts = domain.shown[0], domain.counts
            numbers = (counts.holds, counts.holds_with_zero, counts.does_not_hold, counts.not_enough)
            where = f", {sentences.DOMAIN_NAMES[domain.domain]}" if domain.domain else ""
            rows.append(
                (
                    f"{section.claim.title}{where}",
                    sentences.SHORT[shown.verdict],
                    str(shown.datasets),
                    *(map(str, numbers) if section.per_estimator else "----"),
                )
            )
    return table_text(
        f"{PAPERS[paper].venue}, re-tested on suite {retest.suite}, version {retest.suite_version}: "
        f"the verdict of {who}, and how many of {len(retest.estimators)} estimators give which.",
        columns,
        rows,
        width=width,
    )


def stands_on(retest: Retest) -> str:
    """How much there is."""
    radiology, natural = (retest.dataset_count(domain) for domain in ("radiology", "natural"))
    models = sorted({training.protocol for training in retest.trainings})
    estimators = f"{len(retest.estimators)} {'estimators' if len(retest.estimators) > 1 else 'estimator'}"
    trained = f"; models trained under {', '.join(models)}" if models else "; no model has been trained yet"
    return (
        f"Re-tested on suite {retest.suite}, version {retest.suite_version} ({retest.suite_sha256[:8]}): "
        f"{estimators}, {natural} natural and {radiology} radiology datasets{trained}. "
        "In brackets: 95 % intervals. Few datasets stand behind every number, and they were not drawn at random."
    )


def _section_lines(section: Section) -> Iterator[str]:
    for paper, said in section.published:
        yield f"{paper.short}: {' '.join(said)}"
    yield f"Tested: {section.claim.effect}" + (f"; {section.setting}." if section.setting else ".")
    for domain in section.domains:
        if any(finding.verdict != "not enough datasets" for finding in section.plain):
            for finding in domain.shown:
                yield f"{_who(finding)}: {sentences.finding_says(finding)}"
            if section.per_estimator:
                where = f", {sentences.DOMAIN_NAMES[domain.domain]}" if domain.domain else ""
                yield f"Over {domain.counts.all} estimators{where}: {sentences.counts_say(domain.counts)}."
        tested = [change for change in domain.changes if change.compared]
        changing = [change for change in tested if change.changed]
        if changing:
            yield "What changes it:"
            yield from (f"- {sentences.change_says(change)}" for change in changing)
        if tested:
            yield f"Other settings that change no verdict: {len(tested) - len(changing)} of {len(tested)}."
    if all(finding.verdict == "not enough datasets" for finding in section.plain):
        yield not_enough_says(section)
    if section.calibration:
        yield section.calibration
    if section.missing:
        yield f"Missing: {section.missing}"


def not_enough_says(section: Section) -> str:
    """For a claim that no finding of stands on enough datasets."""
    most = max(finding.datasets for finding in section.plain)
    return f"Not enough datasets: {most}, and it takes {section.claim.least}."


def _who(finding: Finding) -> str:
    measuring = finding.setting.measuring
    if measuring is None:
        return "Here"
    return (
        f"Here, {measuring.estimator} (k = {measuring.k}, {measuring.version})"
        if measuring.k
        else (f"Here, {measuring.estimator} ({measuring.version})")
    )


def _wrapped(text: str, width: int, indent: str = "", first: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def content(retest: Retest, paper: PaperName) -> dict[str, Any]:
    """The same as plain values, every number in full and every setting; what is not known or not bounded is None."""
    return {
        "paper": asdict(PAPERS[paper]),
        "published": _plain_values(asdict(SOURCES[paper])),
        "suite": retest.suite,
        "suite_version": retest.suite_version,
        "suite_sha256": retest.suite_sha256,
        "protocols": dict(retest.protocols),
        "datasets": [asdict(facts) for facts in retest.datasets.values()],
        "estimators": list(retest.estimators),
        "claims": [
            {
                **asdict(section.claim),
                "published": [sentence for _, each in section.published for sentence in each],
                "calibration": section.calibration,
                "missing": section.missing,
                "summary": [
                    {
                        "domain": domain.domain,
                        "counts": asdict(domain.counts),
                        "changes": [asdict(change) for change in domain.changes],
                    }
                    for domain in section.domains
                ],
                "findings": [finding_values(finding) for finding in retest.of(section.claim.id)],
            }
            for section in sections(retest, [paper])
        ],
    }


def finding_values(finding: Finding) -> dict[str, Any]:
    """One finding as flat plain values."""
    setting = asdict(finding.setting)
    measuring = setting.pop("measuring") or {}
    effect = {"effect": finding.effect.value, "low": finding.effect.low, "high": finding.effect.high}
    values = {**measuring, **setting, **effect, "verdict": finding.verdict, "datasets": finding.datasets}
    plain_values: dict[str, Any] = _plain_values(values | dict(finding.numbers))
    return plain_values


def _plain_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_values(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_values(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
