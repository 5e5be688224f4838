"""Loaders: one module for each kind of source, all with the same functions.

* raw_files(card, root, size): the files that must be there, as paths below `root`
* load(card, root, split, size): the images of a split
* download(card, root, size): bring the raw files, or say in one sentence why not
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from benchmark.data.card import Card
from benchmark.data.images import Images
from benchmark.data.loaders import digits, images, medmnist, torchvision


class Loader(Protocol):
    """The functions that each module of this package has."""

    def raw_files(self, card: Card, root: Path, size: int) -> list[Path]:
        """The raw files of a dataset at one size."""
        ...

    def load(self, card: Card, root: Path, split: str, size: int) -> Images:
        """Read one split. Raises UserError, naming the file, for files that are damaged or not as the card says."""
        ...

    def download(self, card: Card, root: Path, size: int) -> None:
        """Bring the raw files. Raises UserError where they cannot be brought; no half file stays."""
        ...


LOADERS: Mapping[str, Loader] = {
    "digits": digits,
    "images": images,
    "medmnist": medmnist,
    "torchvision": torchvision,
}
