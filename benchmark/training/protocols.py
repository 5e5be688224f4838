"""Protocols: frozen, versioned recipes by which every model is trained, one TOML file each beside this module."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.errors import UserError
from benchmark.hashing import sha256_of
from benchmark.training.corrections import CORRECTIONS
from benchmark.validation import describe_validation_error

FOLDER = Path(__file__).parent / "protocols"
MAX_PARAMETERS = 200_000_000
"""A model with more is refused; VGG-19, the largest of the papers, has 144 million."""

Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0.0)]
Ascending = Annotated[list[Count], Field(min_length=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TaskWanted(_Frozen):
    """A dataset that models are trained on."""

    dataset: str
    """Id of a card."""
    labels: str = "classes"
    """`classes` for the dataset's own (of many classes, as the protocol says: pairs or whole), `whole` for all of them
    together, two numbers such as `3-8` for one pair, or the name of a labelling of `benchmark.training.labels`."""
    train: Ascending | None = None
    """Which of the protocol's numbers of training images; None for all."""
    pairs: Count | None = None
    """How many pairs of classes; None for the protocol's."""


class TrainingBlock(_Frozen):
    """Trainings that a suite asks for."""

    protocol: str
    overrides: dict[str, Any] = {}
    """Dotted keys of the protocol, such as "training.epochs" = 3: what comes out has a title and a hash of its own."""
    title: str = ""
    """Name of what comes out, the protocol's name and more words, in place of the list of overrides."""
    tasks: list[TaskWanted]

    @model_validator(mode="after")
    def _title_names_the_protocol(self) -> Self:
        if self.title and not (self.overrides and self.title.startswith(f"{self.protocol} ")):
            raise ValueError(f"title is for overrides, and begins with the protocol: {self.protocol} with ...")
        return self


class Data(_Frozen):
    """Which images are trained on and tested."""

    train: Ascending
    """Numbers of training images, ascending."""
    test: Count
    """Test images; fewer, down to `least_test`, where a dataset has not so many."""
    least_test: Count
    validation: Count
    """Validation images: the epoch is chosen and the attacks are made on them, never on the test images."""
    least_validation: Count
    balanced: Literal["exactly", "nearest"]
    """Class counts: `exactly` equal (they differ by one where they must), or as `nearest` to it as the images allow, a
    rare class giving all it has."""
    nested: bool
    """Training sets are prefixes of one list, and one test set serves them all; otherwise each is drawn anew."""
    split: Literal["patient", "image"]
    """What stays on one side; by patient wherever the card tells patients apart."""
    copies: Literal["removed", "kept"]
    labels: Literal["matched", "truncated"] = "matched"
    """`truncated` repeats the published code on natural sets: the list of labels is balanced, the images are not."""
    size: Count | Literal["native"]
    """Pixels a side."""
    largest: Count | None = None
    """A native size above it is reduced to it."""
    channels: Literal[1, 3, "native"] = "native"
    scaling: Literal["none", "image-max"] = "none"
    multi_class: Literal["pairs", "whole"]
    pairs: Count
    """How many pairs of classes are drawn where `multi_class` is `pairs`."""
    seed: int
    """Draws images and pairs. One division serves all runs: their seeds vary initialisation and order alone."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.train != sorted(set(self.train)):
            raise ValueError(f"train must be ascending numbers, not {self.train}")
        for name, least, most in (
            ("test", self.least_test, self.test),
            ("validation", self.least_validation, self.validation),
        ):
            if least > most:
                raise ValueError(f"least_{name} must be at most {name} ({most}), not {least}")
        if self.labels == "truncated" and (self.nested or self.split == "patient" or self.copies == "removed"):
            raise ValueError('labels = "truncated" needs nested = false, split = "image" and copies = "kept"')
        return self


class ModelSettings(_Frozen):
    """What a protocol sets for one model, by the name of its submission."""

    batch_size: Count | None = None
    learning_rate: Rate | None = None


class Training(_Frozen):
    """How a model is trained."""

    epochs: Count
    batch_size: Count
    optimizer: Literal["adam", "adamw", "sgd"]
    weight_decay: float = Field(ge=0.0)
    schedule: Literal["constant", "cosine"]
    precision: Literal["float32", "bfloat16"]
    """`bfloat16`: autocast in forward and loss, weights in float32."""
    inputs: Literal["raw", "standardised"]
    """`raw`: 0..255. `standardised`: less mean, by standard deviation, of the training images, for each channel."""
    head: Literal["classes", "thousand"] = "classes"
    """`thousand`: the loss is over 1,000 logits whatever the number of classes, as published."""
    learning_rates: Annotated[list[Rate], Field(min_length=1)]
    """Those that a submission may choose from."""
    learning_rate: Rate
    """For a submission that chooses none and has no entry in `models`."""
    evaluate_every: Count
    """Test and validation images are scored after each so many epochs, and after the last."""
    drop_last: bool = False
    """Leave out a last batch that is not full."""
    representations: int = Field(0, ge=0)
    """Return each layer's outputs for so many training images; 0 for none."""
    max_parameters: Count = MAX_PARAMETERS
    models: dict[str, ModelSettings] = {}

    @model_validator(mode="after")
    def _offers_what_it_uses(self) -> Self:
        used = [self.learning_rate, *(each.learning_rate for each in self.models.values() if each.learning_rate)]
        missing = [rate for rate in used if rate not in self.learning_rates]
        if missing:
            raise ValueError(f"learning_rates must hold {missing[0]:g}, which is used")
        return self


class Attack(_Frozen):
    """An attack on the validation images with their own labels; lengths in grey levels of 0..255."""

    name: Literal["fgsm", "pgd"]
    epsilon: Rate
    """No value changes by more."""
    steps: Count
    step_size: Rate


class Budget(_Frozen):
    """What one training may use, scoring and attacks included."""

    wall_seconds: Rate
    cpu_seconds: Rate
    memory_gib: Rate


class ProtocolFile(_Frozen):
    """The content of a protocol's TOML file."""

    version: str
    description: str
    seeds: Annotated[list[int], Field(min_length=1)]
    """One run each: they vary initialisation and the order of the images."""
    data: Data
    training: Training
    attacks: list[Attack] = []
    budget: Budget

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        for what, names in (("seeds", self.seeds), ("names of attacks", [attack.name for attack in self.attacks])):
            if len(set(names)) < len(names):
                raise ValueError(f"{what} must differ")
        return self


@dataclass(frozen=True)
class Protocol:
    """A protocol as read: its name, what was overridden, and the content that follows."""

    name: str
    content: ProtocolFile
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Only those that change something."""
    given_title: str = ""

    @property
    def title(self) -> str:
        """Name for people: the given one, or `konz2024 (training.epochs = 3)`."""
        if self.given_title and self.overrides:
            return self.given_title
        changes = ", ".join(f"{key} = {_spelled(value)}" for key, value in sorted(self.overrides.items()))
        return f"{self.name} ({changes})" if changes else self.name

    @cached_property
    def sha256(self) -> str:
        """Hash of all that determines results: those of different hashes are never in one mean."""
        return sha256_of(self.content.model_dump(mode="json", exclude={"description"}))

    @property
    def corrections(self) -> tuple[str, ...]:
        """Names of the corrections of the published code that are on (`benchmark.training.corrections`)."""
        content = self.content.model_dump(mode="json")
        return tuple(name for name, correction in CORRECTIONS.items() if correction.is_on(content))

    def recipe(self, submission_name: str, learning_rate: float | None = None) -> dict[str, Any]:
        """What the trainer is told, as plain JSON.

        submission_name: looked up among the protocol's `models`. learning_rate: the submission's choice; None for the
        protocol's.
        Raises UserError for a learning rate that the protocol does not offer.
        """
        training = self.content.training
        own = training.models.get(submission_name, ModelSettings())
        if learning_rate is not None and learning_rate not in training.learning_rates:
            offered = ", ".join(f"{rate:g}" for rate in training.learning_rates)
            raise UserError(
                f"{submission_name}: learning_rate must be one that protocol {self.title} offers ({offered}), "
                f"not {learning_rate:g}."
            )
        taken = ("epochs", "optimizer", "weight_decay", "schedule", "precision", "inputs", "head")
        rest = ("representations", "max_parameters", "drop_last")
        every = range(training.evaluate_every, training.epochs, training.evaluate_every)
        return {
            **training.model_dump(mode="json", include={*taken, *rest}),
            "batch_size": own.batch_size or training.batch_size,
            "learning_rate": learning_rate or own.learning_rate or training.learning_rate,
            "evaluate": [*every, training.epochs],
            "attacks": [attack.model_dump(mode="json") for attack in self.content.attacks],
        }


def protocol_names() -> tuple[str, ...]:
    """Names of the protocols that exist."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_protocol(name: str, overrides: Mapping[str, Any] | None = None, title: str = "") -> Protocol:
    """Read a protocol by name, with dotted keys changed: {"training.epochs": 3}.

    title: of the changed one.

    Raises UserError for an unknown name, an unknown key, and a value that is not allowed.
    """
    if name not in protocol_names():
        raise UserError(f'There is no protocol "{name}": give {", ".join(protocol_names())}.')
    path = FOLDER / f"{name}.toml"
    text = path.read_text(encoding="utf-8")
    base = _validated(path, text, {})
    content = _validated(path, text, overrides or {})
    before, after = base.model_dump(mode="json"), content.model_dump(mode="json")
    # What repeats the file changes nothing, so it is not in the title.
    changed = {key: value for key, value in (overrides or {}).items() if _at(before, key) != _at(after, key)}
    return Protocol(name, content, changed, title)


def _validated(path: Path, text: str, overrides: Mapping[str, Any]) -> ProtocolFile:
    table = tomllib.loads(text)
    for key, value in overrides.items():
        *tables, last = key.split(".")
        place = table
        for name in tables:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise UserError(f"{path}: there is no key {key} to override: {name} is no table.")
        place[last] = value
    try:
        return ProtocolFile.model_validate(table)
    except ValidationError as error:
        raise UserError(describe_validation_error(path, error, ProtocolFile)) from None


def _at(table: Any, key: str) -> Any:
    """The value at a dotted key; None where there is none."""
    for name in key.split("."):
        table = table.get(name) if isinstance(table, dict) else None
    return table


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
