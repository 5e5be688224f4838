"""A protocol in words: every field of its file, for a reader who has not seen it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.training.board import ModelBoard
from benchmark.training.corrections import CORRECTIONS
from benchmark.training.protocols import Protocol, TrainingBlock, load_protocol, protocol_names
from benchmark.website.text import count

Fields = Mapping[str, Any]
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CorrectionText:
    """A correction of the published code."""

    name: str
    published: str
    here: str


@dataclass(frozen=True, slots=True)
class ProtocolText:
    """What the page of a board says of the protocol that it was trained by."""

    version: str
    description: str
    parts: tuple[tuple[str, Facts], ...]
    """Heading, and what stands below it: title and words."""
    on: tuple[CorrectionText, ...]
    off: tuple[CorrectionText, ...]


def protocol_of(board: ModelBoard, blocks: Sequence[TrainingBlock]) -> Protocol | None:
    """The protocol of a board's results, found by its hash among those of a suite and those that exist; None if none.

    blocks: what the suite asks. Raises UserError for a block with a protocol or an override that there is not.
    """
    asked = [load_protocol(block.protocol, block.overrides, block.title) for block in blocks]
    candidates = [*asked, *map(load_protocol, protocol_names())]
    return next((each for each in candidates if each.sha256 == board.protocol_sha256), None)


def protocol_text(protocol: Protocol) -> ProtocolText:
    """A protocol in words."""
    content = protocol.content.model_dump(mode="json")
    corrections = {name: CorrectionText(name, each.published, each.here) for name, each in CORRECTIONS.items()}
    return ProtocolText(
        version=protocol.content.version,
        description=" ".join(protocol.content.description.split()),
        parts=tuple(
            (heading, tuple((title, say(content[table])) for title, _, say in facts)) for heading, table, facts in PARTS
        ),
        on=tuple(text for name, text in corrections.items() if name in protocol.corrections),
        off=tuple(text for name, text in corrections.items() if name not in protocol.corrections),
    )


_Say = Callable[[Any], str]


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(map(count, values))


def _test(data: Fields) -> str:
    return _at_least(data["test"], data["least_test"])


def _validation(data: Fields) -> str:
    return f"{_at_least(data['validation'], data['least_validation'])}; they choose an epoch and are attacked"


def _at_least(wanted: int, least: int) -> str:
    if wanted == least:
        return f"{count(wanted)}; a dataset with fewer is left out"
    return f"{count(wanted)}, or as many as a dataset has; with fewer than {count(least)} it is left out"


def _size(data: Fields) -> str:
    if data["size"] != "native":
        return f"resized to {data['size']} pixels a side"
    reduced = f", larger ones reduced to {data['largest']} pixels a side" if data["largest"] else ""
    return f"as the dataset has them{reduced}"


def _classes(data: Fields) -> str:
    if data["multi_class"] == "whole":
        return f"all together (where pairs are asked for: {data['pairs']})"
    return f"{data['pairs']} pairs of classes, drawn by seed, unless a task asks for all together"


def _models(training: Fields) -> str:
    said = []
    for name, own in training["models"].items():
        batch = f"batches of {own['batch_size']}" if own["batch_size"] else ""
        rate = f"rate {own['learning_rate']:g}" if own["learning_rate"] else ""
        said.append(f"{name}: {', '.join(filter(None, (batch, rate)))}")
    return "; ".join(said) or "none"


def _attacks(attacks: Sequence[Fields]) -> str:
    said = [
        f"{each['name'].upper()}: no grey level of 0 to 255 changes by more than {each['epsilon']:g}; "
        f"{each['steps']} step{'' if each['steps'] == 1 else 's'} of {each['step_size']:g}"
        for each in attacks
    ]
    return ". ".join(said) or "none"


def _pick(key: str, **words: str) -> _Say:
    """The words for each value of a field."""
    return lambda fields: words[str(fields[key]).lower()]


DATA: tuple[tuple[str, tuple[str, ...], _Say], ...] = (
    ("Training images, N", ("train",), lambda data: _numbers(data["train"])),
    (
        "Training sets",
        ("nested",),
        _pick(
            "nested",
            true="each holds the smaller ones, and one test set serves all N",
            false="drawn anew for each N, the test images too",
        ),
    ),
    ("Test images", ("test", "least_test"), _test),
    ("Validation images", ("validation", "least_validation"), _validation),
    (
        "Balance",
        ("balanced",),
        _pick(
            "balanced",
            exactly="every class has the same number of images",
            nearest="as near to equal numbers as the images allow: a rare class gives all it has",
        ),
    ),
    (
        "Split",
        ("split",),
        _pick("split", patient="by patient wherever the files tell patients apart, else by image", image="by image"),
    ),
    (
        "Identical images",
        ("copies",),
        _pick("copies", removed="removed before the split, and counted", kept="kept"),
    ),
    (
        "Labels",
        ("labels",),
        _pick(
            "labels",
            matched="every image keeps its own",
            truncated="as in the published code: of natural sets the list of labels is balanced and the images are "
            "not, so that many labels are wrong",
        ),
    ),
    ("Size", ("size", "largest"), _size),
    (
        "Channels",
        ("channels",),
        lambda data: "as the dataset has them" if data["channels"] == "native" else f"{data['channels']}",
    ),
    (
        "Scaling of images",
        ("scaling",),
        lambda data: "none" if data["scaling"] == "none" else "each times 255 / its maximum, in whole numbers",
    ),
    ("More than two classes", ("multi_class", "pairs"), _classes),
    ("Seed of the choice", ("seed",), lambda data: f"{data['seed']}: one choice of images serves all runs"),
)

TRAINING: tuple[tuple[str, tuple[str, ...], _Say], ...] = (
    ("Epochs", ("epochs",), lambda training: count(training["epochs"])),
    (
        "Optimiser",
        ("optimizer", "weight_decay"),
        lambda training: (
            f"{ {'adam': 'Adam', 'adamw': 'AdamW', 'sgd': 'SGD'}[training['optimizer']] }, "
            f"weight decay {training['weight_decay']:g}"
        ),
    ),
    (
        "Learning rate",
        ("learning_rate", "learning_rates"),
        lambda training: (
            f"{training['learning_rate']:g}, or one that a submission chooses of "
            f"{', '.join(f'{rate:g}' for rate in training['learning_rates'])}"
        ),
    ),
    (
        "Schedule",
        ("schedule",),
        _pick("schedule", constant="the rate stays the same", cosine="the rate falls to zero along a cosine"),
    ),
    (
        "Batches",
        ("batch_size", "drop_last"),
        lambda training: (
            f"{training['batch_size']} images; a last one that is not full is "
            f"{'left out' if training['drop_last'] else 'used'}"
        ),
    ),
    ("Settings of single models", ("models",), _models),
    (
        "Precision",
        ("precision",),
        _pick("precision", float32="float32", bfloat16="bfloat16 in forward and loss, weights in float32"),
    ),
    (
        "Inputs",
        ("inputs",),
        _pick(
            "inputs",
            raw="grey levels of 0 to 255 as they are",
            standardised="less the mean, by the standard deviation, of the training images, for each channel",
        ),
    ),
    (
        "Output",
        ("head",),
        _pick("head", classes="one logit for each class", thousand="1,000 logits, as published"),
    ),
    (
        "Evaluated",
        ("evaluate_every",),
        lambda training: (
            "after every epoch"
            if training["evaluate_every"] == 1
            else f"after every {training['evaluate_every']} epochs, and after the last"
        ),
    ),
    (
        "Layers’ outputs kept",
        ("representations",),
        lambda training: f"of {count(training['representations'])} images" if training["representations"] else "none",
    ),
    ("Largest model", ("max_parameters",), lambda training: f"{count(training['max_parameters'])} parameters"),
)

BUDGET: tuple[tuple[str, tuple[str, ...], _Say], ...] = (
    ("Time of one run", ("wall_seconds",), lambda budget: f"{count(budget['wall_seconds'])} s"),
    ("Processor time", ("cpu_seconds",), lambda budget: f"{count(budget['cpu_seconds'])} s"),
    ("Memory", ("memory_gib",), lambda budget: f"{budget['memory_gib']:g} GiB"),
)

PARTS: tuple[tuple[str, str, tuple[tuple[str, tuple[str, ...], _Say], ...]], ...] = (
    ("Images", "data", DATA),
    ("Training", "training", TRAINING),
    ("Runs", "seeds", (("Seeds", (), lambda seeds: f"{_numbers(seeds)}: one run each, of other weights and order"),)),
    ("Attacks", "attacks", (("On validation images", (), _attacks),)),
    ("Budget", "budget", BUDGET),
)
"""Heading, table of the file, and for each of its fields a title, the keys that are said, and the words."""
