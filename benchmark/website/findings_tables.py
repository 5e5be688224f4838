"""The tables of the findings: by claim, by estimator, by what is changed, and as published."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmark.findings.judging import Finding
from benchmark.findings.published import PAPERS, POPE, POPE_K, SAME_IMAGES, SOURCES, corrected
from benchmark.findings.report import Section, finding_values, reference
from benchmark.findings.retest import Retest
from benchmark.findings.sentences import DOMAIN_NAMES, SHORT, decimals_of, number
from benchmark.findings.summary import Change, Counts
from benchmark.website.scales import Scale
from benchmark.website.tables import Column, Record, Table
from benchmark.website.text import NONE, count, fixed

OTHER_WAYS = {
    "half_the_images": ("corrected", "halves", "Half the images"),
    "half_size": ("corrected", "low", "Half the resolution"),
    "calibrated": ("calibrated", "whole", "Calibrated"),
}
"""Key of a column -> version, part and title: the verdict beside the plain one."""
ESTIMATOR = Column("submission", "Estimator", "submission")
RATIO_SCALE = Scale(0.2, 5.0, (0.2, 0.5, 1.0, 2.0, 5.0), logarithmic=True)
NUMBERS = {"r2": ("R²", 2), "log_n": ("For log N", 2), "slope": ("Slope", 3), "law": ("−1/d", 3)}
"""What a fit gives beside its effect: title and decimals."""


def claim_table(retest: Retest, section: Section, facts: Record) -> Table:
    """One row an estimator, with what every other way of measuring would make of the verdict."""
    claim = section.claim
    own = {(_estimator(f), f.setting.domain): f for f in section.plain}
    others = {
        (_estimator(f), f.setting.domain, key): f.verdict
        for f in retest.of(claim.id)
        for key, (version, part, _) in OTHER_WAYS.items()
        if _is_other(f, section.plain[0], version, part)
    }
    domains = [domain.domain for domain in section.domains]
    records = []
    for estimator in retest.estimators:
        record: dict[str, Any] = {"submission": estimator, "control": False, "k": None}
        for domain in domains:
            finding = own[estimator, domain]
            values = finding_values(finding)
            record["k"] = values.pop("k")
            kept = {key: value for key, value in values.items() if key in _RECORDED or key in finding.numbers}
            extra = {key: others.get((estimator, domain, key)) for key in OTHER_WAYS}
            record |= {_prefixed(domain, key): value for key, value in (kept | extra).items()}
        records.append(record)
    keys = list(dict.fromkeys(key for record in records for key in record))
    filled = tuple({key: record.get(key) for key in keys} for record in records)
    return Table(
        id=f"{claim.id}-table",
        caption=f"{claim.effect[0].upper()}{claim.effect[1:]}, by estimator, in the order of the board; "
        "95\u00a0% intervals.",
        path=f"findings/{claim.id}",
        columns=tuple(_claim_columns(section, domains, keys)),
        records=filled,
        facts={**facts, "claim": claim.sentence, "setting": section.setting},
    )


_RECORDED = ("effect", "low", "high", "verdict", "datasets")


def _claim_columns(section: Section, domains: Sequence[str], keys: Sequence[str]) -> Iterator[Column]:
    claim = section.claim
    yield ESTIMATOR
    yield Column("k", "k", "number", "", count)
    show = fixed(decimals_of(claim.id))
    for domain in domains:
        where = f"{domain.capitalize()}: " if domain else ""

        def column(key: str, title: str, *rest: Any, domain: str = domain, where: str = where) -> Column:
            return Column(_prefixed(domain, key), f"{where}{title}" if where else title[0].upper() + title[1:], *rest)

        if claim.id == "natural-higher":
            ends = ("ratio_low", "ratio_high", RATIO_SCALE)
            yield Column("ratio", "Natural / radiology", "number", "", fixed(2), *ends)
        low, high = _prefixed(domain, "low"), _prefixed(domain, "high")
        if claim.id != "natural-higher":
            yield column("effect", _EFFECTS.get(claim.id, "slope"), "number", "", show, low, high)
        yield column("verdict", "verdict", "text", "", short)
        yield column("datasets", "datasets", "number", "", count)
        for key, (_, _, title) in OTHER_WAYS.items():
            yield column(key, title[0].lower() + title[1:], "text", "", short)
        if claim.id == "natural-higher":
            yield column("effect", "difference", "number", "", show, low, high)
        for key, (title, decimals) in _numbers(claim.id).items():
            if _prefixed(domain, key) in keys:
                yield column(key, title, "number", "", fixed(decimals))


def short(verdict: Any) -> str:
    """A verdict in a narrow column."""
    return SHORT[verdict].replace(" ", "\u00a0") if verdict in SHORT else NONE


_EFFECTS = {"natural-higher": "difference", "steeper-for-radiology": "difference", "scaling-law": "slope + 1/d"}


def _numbers(claim: str) -> Mapping[str, tuple[str, int]]:
    if claim == "natural-higher":
        return {
            "median_natural": ("median, natural", 1),
            "median_radiology": ("median, radiology", 1),
            "p": ("p", 3),
        }
    return NUMBERS


def changes_table(section: Section, facts: Record) -> Table | None:
    """What another setting changes, one thing at a time, in one row for all domains; None where there is no other."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for domain in section.domains:
        for change in domain.changes:
            row = rows.setdefault((change.axis, change.setting), {"setting": change.setting, "axis": change.axis})
            row |= {_prefixed(domain.domain, key): value for key, value in _change_values(change).items()}
    if not rows:
        return None
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    return Table(
        id=f"{section.claim.id}-changes",
        caption="One thing changed at a time: how many verdicts change, of those that stand on enough datasets both "
        "ways, and how many turn, which is to change from or to “does not hold”.",
        path=f"findings/{section.claim.id}-changes",
        columns=(
            Column("setting", "Instead", "heading"),
            Column("axis", "What"),
            *(column for domain in section.domains for column in _change_columns(domain.domain)),
        ),
        records=tuple({key: row.get(key) for key in keys} for row in rows.values()),
        facts={**facts, "claim": section.claim.sentence, "plain_setting": section.setting},
    )


def _change_columns(domain: str) -> Iterator[Column]:
    where = f"{domain.capitalize()}: " if domain else ""
    changed, turned = ("changed", "turned") if domain else ("Changed", "Turned")
    yield Column(_prefixed(domain, "changed"), f"{where}{changed}", "noted", "", count)
    yield Column(_prefixed(domain, "turned"), f"{where}{turned}", "number", "", count)


def _change_values(change: Change) -> dict[str, Any]:
    tested = change.compared > 0
    return {
        "changed": change.changed if tested else None,
        "changed_note": f"of {change.compared}" if tested else "too few datasets",
        "turned": change.turned if tested else None,
        "compared": change.compared,
        **_counts(change.counts),
    }


def _counts(counts: Counts) -> dict[str, int]:
    names = ("holds", "holds_with_zero", "does_not_hold", "reversed", "not_enough")
    return {name: getattr(counts, name) for name in names}


def _count_columns() -> tuple[Column, ...]:
    titles = ("Holds", "With zero", "Does not hold", "Too few")
    keys = ("holds", "holds_with_zero", "does_not_hold", "not_enough")
    return tuple(Column(key, title, "number", "", count) for key, title in zip(keys, titles, strict=True))


def short_table(found: Sequence[Section], facts: Record) -> Table:
    """Every claim in one row a domain."""
    records = []
    for section in found:
        for domain in section.domains:
            shown = domain.shown[0]
            records.append(
                {
                    "title": section.claim.title + (f", {DOMAIN_NAMES[domain.domain]}" if domain.domain else ""),
                    "papers": ", ".join(PAPERS[paper].venue for paper in section.claim.papers),
                    "verdict": shown.verdict,
                    "datasets": shown.datasets,
                    **(_counts(domain.counts) if section.per_estimator else dict.fromkeys(_counts(domain.counts))),
                    "setting": section.setting,
                }
            )
    return Table(
        id="short-table",
        caption="Each claim in the plain setting: the verdict with the papers’ estimator, and how many of all "
        "estimators give each verdict. Claims without dimensions have one verdict.",
        path="findings/short",
        columns=(
            Column("title", "Claim", "heading"),
            Column("verdict", "Their estimator", "text", "", short),
            Column("datasets", "Datasets", "number", "", count),
            *_count_columns(),
        ),
        records=tuple(records),
        facts=facts,
    )


def survival_table(retest: Retest, found: Sequence[Section], facts: Record) -> Table:
    """Verdicts of every claim about dimensions, one row an estimator."""
    columns = [ESTIMATOR, Column("k", "k", "number", "", count)]
    records: dict[str, dict[str, Any]] = {
        name: {"submission": name, "control": False, "k": None} for name in retest.estimators
    }
    for section in (each for each in found if each.per_estimator):
        claim = section.claim.id
        for domain in (each.domain for each in section.domains):
            key = _prefixed(domain, claim)
            where = f", {domain}" if domain else ""
            columns.append(Column(key, f"{section.claim.title}{where}", "text", "", short))
            for finding in section.plain:
                if finding.setting.domain == domain and finding.setting.measuring:
                    records[_estimator(finding)][key] = finding.verdict
                    records[_estimator(finding)]["k"] = finding.setting.measuring.k
        if claim == "natural-higher":
            columns.append(Column("calibrated", "The same, calibrated", "text", "", short))
            for name in retest.estimators:
                records[name]["calibrated"] = None
            for finding in retest.of(claim):
                if finding.setting.measuring and finding.setting.measuring.version == "calibrated":
                    records[_estimator(finding)]["calibrated"] = finding.verdict
    return Table(
        id="survival-table",
        caption="Verdicts by estimator, in the order of the board, each in the plain setting of its claim.",
        path="findings/estimators",
        columns=tuple(columns),
        records=tuple(records.values()),
        facts=facts,
    )


def published_table(retest: Retest, facts: Record) -> Table:
    """The papers' numbers by dataset, and ours where the same images are on the board."""
    name = reference(retest)
    ours = retest.dimensions_by(name)
    records: dict[str, dict[str, Any]] = {}
    for paper, source in SOURCES.items():
        for each in source.datasets:
            own = records.setdefault(each.name, {"name": each.name, "domain": each.domain, **dict.fromkeys(_PUBLISHED)})
            own[paper] = each.dimension
            own["accuracy"] = own["accuracy"] or each.accuracy
            own["sharpness"] = own["sharpness"] or (each.sharpness and round(1e4 * each.sharpness, 4))
    for dataset, values in POPE.items():
        records[dataset]["pope"] = ", ".join(map(str, values))
        pairs = zip(POPE_K, values, strict=True)
        records[dataset]["pope_corrected"] = ", ".join(number(corrected(k, value), 1) for k, value in pairs)
    for dataset, ids in SAME_IMAGES.items():
        same = next((each for each in ids if each in ours), None)
        if same and dataset in records:
            records[dataset] |= {"ours": ours[same], "ours_n": retest.datasets[same].n}
    return Table(
        id="published-table",
        caption=f"Published values by dataset, and here: {name} on the same images, corrected, with N. "
        "Other N, resolution and estimators: compare orders, not digits.",
        path="findings/published",
        columns=(
            Column("name", "Dataset", "heading"),
            Column("domain", "Domain"),
            Column("konz2022", "MICCAI 2022", "number", "", fixed(0)),
            Column("konz2024", "ICLR 2024", "number", "", fixed(1)),
            Column("pope", "ICLR 2021, k = 3, 5, 10, 20"),
            Column("pope_corrected", "The same, × (k − 1)/(k − 2)"),
            Column("ours", "Here", "number", "", fixed(1)),
            Column("ours_n", "N here", "number", "", count),
            Column("accuracy", "Accuracy, MICCAI 2022", "number", "%", fixed(1)),
            Column("sharpness", "Label sharpness, ICLR 2024", "number", "10⁻⁴", fixed(2)),
        ),
        records=tuple(sorted(records.values(), key=lambda record: (record["domain"], record["name"]))),
        facts={**facts, "estimator": name},
    )


_PUBLISHED = ("konz2022", "konz2024", "pope", "pope_corrected", "ours", "ours_n", "accuracy", "sharpness")


def _is_other(finding: Finding, base: Finding, version: str, part: str) -> bool:
    """Whether a finding differs from the plain setting in how the dimension was measured alone."""
    measuring, setting = finding.setting.measuring, finding.setting
    same = (setting.protocol, setting.train, setting.model) == (
        base.setting.protocol,
        base.setting.train,
        base.setting.model,
    )
    return measuring is not None and same and (measuring.version, measuring.part) == (version, part)


def _estimator(finding: Finding) -> str:
    return finding.setting.measuring.estimator if finding.setting.measuring else ""


def _prefixed(domain: str, key: str) -> str:
    return f"{domain}_{key}" if domain else key
