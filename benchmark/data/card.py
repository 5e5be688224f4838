"""Dataset cards: `datasets/<id>/dataset.toml`, one file that says everything about a dataset."""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.errors import UserError
from benchmark.paths import datasets_root
from benchmark.validation import describe_validation_error

CARD = "dataset.toml"

Domain = Literal["radiology", "medical", "natural", "synthetic"]
LoaderName = Literal["medmnist", "torchvision", "images", "digits"]


DIGITS = {"md5": 32, "sha256": 64}
"""Length of a checksum in hex digits."""

Positive = Annotated[int, Field(ge=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Options(_Frozen):
    """What a loader needs to know beside the card: each loader has a class of its own."""


class Checksum(_Frozen):
    """What a raw file should be."""

    file: str
    """Path below the data folder."""
    algorithm: Literal["md5", "sha256"]
    value: str = Field(pattern=r"^[0-9a-f]{32}([0-9a-f]{32})?$")
    """Hex digest."""
    note: str = "official"
    """Whose copy this is: `official`, or what another known copy is."""

    @model_validator(mode="after")
    def _has_the_length_of_its_algorithm(self) -> Self:
        if len(self.value) != DIGITS[self.algorithm]:
            raise ValueError(f"{self.algorithm} has {DIGITS[self.algorithm]} hex digits, not {len(self.value)}")
        return self


class Task(_Frozen):
    """Something that can be predicted from the images."""

    name: str
    kind: Literal["binary", "multi-class", "multi-label", "ordinal"]
    note: str = ""
    """Which labels are meant, where that is not plain."""


class Card(_Frozen):
    """The content of a card."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Equals the name of the card's folder."""
    name: str
    """As its authors write it."""
    domain: Domain
    """Of the images, not of their use: `medical` is medical but not radiology."""
    modality: str
    """How the images were made."""
    loader: LoaderName
    """Which module of `benchmark.data.loaders` reads it."""
    options: dict[str, Any] = {}
    """For the loader: its own `Options` says which."""
    source: str
    """Where it comes from: an address, or how to ask for it."""
    licence: str
    citation: str
    checksums: list[Checksum] = []
    channels: Literal[1, 3]
    classes: list[str] = Field(min_length=1)
    """Names in the order of the labels; for multi-label sets, of the columns."""
    sizes: list[Positive] = Field(min_length=1)
    """Image sizes that can be read, in pixels a side; the first is the default."""
    splits: dict[str, Positive] = Field(min_length=1)
    """Name of each split and its number of images as published; other counts are refused."""
    tasks: list[Task] = []
    groups: str = "unknown"
    """How images of one patient are told apart; `unknown` if they cannot be."""
    get: str = ""
    """Steps to get the raw files by hand, where no downloader can."""
    traps: list[str] = []
    """What to know before believing a number."""


def all_cards() -> dict[str, Card]:
    """Every card by id, in order of id.

    Raises UserError, naming file and field, for a card that is wrong.
    """
    return {path.parent.name: _read(path) for path in sorted(datasets_root().glob(f"*/{CARD}"))}


def load_card(dataset: str) -> Card:
    """The card of one dataset.

    Raises UserError for an unknown id, with near misses, and for a card that is wrong.
    """
    root = datasets_root()
    known = sorted(found.parent.name for found in root.glob(f"*/{CARD}"))
    if dataset in known:
        return _read(root / dataset / CARD)
    if not known:
        raise UserError(f"{root} holds no dataset cards: set MANIFOLDBENCH_DATASETS to the folder that does.")
    near = difflib.get_close_matches(dataset, known, n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise UserError(f'There is no dataset "{dataset}".{hint} Known: {", ".join(known)}.')


LoaderOptions = TypeVar("LoaderOptions", bound=Options)


def options_of(card: Card, model: type[LoaderOptions]) -> LoaderOptions:
    """The options of a card in the form of its loader. Raises UserError, naming card and field, if they are wrong."""
    try:
        return model.model_validate(card.options)
    except ValidationError as error:
        place = Path(f"{datasets_root() / card.id / CARD} [options]")
        raise UserError(describe_validation_error(place, error, model)) from None


def _read(path: Path) -> Card:
    try:
        card = Card.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}.") from None
    except ValidationError as error:
        raise UserError(describe_validation_error(path, error, Card)) from None
    if card.id != path.parent.name:
        raise UserError(f'{path}: id must be the name of its folder, "{path.parent.name}", not "{card.id}".')
    return card
