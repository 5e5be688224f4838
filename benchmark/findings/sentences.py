"""Findings as sentences: what a paper claims with its numbers, and what the results on hand say."""

import math
from collections.abc import Iterator, Sequence

from benchmark.findings import published
from benchmark.findings.claims import CLAIMS, VERDICTS
from benchmark.findings.fits import Effect, shift, slope_difference
from benchmark.findings.judging import Finding, Setting
from benchmark.findings.published import PaperName
from benchmark.findings.sharpness import STATISTICS
from benchmark.findings.summary import VERSIONS, Change, Counts

DECIMALS = {
    "natural-higher": 1,
    "loss-rises": 3,
    "scaling-law": 3,
}
"""Of the effect of a claim; two for the others."""
SHORT = dict(zip(VERDICTS, ("holds", "holds, with zero", "does not hold", "too few datasets"), strict=True))
"""A verdict in a narrow column."""
DOMAIN_NAMES = {"radiology": "radiology", "natural": "natural images", "": "both domains"}


def number(value: float, decimals: int) -> str:
    """`−1.9`; an infinite one is `∞`."""
    if not math.isfinite(value):
        return "none" if math.isnan(value) else "∞" if value > 0 else "−∞"
    return f"{value:z.{decimals}f}".replace("-", "−")


def interval(effect: Effect, decimals: int) -> str:
    """`−1.9 (−2.9 to −0.9)`."""
    return f"{number(effect.value, decimals)} ({number(effect.low, decimals)} to {number(effect.high, decimals)})"


def decimals_of(claim: str) -> int:
    """How many decimals the effect of a claim is shown with."""
    return DECIMALS.get(claim, 2)


def published_says(claim: str, paper: PaperName) -> tuple[str, ...]:
    """What a paper says of a claim: its numbers, and what the statistics used here make of its published points."""
    return tuple(_PUBLISHED[claim](paper)) if claim in _PUBLISHED else ()


def setting_says(setting: Setting, models: int | None = None) -> str:
    """`mean of the models (9), protocol mini, N = 500`: what a finding stands on beside the dimensions."""
    parts = [STATISTICS[setting.statistic]] if setting.statistic else []
    if setting.protocol:
        model = f"{setting.model} ({models}), " if setting.model and models else ""
        parts.append(f"{model}protocol {setting.protocol}, {f'N = {setting.train}' if setting.train else 'all N'}")
    return "; ".join(parts)


def finding_says(finding: Finding) -> str:
    """The verdict of one finding, and its numbers."""
    where = f"{DOMAIN_NAMES[finding.setting.domain]}: " if finding.setting.domain else ""
    least = CLAIMS[finding.claim].least
    if finding.verdict == "not enough datasets":
        return f"{where}not enough datasets: {finding.datasets}, and it takes {least}."
    effect = interval(finding.effect, decimals_of(finding.claim))
    unit = f" {CLAIMS[finding.claim].unit}" if CLAIMS[finding.claim].unit else ""
    rest = "".join(f", {words}" for words in _numbers(finding))
    return f"{where}{finding.verdict}: {effect}{unit}{rest}; {finding.datasets} datasets."


def counts_say(counts: Counts) -> str:
    """`“holds, interval includes zero” for 20, “does not hold” for 33; 53 of 53 intervals include zero`."""
    numbers = (counts.holds, counts.holds_with_zero, counts.does_not_hold, counts.not_enough)
    found = [f"“{verdict}” for {given}" for verdict, given in zip(VERDICTS, numbers, strict=True) if given]
    zero = f"; {counts.including_zero} of {counts.tested} intervals include zero" if counts.tested else ""
    return ", ".join(found) + zero


def change_says(change: Change) -> str:
    """`half the resolution: 8 of 53 verdicts change, 2 of them from or to “does not hold”`."""
    if not change.compared:
        return f"{change.setting}: not enough datasets"
    every = "all " if change.changed > 1 else ""
    if not change.changed:
        kind = ""
    elif not change.turned:
        kind = f", {every}between “holds” with zero and without"
    elif change.turned == change.changed:
        kind = f", {every}from or to “does not hold”"
    else:
        kind = f", {change.turned} of them from or to “does not hold”"
    return f"{change.setting}: {change.changed} of {change.compared} verdict{_s(change.compared)} change{kind}"


def calibration_says(claim: str, given: Sequence[Change], suite: str) -> str:
    """Whether a claim survives calibration; empty for one that has nothing to do with dimensions."""
    if CLAIMS[claim].needs == "sharpness":
        return ""
    own = [change for change in given if change.setting == VERSIONS["calibrated"]]
    if not own:
        return (
            "Does it survive calibration? Not known yet: the results hold no answers on phantoms "
            f"(`manifoldbench run --track estimators --suite {suite}`)."
        )
    parts = []
    for change in own:
        where = f"{DOMAIN_NAMES[change.domain].capitalize()}: " if change.domain else ""
        if not change.counts.tested:
            parts.append(f"{where}not enough datasets whose calibration holds, for any estimator")
        else:
            parts.append(
                f"{where}{change.counts.all} estimators: {counts_say(change.counts)}; "
                f"{change.turned} of {change.compared} turn from holding to not holding, or back"
            )
    return f"Does it survive calibration? {'. '.join(parts)}."


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _numbers(finding: Finding) -> Iterator[str]:
    given = finding.numbers
    for domain in ("natural", "radiology"):
        if f"median_{domain}" in given:
            count = int(given[f"datasets_{domain}"])
            yield f"median {number(given[f'median_{domain}'], 1)} of {count} {domain} sets"
    if "p" in given:
        yield f"exact p = {number(given['p'], 3)}"
    if "log_n" in given:
        yield f"log N {interval(Effect(given['log_n'], given['log_n_low'], given['log_n_high']), 2)}"
    if "r2" in given:
        yield f"R² {number(given['r2'], 2)}"
    if "slope" in given:
        yield f"mean slope {number(given['slope'], 3)}, mean of −1/d {number(given['law'], 3)}"
    if "rank_correlation" in given:
        yield f"rank correlation of the two {number(given['rank_correlation'], 2)}"


def _natural_higher(paper: PaperName) -> Iterator[str]:
    source = published.SOURCES[paper]
    found = source.shift()
    yield (
        f"Medians of {number(found.medians[0], 1)} ({found.sizes[0]} natural sets) and "
        f"{number(found.medians[1], 1)} ({found.sizes[1]} radiology sets): {source.where}."
    )
    yield (
        f"By the statistics used here: typical difference {interval(found.difference, 1)}, "
        f"exact p = {number(found.p, 3)}."
    )
    yield f"The dimensions were estimated {source.conditions}."


def _accuracy_falls(paper: PaperName) -> Iterator[str]:
    for domain, fit in published.FITS.items():
        found = published.SOURCES[paper].line(domain)
        off = number(found.r2 - fit.r2, 4)
        yield (
            f"For {DOMAIN_NAMES[domain]} a slope of {number(fit.slope, 2)} points a dimension (read off the line) and "
            f"R² {fit.r2} (printed); from its {found.n} points, by the statistics used here, "
            f"{interval(found.slope, 2)} and R² {number(found.r2, 4)}, which is {off} from the printed one."
        )
    yield "The accuracies of these points were read off a figure by eye, so small differences are expected."


def _steeper(_paper: PaperName) -> Iterator[str]:
    lines = {domain: published.MICCAI.line(domain) for domain in published.FITS}
    found = slope_difference(lines["radiology"], lines["natural"])
    slopes = {domain: number(fit.slope, 2) for domain, fit in published.FITS.items()}
    yield (
        f"Slopes of {slopes['radiology']} for radiology and {slopes['natural']} for natural images. From the published "
        f"points, by the statistics used here, the difference is {interval(found, 2)}."
    )


def _plane(_paper: PaperName) -> Iterator[str]:
    parts = (f"{number(fit.plane_r2, 3)} for {DOMAIN_NAMES[domain]}" for domain, fit in published.FITS.items())
    yield f"R² of the plane (printed): {' and '.join(parts)}; the coefficients are not published."


def _loss_rises(_paper: PaperName) -> Iterator[str]:
    yield "A figure of the log test loss against dimension, for six models; the slopes are not published as numbers."


def _scaling_law(_paper: PaperName) -> Iterator[str]:
    yield "log L ≲ −(1/d) log N + log K_F + constant, as printed in the figure of the abstract: a bound, from theory."


def _sharper(paper: PaperName) -> Iterator[str]:
    source = published.SOURCES[paper]
    values = [
        [1e4 * each.sharpness for each in source.of(domain) if each.sharpness] for domain in ("radiology", "natural")
    ]
    found = shift(*values)
    yield (
        f"Medians of {number(found.medians[0], 2)} × 10⁻⁴ ({found.sizes[0]} radiology sets) and "
        f"{number(found.medians[1], 2)} × 10⁻⁴ ({found.sizes[1]} natural sets): {source.where}."
    )
    yield (
        f"By the statistics used here: typical difference {interval(found.difference, 2)} × 10⁻⁴, "
        f"exact p = {number(found.p, 3)}. Three channels make distances up to √3 larger than one, and the sharpness "
        "smaller by as much."
    )


def _robustness(_paper: PaperName) -> Iterator[str]:
    yield (
        f"Correlation of label sharpness with the loss gained under attack: "
        f"r = {number(published.SHARPNESS_CORRELATION, 2)} (printed)."
    )


_PUBLISHED = {
    "natural-higher": _natural_higher,
    "accuracy-falls": _accuracy_falls,
    "steeper-for-radiology": _steeper,
    "plane": _plane,
    "loss-rises": _loss_rises,
    "scaling-law": _scaling_law,
    "sharper-radiology": _sharper,
    "sharpness-robustness": _robustness,
}


def missing(suite: str, claim: str, *, trained: bool, measured: bool, sizes: Sequence[int]) -> str:
    """What to run, where something that a claim needs is not among the results; empty if it is all there."""
    needs = CLAIMS[claim].needs
    if needs != "dimensions" and claim != "sharper-radiology" and not trained:
        return (
            "No model has been trained on this suite's datasets yet: "
            f"`manifoldbench run --track models --suite {suite}`."
        )
    if needs == "sharpness" and not measured:
        return (
            "The label sharpness of the training images has not been measured yet: "
            f"`manifoldbench reproduce konz2024 --suite {suite} --measure-sharpness` where the datasets are."
        )
    least = {"plane": 2, "scaling-law": 3}.get(claim, 1)
    if needs == "trainings" and len(sizes) < least:
        return (
            f"It takes results at {least} numbers of training images, and there are {len(sizes)} (N = "
            f"{', '.join(map(str, sizes))}): `manifoldbench run --track models --suite learning-curves` gives several, "
            "and so do the protocols v1 and konz2024."
        )
    return ""
