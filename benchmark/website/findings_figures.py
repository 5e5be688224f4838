"""The drawings of the findings: where every dot, line and label lies. No markup."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmark.findings.claims import DOMAINS
from benchmark.findings.published import FITS, MICCAI, PAPERS, SOURCES
from benchmark.findings.report import reference
from benchmark.findings.retest import Retest
from benchmark.findings.summary import plain
from benchmark.findings.trainings import MEAN
from benchmark.website.scales import Scale, log_scale

LABEL_HEIGHT, LETTER_WIDTH = 11.0, 5.6
"""Of a label in the drawing, in its units: what a letter takes on average."""
PANEL_WIDTH, PANEL_HEIGHT = 340.0, 260.0


@dataclass(frozen=True, slots=True)
class Dot:
    """One dataset on a strip."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Strip:
    """The datasets of one domain."""

    domain: str
    dots: tuple[Dot, ...]
    median: float


@dataclass(frozen=True, slots=True)
class StripGroup:
    """Two strips to be compared: one source of dimensions."""

    title: str
    strips: tuple[Strip, ...]

    @property
    def size(self) -> int:
        """Strips."""
        return len(self.strips)


@dataclass(frozen=True, slots=True)
class StripFigure:
    """Dimensions by domain: as published, and here."""

    scale: Scale
    groups: tuple[StripGroup, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One dataset in a panel; places in units of the drawing."""

    name: str
    domain: str
    dimension: float
    accuracy: float
    x: float
    y: float
    label: tuple[float, float, str] | None
    """Place and anchor of the name; None where there is no room."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Accuracy against dimension."""

    title: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    points: tuple[Point, ...]
    lines: tuple[tuple[str, float, float, float, float], ...]
    """Domain, and both ends."""


def strip_figure(retest: Retest, names: Mapping[str, str]) -> StripFigure:
    """Both papers' dimensions, then those of the reference estimator and of the one that leads the board.

    names: dataset -> name for people.
    """
    groups = [
        _group(PAPERS[paper].venue, [(each.name, each.domain, each.dimension) for each in source.datasets])
        for paper, source in SOURCES.items()
    ]
    shown = dict.fromkeys([reference(retest), *retest.estimators[:1]])
    for estimator in shown:
        values = retest.dimensions_by(estimator)
        own = [(names[name], retest.datasets[name].domain, value) for name, value in values.items()]
        groups.append(_group(f"{estimator}, here", own))
    every = [dot.value for group in groups for strip in group.strips for dot in strip.dots]
    return StripFigure(log_scale(every), tuple(group for group in groups if group.strips))


def panels(retest: Retest, names: Mapping[str, str]) -> tuple[Panel, ...]:
    """Accuracy against dimension as MICCAI 2022 published it, and here where models were trained."""
    published = [
        (each.name, each.domain, each.dimension, each.accuracy) for each in MICCAI.datasets if each.accuracy is not None
    ]
    lines = {}
    for domain in FITS:
        fit = MICCAI.line(domain)
        lines[str(domain)] = (fit.intercept, fit.slope.value)
    made = [_panel("Published: MICCAI 2022", published, lines)]
    findings = [f for f in plain(retest.of("accuracy-falls")) if f.setting.measuring]
    own = [f for f in findings if f.setting.measuring and f.setting.measuring.estimator == reference(retest)]
    given = next((d for d in retest.dimensions if own and d.measuring == own[0].setting.measuring), None)
    training = next(
        (
            each
            for each in retest.trainings
            if own and (each.protocol, each.train, each.model) == (own[0].setting.protocol, own[0].setting.train, MEAN)
        ),
        None,
    )
    if given and training:
        both = [
            (names[name], retest.datasets[name].domain, given.values[name], training.accuracy[name])
            for name in given.values
            if name in training.accuracy and retest.datasets[name].domain in DOMAINS
        ]
        lines = {
            f.setting.domain: (f.numbers["intercept"], f.effect.value)
            for f in own
            if f.verdict != "not enough datasets" and math.isfinite(f.effect.value)
        }
        if both:
            title = f"Here: {given.measuring.estimator}, protocol {training.protocol}, N = {training.train}"
            made.append(_panel(title, both, lines))
    return tuple(made)


def _group(title: str, values: Sequence[tuple[str, str, float]]) -> StripGroup:
    strips = []
    for domain in reversed(DOMAINS):
        dots = tuple(Dot(name, value) for name, of, value in values if of == domain)
        if dots:
            strips.append(Strip(domain, dots, median(dot.value for dot in dots)))
    return StripGroup(title, tuple(strips))


def _panel(
    title: str, values: Sequence[tuple[str, str, float, float]], lines: Mapping[str, tuple[float, float]]
) -> Panel:
    widest = 10.0 * (1 + max(value for _, _, value, _ in values) // 10)
    lowest = min(90.0, 10.0 * (min(value for *_, value in values) // 10))

    def across(dimension: float) -> float:
        return round(PANEL_WIDTH * dimension / widest, 1)

    def down(accuracy: float) -> float:
        return round(PANEL_HEIGHT * (100 - accuracy) / (100 - lowest), 1)

    places = [(across(dimension), down(accuracy)) for _, _, dimension, accuracy in values]
    labels = _labels([name for name, *_ in values], places)
    ends = []
    for domain, (intercept, slope) in lines.items():
        own = [dimension for _, of, dimension, _ in values if of == domain]
        start, stop = min(own), max(own)
        heights = [min(100.0, max(lowest, intercept + slope * each)) for each in (start, stop)]
        ends.append((domain, across(start), down(heights[0]), across(stop), down(heights[1])))
    step = 5 if widest <= 30 else 10
    rise = 10 if 100 - lowest <= 60 else 20
    return Panel(
        title=title,
        x_ticks=tuple((across(tick), str(tick)) for tick in range(0, int(widest) + 1, step)),
        y_ticks=tuple((down(tick), str(tick)) for tick in range(int(lowest), 101, rise)),
        points=tuple(Point(*value, *place, label) for value, place, label in zip(values, places, labels, strict=True)),
        lines=tuple(ends),
    )


def _labels(names: Sequence[str], places: Sequence[tuple[float, float]]) -> list[tuple[float, float, str] | None]:
    """A place for each name beside its dot that crosses no other name and no dot, where there is one."""
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in places]
    found: list[tuple[float, float, str] | None] = []
    for name, (x, y) in zip(names, places, strict=True):
        width = LETTER_WIDTH * len(name)
        tries = [
            (x + (9 if anchor == "start" else -9), y + 4 + shift, anchor)
            for shift in (0, -9, 9, -15, 15)
            for anchor in ("start", "end")
        ]
        chosen = None
        for left, baseline, anchor in tries:
            start = left if anchor == "start" else left - width
            box = (start, baseline - LABEL_HEIGHT + 2, start + width, baseline + 2)
            inside = box[0] >= 0 and box[2] <= PANEL_WIDTH + 30 and box[1] >= -8
            if inside and not any(_cross(box, other) for other in taken):
                chosen = (round(left, 1), round(baseline, 1), anchor)
                taken.append(box)
                break
        found.append(chosen)
    return found


def _cross(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
