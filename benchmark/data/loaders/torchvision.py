"""Datasets of torchvision, read and downloaded by its own classes.

Options of a card:
* class: name in torchvision.datasets
* files: paths below `torchvision/` that must be there
* address: where its downloader goes (only to see within seconds whether it can be reached)
* arguments: for each split, the keyword arguments that select it
* labels: `targets` (default), `labels`, or `attr:<name>` for a CelebA attribute
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.card import Card
from benchmark.data.images import Images, checked_images
from benchmark.data.loaders.fetch import fetched
from benchmark.errors import UserError


def raw_files(card: Card, root: Path, size: int) -> list[Path]:
    """The files that the card names, the same for all sizes."""
    return [root / "torchvision" / name for name in card.options["files"]]


def load(card: Card, root: Path, split: str, size: int) -> Images:
    """Pixels and labels of a split; sets that are stored as files are resized to `size` when they are read."""
    folder = root / "torchvision"
    try:
        dataset = _class(card)(root=str(folder), **card.options["arguments"][split])
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise UserError(f"{folder}: {card.id} cannot be read: {' '.join(str(error).split())}.") from None
    if hasattr(dataset, "data"):
        pixels = np.asarray(dataset.data)
        labels = np.asarray(getattr(dataset, "targets", getattr(dataset, "labels", None)))
        if pixels.ndim == 4 and pixels.shape[1] == 3:  # SVHN and STL10 are [n, C, H, W]
            pixels = pixels.transpose(0, 2, 3, 1)
        return checked_images(np.ascontiguousarray(pixels), labels, None, f"{folder} ({card.id})")
    pixels, labels = _read_files(dataset, card, size)
    return checked_images(pixels, labels, None, f"{folder} ({card.id})")


def download(card: Card, root: Path, size: int) -> None:
    """Through the class's own downloader, which checks the MD5; sets without one raise UserError with the steps."""
    if card.get:
        raise UserError(f"{card.id} has no downloader: {card.get}")
    with fetched(root / "torchvision", card.id, card.options["address"]) as folder:
        for arguments in card.options["arguments"].values():
            _class(card)(root=str(folder), download=True, **arguments)


def _class(card: Card) -> Any:
    from torchvision import datasets  # imports torch: not at start-up

    return getattr(datasets, card.options["class"])


def _read_files(dataset: Any, card: Card, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images of a dataset that yields (PIL image, target) one by one: shorter side to `size`, centre cut."""
    from torchvision.transforms import v2

    transform = v2.Compose([v2.Resize(size, antialias=True), v2.CenterCrop(size)])
    pixels = np.empty((len(dataset), size, size, card.channels), dtype=np.uint8)
    labels = np.empty(len(dataset), dtype=np.int64)
    column = card.options.get("labels", "")
    mode = "RGB" if card.channels == 3 else "L"
    for row, (image, target) in enumerate(dataset):
        pixels[row] = np.asarray(transform(image.convert(mode))).reshape(pixels.shape[1:])
        labels[row] = target[dataset.attr_names.index(column)] if column else target
    return pixels, labels
