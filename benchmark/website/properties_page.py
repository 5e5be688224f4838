"""The page of the properties: the dimension of a model's layers, and how fast the labels of images change."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.findings.sharpness import FOLDER as SHARPNESS
from benchmark.findings.sharpness import RELEASED_CALLS, TaskSharpness, load_sharpness
from benchmark.sharpness import GREY_LEVELS, RELEASED_BATCH
from benchmark.training.layers import LayerEstimate, Representations, iter_representations
from benchmark.website.columns import DIMENSION, TASK
from benchmark.website.scales import Scale
from benchmark.website.tables import Column, Record, Table
from benchmark.website.text import clean, count, fixed, slug

FIGURE_WIDTH, FIGURE_HEIGHT = 520.0, 190.0
"""Of the part of the drawing between its axes."""
MOST_LABELS = 26
"""Layers that are named below the drawing; of more, every second, third and so on."""
MOST_STEPS = 6
"""Between the lines of the drawing that mark a dimension."""
SAME = 6
"""Decimals to which two estimators agree at every layer where they share a line."""
SCALED = 1e4
"""Ratios are shown in 10⁻⁴, as the paper does."""

Estimates = Mapping[tuple[str, str], LayerEstimate]
"""Layer and estimator -> what it says."""


@dataclass(frozen=True, slots=True)
class LayerLine:
    """What one estimator says of the layers, or several that say the same."""

    name: str
    points: tuple[tuple[float, float], ...]
    """Places, in units of the drawing."""
    values: tuple[tuple[str, float], ...]
    """Layer and dimension, as they are read out."""


@dataclass(frozen=True, slots=True)
class LayerFigure:
    """The dimension by depth; places in units of the drawing."""

    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[LayerLine, ...]


@dataclass(frozen=True, slots=True)
class LayersPart:
    """One model, trained once on one task."""

    id: str
    title: str
    submission: str
    dataset: str
    name: str
    """Of the dataset, for people."""
    task: str
    protocol: str
    seed: int
    images: int
    accuracy: float
    command: str
    failures: tuple[tuple[str, str, str, str], ...]
    """Layer, estimator, status, reason."""
    table: Table
    figure: LayerFigure | None
    """None without an answer."""


@dataclass(frozen=True, slots=True)
class SharpnessPart:
    """The label sharpness of the training images of one suite."""

    suite: str
    command: str
    released: tuple[tuple[int, int, float], ...]
    """N, pairs that the released code looks at, percent of its calls that answer infinity."""
    calls: int
    """Of the authors' earlier code, whose median is shown."""
    table: Table


@dataclass(frozen=True, slots=True)
class PropertiesPage:
    """What is known of models' layers and of images with their labels."""

    layers: tuple[LayersPart, ...]
    sharpness: tuple[SharpnessPart, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table of the page."""
        return (*(part.table for part in self.layers), *(part.table for part in self.sharpness))

    @property
    def datasets(self) -> frozenset[str]:
        """Ids of all datasets that the page links to."""
        rows = {row["dataset"] for part in self.sharpness for row in part.table.records}
        return frozenset(rows | {part.dataset for part in self.layers})


def make_properties(results: Path, names: Mapping[str, str]) -> PropertiesPage | None:
    """The page of what lies below `results`; None if nothing of it was measured.

    names: those of the datasets, by id. Raises UserError for a file that cannot be read.
    """
    layers = tuple(_layers_part(content, names) for content in iter_representations(results))
    suites = sorted(path.stem for path in (results / SHARPNESS).glob("*.json"))
    sharpness = tuple(part for suite in suites if (part := _sharpness_part(results, suite)))
    return PropertiesPage(layers, sharpness) if layers or sharpness else None


def _layers_part(content: Representations, names: Mapping[str, str]) -> LayersPart:
    name = names.get(content.dataset, content.dataset)
    labels = _labels_of(content)
    place = slug(f"{content.submission}-{content.task}".replace(":", "-").replace("@", "-").replace("=", ""))
    title = f"{content.submission} on {name}" + (f", labels {labels}" if labels else "")
    estimates = {(each.layer, each.estimator): each for each in content.estimates}
    estimators = list(dict.fromkeys(each.estimator for each in content.estimates))
    return LayersPart(
        id=place,
        title=title,
        submission=content.submission,
        dataset=content.dataset,
        name=name,
        task=content.task,
        protocol=content.protocol,
        seed=content.seed,
        images=content.images,
        accuracy=content.accuracy,
        command=_represent_command(content, estimators),
        failures=tuple(
            (each.layer, each.estimator, each.status, each.reason)
            for each in content.estimates
            if each.dimension is None
        ),
        table=Table(
            f"layers-{place}",
            f"Dimension of the outputs of each layer by estimator, {title}.",
            f"properties/{place}",
            (
                Column("layer", "Layer", "heading"),
                Column("n", "Images", "number", "", count),
                *(Column(each, each, "noted", "", DIMENSION) for each in estimators),
            ),
            tuple(_layer_record(layer, estimators, estimates) for layer in content.layers),
            content.model_dump(mode="json", exclude={"schema_version", "layers", "estimates", "provenance"}),
        ),
        figure=_figure(content.layers, estimators, estimates),
    )


def _corrected(estimate: LayerEstimate) -> float | None:
    """The value without its known constant bias; as answered where none is known."""
    return estimate.dimension and estimate.dimension * (estimate.correction or 1.0)


def _layer_record(layer: str, estimators: Sequence[str], estimates: Estimates) -> Record:
    own = {name: estimates[layer, name] for name in estimators}
    some = next(iter(own.values()))
    record: dict[str, Any] = {"layer": clean(layer), "n": some.n, "duplicates": some.duplicates}
    for name, estimate in own.items():
        corrected = _corrected(estimate)
        record[name] = estimate.dimension
        record[f"{name} corrected"] = corrected
        record[f"{name} status"] = estimate.status
        record[f"{name} reason"] = clean(estimate.reason)
        changed = estimate.correction is not None and corrected is not None
        record[f"{name}_note"] = (
            estimate.status if estimate.dimension is None else f"{DIMENSION(corrected)} corrected" if changed else ""
        )
    return record


def _figure(layers: Sequence[str], estimators: Sequence[str], estimates: Estimates) -> LayerFigure | None:
    sharing: dict[tuple[float | None, ...], list[str]] = {}
    for name in estimators:
        values = (_corrected(estimates[layer, name]) for layer in layers)
        sharing.setdefault(tuple(value and round(value, SAME) for value in values), []).append(name)
    answered = {values: names for values, names in sharing.items() if any(values)}
    if not answered:
        return None
    scale = _scale(max(value for values in answered for value in values if value))
    pitch = FIGURE_WIDTH / max(1, len(layers) - 1)

    def down(value: float) -> float:
        return round(FIGURE_HEIGHT * (1 - scale.place(value) / 100), 1)

    return LayerFigure(
        x_ticks=tuple(
            (round(pitch * index, 1), layers[index])
            for index in range(0, len(layers), math.ceil(len(layers) / MOST_LABELS))
        ),
        y_ticks=tuple((down(tick), f"{tick:g}") for tick in scale.ticks),
        lines=tuple(
            LayerLine(
                name=", ".join(names),
                points=tuple(
                    (round(pitch * index, 1), down(value)) for index, value in enumerate(values) if value is not None
                ),
                values=tuple((layer, value) for layer, value in zip(layers, values, strict=True) if value is not None),
            )
            for values, names in answered.items()
        ),
    )


def _scale(top: float) -> Scale:
    """From 0, with all values on it: none of a curve may lie at the edge (`linear_scale` lets one that is far off)."""
    steps = (mantissa * 10.0**power for power in range(-3, 7) for mantissa in (1, 2, 5))
    step = next(step for step in steps if top <= MOST_STEPS * step)
    number = math.ceil(top / step)
    return Scale(0.0, number * step, tuple(step * tick for tick in range(number + 1)))


def _labels_of(content: Representations) -> str:
    """The labels in a task's name `dataset:labels@N=500`; empty for a dataset's own two classes."""
    return content.task.partition("@")[0].partition(":")[2]


def _represent_command(content: Representations, estimators: Sequence[str]) -> str:
    labels = re.sub(r"\d+-classes", "whole", _labels_of(content))
    epochs = re.search(r"training\.epochs = (\d+)", content.protocol)
    protocol = f"--protocol {content.protocol.partition(' (')[0]}" + (f" --epochs {epochs[1]}" if epochs else "")
    return " \\\n    ".join(
        (
            f"manifoldbench represent {content.submission} --dataset {content.dataset}"
            + (f" --labels {labels}" if labels else ""),
            f"{protocol} --images {content.images}",
            f"--estimators {','.join(estimators)}",
        )
    )


def _ratio(value: Any) -> str:
    """A ratio in 10⁻⁴; one that is infinite is a word."""
    return value if isinstance(value, str) else fixed(2)(value if value is None else SCALED * value)


SHARPNESS_COLUMNS: tuple[Column, ...] = (
    TASK,
    Column("domain", "Domain"),
    Column("sharpness", "Label sharpness", "noted", "10⁻⁴", _ratio),
    Column("quantile_99", "99\u00a0% quantile", "number", "10⁻⁴", _ratio),
    Column("nearest_50", "Median of nearest", "number", "10⁻⁴", _ratio),
    Column("earlier_released", "Authors’ code", "number", "10⁻⁴", _ratio),
    Column("on_unit_scale", "Pixels of 0 to 1", "number", "", fixed(3)),
    Column("train", "Images", "number", "", count),
    Column("size", "Size", show=lambda size: str(size).replace(" ", "\u00a0")),
    Column("pairs", "Pairs", "number", "", count),
    Column("differing", "of two labels", "number", "", count),
)
PROTOCOL = Column("protocol", "Protocol")


def _sharpness_part(results: Path, suite: str) -> SharpnessPart | None:
    tasks = [task for group in load_sharpness(results, suite) for task in group.tasks]
    if not tasks:
        return None
    several = len({task.protocol for task in tasks}) > 1
    tasks.sort(key=lambda task: (task.domain, task.task, task.protocol))
    numbers = sorted({task.train for task in tasks if task.train % RELEASED_BATCH == 0})
    return SharpnessPart(
        suite=suite,
        command=f"manifoldbench reproduce konz2024 --suite {suite} --measure-sharpness",
        released=tuple((n, n * n // RELEASED_BATCH, -100 * math.expm1(-n / RELEASED_BATCH)) for n in numbers),
        calls=RELEASED_CALLS,
        table=Table(
            f"sharpness-{slug(suite)}",
            f"Label sharpness of the training images of suite {suite}, over all pairs, of pixels of 0 to 255 but "
            "for one column.",
            f"properties/sharpness-{slug(suite)}",
            (SHARPNESS_COLUMNS[0], PROTOCOL, *SHARPNESS_COLUMNS[1:]) if several else SHARPNESS_COLUMNS,
            tuple(map(_sharpness_record, tasks)),
            {"suite": suite},
        ),
    )


def _sharpness_record(task: TaskSharpness) -> Record:
    infinite = task.infinite > 0
    other = f"; otherwise {_ratio(task.maximum)}" if task.maximum is not None else ""
    return {
        **task.model_dump(mode="json"),
        "size": f"{task.image_size} × {task.image_size} × {task.channels}",
        "sharpness": "infinite" if infinite else task.maximum,
        "sharpness_note": f"{count(task.infinite)} identical pair{'s' if task.infinite > 1 else ''}{other}"
        if infinite
        else "",
        "on_unit_scale": task.maximum and task.maximum * GREY_LEVELS,
    }
