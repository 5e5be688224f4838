"""What the findings of a claim say together: the plain setting, and what another setting would change."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmark.findings.claims import CLAIMS, VERDICTS, Verdict
from benchmark.findings.dimensions import PARTS
from benchmark.findings.judging import Finding, Setting
from benchmark.findings.sharpness import MAXIMUM, STATISTICS
from benchmark.findings.trainings import MEAN

PLAIN_K = 20
"""Of the papers."""
FAMILY = re.compile(r"(-k?\d+)+$")
"""What tells the rows of one estimator apart that differ in k: `mle-k20`, `gride-2-4`."""
VERSIONS = {"raw": "raw, with its known constant factor", "calibrated": "calibrated on phantoms"}
"""How a dimension was treated, where it is not corrected for a constant factor."""
AXES = ("k", "Images", "Bias", "N", "Protocol", "Model", "Statistic")


@dataclass(frozen=True, slots=True)
class Counts:
    """Verdicts over estimators."""

    holds: int
    holds_with_zero: int
    does_not_hold: int
    not_enough: int
    reversed: int = 0
    """Of those that do not hold: the whole interval has the other sign."""
    including_zero: int = 0
    """Of all intervals, whatever the verdict."""

    @property
    def tested(self) -> int:
        """Estimators for which there were enough datasets."""
        return self.holds + self.holds_with_zero + self.does_not_hold

    @property
    def all(self) -> int:
        """Estimators."""
        return self.tested + self.not_enough


@dataclass(frozen=True, slots=True)
class Change:
    """One setting beside the plain one."""

    domain: str
    """Empty for a claim about both."""
    axis: str
    setting: str
    counts: Counts
    compared: int
    """Estimators that have a verdict of enough datasets in both settings."""
    changed: int
    """Of these, how many have another verdict."""
    turned: int
    """Of these, how many go from holding (with zero or without) to not holding, or back."""


def count(findings: Sequence[Finding]) -> Counts:
    """How many findings have each verdict."""
    found = Counter(finding.verdict for finding in findings)
    holds, with_zero, not_so, too_few = (found[verdict] for verdict in VERDICTS)
    return Counts(
        holds,
        with_zero,
        not_so,
        too_few,
        reversed=sum(
            finding.verdict == "does not hold" and _is_firm(finding, -CLAIMS[finding.claim].sign)
            for finding in findings
        ),
        including_zero=sum(
            finding.verdict != "not enough datasets" and not _is_firm(finding, 1) and not _is_firm(finding, -1)
            for finding in findings
        ),
    )


def _is_firm(finding: Finding, sign: int) -> bool:
    """Whether the whole interval has this sign."""
    return sign * finding.effect.low > 0 and sign * finding.effect.high > 0


def plain(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings of one claim in the plain setting: one for each estimator and domain.

    Whole samples, corrected for a constant factor, the mean of the models, the maximum of the label sharpness; of
    several protocols and N that with most domains that can be tested, then one that nothing overrides, then that with
    most datasets, then the largest N, then the first by name.
    """
    own = [finding for finding in findings if _is_plain(finding.setting)]
    sizes: Counter[tuple[str, int]] = Counter()
    tested: dict[tuple[str, int], set[str]] = {}
    for finding in own:
        key = finding.setting.protocol, finding.setting.train or 0
        sizes[key] += finding.datasets
        domains = tested.setdefault(key, set())
        if finding.verdict != "not enough datasets":
            domains.add(finding.setting.domain)

    def preference(key: tuple[str, int]) -> tuple[int, bool, int, int, str]:
        protocol, train = key
        return -len(tested[key]), " " in protocol, -sizes[key], -train, protocol

    chosen = min(sizes, key=preference, default=None)
    return tuple(finding for finding in own if (finding.setting.protocol, finding.setting.train or 0) == chosen)


def changes(findings: Sequence[Finding], domain: str = "") -> tuple[Change, ...]:
    """What another setting changes in the findings of one claim, one thing at a time.

    In the order of `AXES`. domain: of the findings; empty for a claim about both.
    """
    base = [finding for finding in plain(findings) if finding.setting.domain == domain]
    if not base:
        return ()
    verdicts = {_estimator(finding): finding.verdict for finding in base}
    settings: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        differing = [*_differences(finding.setting, base[0].setting)]
        if finding.setting.domain == domain and len(differing) == 1:
            settings.setdefault(differing[0], []).append(finding)
    made = [*_over_k(base)]
    for (axis, setting), others in sorted(settings.items(), key=lambda item: AXES.index(item[0][0])):
        pairs = [(verdicts[_estimator(each)], each.verdict) for each in others if _estimator(each) in verdicts]
        made.append(_change(axis, setting, others, pairs))
    return tuple(made)


def _over_k(base: Sequence[Finding]) -> Iterator[Change]:
    """Estimators of one family that differ in k, against the one whose k is nearest to the papers'."""
    families: dict[str, list[Finding]] = {}
    for finding in base:
        if finding.setting.measuring and finding.setting.measuring.k is not None:
            families.setdefault(FAMILY.sub("", finding.setting.measuring.estimator), []).append(finding)
    for family, own in sorted(families.items()):
        by_k = sorted(own, key=_k)
        if len({_k(finding) for finding in own}) < 2:
            continue
        middle = min(by_k, key=lambda finding: (abs(_k(finding) - PLAIN_K), _k(finding)))
        others = [finding for finding in by_k if finding is not middle]
        numbers = ", ".join(str(_k(finding)) for finding in others)
        setting = f"{family}, k = {numbers} instead of {_k(middle)}"
        yield _change("k", setting, others, [(middle.verdict, other.verdict) for other in others])


def _differences(setting: Setting, base: Setting) -> Iterator[tuple[str, str]]:
    """Axis and setting of everything in which a finding differs from the plain setting."""
    if setting.measuring and setting.measuring.part != "whole":
        yield "Images", PARTS[setting.measuring.part]
    if setting.measuring and setting.measuring.version != "corrected":
        yield "Bias", VERSIONS[setting.measuring.version]
    if setting.protocol != base.protocol:
        yield "Protocol", f"{setting.protocol}, N = {setting.train}" if setting.train else setting.protocol
    elif setting.train != base.train:
        yield "N", f"{setting.train} training images"
    if setting.model not in {"", MEAN}:
        yield "Model", setting.model
    if setting.statistic not in {"", MAXIMUM}:
        yield "Statistic", STATISTICS[setting.statistic]


def _change(axis: str, setting: str, others: Sequence[Finding], pairs: Sequence[tuple[Verdict, Verdict]]) -> Change:
    both = [pair for pair in pairs if "not enough datasets" not in pair]
    turned = sum((before == "does not hold") != (after == "does not hold") for before, after in both)
    changed = sum(before != after for before, after in both)
    return Change(others[0].setting.domain, axis, setting, count(others), len(both), changed, turned)


def _is_plain(setting: Setting) -> bool:
    measuring = setting.measuring
    measured = measuring is None or (measuring.version == "corrected" and measuring.part == "whole")
    return measured and setting.model in {"", MEAN} and setting.statistic in {"", MAXIMUM}


def _estimator(finding: Finding) -> str:
    return finding.setting.measuring.estimator if finding.setting.measuring else ""


def _k(finding: Finding) -> int:
    return (finding.setting.measuring.k if finding.setting.measuring else None) or 0
