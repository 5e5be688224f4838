"""A claim in one setting: pure functions from one number a dataset to a finding."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmark.findings import fits
from benchmark.findings.claims import CLAIMS, DOMAINS, VERDICTS, Verdict
from benchmark.findings.dimensions import Dimensions, Measuring
from benchmark.findings.fits import Effect
from benchmark.findings.sharpness import Sharpness
from benchmark.findings.trainings import Training

NOT_ENOUGH = Effect(math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Setting:
    """In what setting a claim is re-tested; what a claim does not depend on is empty."""

    measuring: Measuring | None = None
    """How the dimensions were measured."""
    protocol: str = ""
    train: int | None = None
    """N of the trainings; None for all of the protocol's together."""
    model: str = ""
    domain: str = ""
    """Empty for a claim about both."""
    statistic: str = ""
    """Of the label sharpness."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim re-tested in one setting."""

    claim: str
    setting: Setting
    effect: Effect
    verdict: Verdict
    datasets: int
    """How many it stands on, or, where they are not enough, how many there are (of the domain that has fewer)."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """What else the fit gives."""


def judge(effect: Effect, sign: int) -> Verdict:
    """What an effect says of a claim that it has this sign. An effect that is not determined does not hold."""
    if not sign * effect.value > 0:
        return "does not hold"
    nearest = effect.low if sign > 0 else effect.high
    return "holds" if sign * nearest > 0 else "holds, interval includes zero"


def natural_higher(given: Dimensions, domains: Mapping[str, str]) -> Finding:
    """Claim `natural-higher`. domains: dataset -> domain."""
    return _shifted("natural-higher", Setting(given.measuring), given.values, domains, ("natural", "radiology"))


def sharper_radiology(given: Sharpness, statistic: str, domains: Mapping[str, str]) -> Finding:
    """Claim `sharper-radiology`, of one statistic of the label sharpness."""
    values = {dataset: 1e4 * value for dataset, value in given.values(statistic).items()}
    setting = Setting(protocol=given.protocol, train=given.train or None, statistic=statistic)
    return _shifted("sharper-radiology", setting, values, domains, ("radiology", "natural"))


def accuracy_lines(given: Dimensions, training: Training, domains: Mapping[str, str]) -> Iterator[Finding]:
    """Claims `accuracy-falls` and `loss-rises` in each domain, and `steeper-for-radiology`."""
    lines: list[fits.Line | None] = []
    for domain in DOMAINS:
        fitted, found = _line("accuracy-falls", given, training, training.accuracy, domains, domain)
        lines.append(fitted)
        yield found
    steep, flat = lines
    if steep is None or flat is None:
        fewest = min(len(_shared(given, training.accuracy, domains, domain)) for domain in DOMAINS)
        yield _untestable("steeper-for-radiology", _setting(given, training), fewest)
    else:
        effect = fits.slope_difference(steep, flat)
        yield _judged("steeper-for-radiology", _setting(given, training), effect, steep.n + flat.n)
    if training.log_loss or not training.accuracy:  # the best accuracy has no loss of its own
        for domain in DOMAINS:
            yield _line("loss-rises", given, training, training.log_loss, domains, domain)[1]


def plane_of(given: Dimensions, trainings: Sequence[Training], domains: Mapping[str, str], domain: str) -> Finding:
    """Claim `plane`. trainings: of one protocol and model, one for each N."""
    points = [
        (dataset, given.values[dataset], math.log(training.train), training.accuracy[dataset])
        for training in trainings
        for dataset in _shared(given, training.accuracy, domains, domain)
    ]
    times = Counter(point[0] for point in points)
    often = [dataset for dataset in times if times[dataset] > 1]
    setting = replace(_setting(given, trainings[0]), train=None, domain=domain)
    if len(often) < fits.LEAST_PLANE:
        return _untestable("plane", setting, len(often))
    names, x, y, z = zip(*(point for point in points if point[0] in often), strict=True)
    found = fits.plane(x, y, z, names)
    numbers = {
        "log_n": found.y.value,
        "log_n_low": found.y.low,
        "log_n_high": found.y.high,
        "r2": found.r2,
        "points": float(found.points),
    }
    verdict = max(judge(found.x, CLAIMS["plane"].sign), judge(found.y, 1), key=VERDICTS.index)
    return Finding("plane", setting, found.x, verdict, found.groups, numbers)


def loss_slopes(trainings: Sequence[Training]) -> dict[str, float]:
    """Dataset -> slope of the log test loss against log N, of those with enough N.

    trainings: of one protocol and model, one for each N.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    for training in trainings:
        for dataset, value in training.log_loss.items():
            points.setdefault(dataset, []).append((math.log(training.train), value))
    return {
        dataset: fits.line(*zip(*own, strict=True)).slope.value
        for dataset, own in points.items()
        if len(own) >= fits.LEAST_LINE
    }


def scaling_law(given: Dimensions, training: Training, falls: Mapping[str, float]) -> Finding:
    """Claim `scaling-law`, all domains together. falls: the `loss_slopes` of all N of the training's protocol."""
    both = [dataset for dataset in given.values if dataset in falls]
    slopes, laws = [falls[dataset] for dataset in both], [-1 / given.values[dataset] for dataset in both]
    setting = replace(_setting(given, training), train=None)
    if len(slopes) < fits.LEAST_LINE:
        return _untestable("scaling-law", setting, len(slopes))
    numbers = {"slope": float(np.mean(slopes)), "law": float(np.mean(laws))}
    if len(slopes) >= fits.LEAST_CORRELATION:
        numbers["rank_correlation"] = fits.rank_correlation(slopes, laws).value
    effect = fits.mean(np.subtract(slopes, laws))
    return _judged("scaling-law", setting, effect, len(slopes), numbers)


def sharpness_robustness(given: Sharpness, statistic: str, training: Training) -> Finding:
    """Claim `sharpness-robustness`: datasets of all domains, label sharpness of the images that were trained on."""
    values = given.values(statistic)
    both = sorted(values.keys() & training.loss_rise.keys())
    setting = replace(_setting(None, training), statistic=statistic)
    if len(both) < fits.LEAST_CORRELATION:
        return _untestable("sharpness-robustness", setting, len(both))
    effect = fits.rank_correlation([values[name] for name in both], [training.loss_rise[name] for name in both])
    return _judged("sharpness-robustness", setting, effect, len(both))


def _shifted(
    claim: str, setting: Setting, values: Mapping[str, float], domains: Mapping[str, str], names: tuple[str, str]
) -> Finding:
    """By how much the first of two domains lies above the second."""
    first, second = ([value for dataset, value in values.items() if domains[dataset] == name] for name in names)
    fewest = min(len(first), len(second))
    if fewest < fits.LEAST_GROUP:
        return _untestable(claim, setting, fewest)
    found = fits.shift(first, second)
    numbers = {
        "ratio": found.ratio.value,
        "ratio_low": found.ratio.low,
        "ratio_high": found.ratio.high,
        "p": found.p,
    }
    for place, name in enumerate(names):
        numbers |= {
            f"median_{name}": found.medians[place],
            f"mean_{name}": found.means[place],
            f"datasets_{name}": float(found.sizes[place]),
        }
    return _judged(claim, setting, found.difference, sum(found.sizes), numbers)


def _line(
    claim: str,
    given: Dimensions,
    training: Training,
    scores: Mapping[str, float],
    domains: Mapping[str, str],
    domain: str,
) -> tuple[fits.Line | None, Finding]:
    both = _shared(given, scores, domains, domain)
    setting = replace(_setting(given, training), domain=domain)
    if len(both) < fits.LEAST_LINE:
        return None, _untestable(claim, setting, len(both))
    found = fits.line([given.values[name] for name in both], [scores[name] for name in both])
    numbers = {"r2": found.r2, "intercept": found.intercept}
    return found, _judged(claim, setting, found.slope, found.n, numbers)


def _judged(
    claim: str, setting: Setting, effect: Effect, datasets: int, numbers: Mapping[str, float] | None = None
) -> Finding:
    return Finding(claim, setting, effect, judge(effect, CLAIMS[claim].sign), datasets, numbers or {})


def _untestable(claim: str, setting: Setting, datasets: int) -> Finding:
    return Finding(claim, setting, NOT_ENOUGH, "not enough datasets", datasets)


def _shared(given: Dimensions, scores: Mapping[str, float], domains: Mapping[str, str], domain: str) -> list[str]:
    """Datasets of a domain that have a dimension and a score."""
    return [name for name in given.values if name in scores and domains[name] == domain]


def _setting(given: Dimensions | None, training: Training) -> Setting:
    return Setting(given.measuring if given else None, training.protocol, training.train or None, training.model)
