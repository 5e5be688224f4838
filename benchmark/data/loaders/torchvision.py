"""Datasets of torchvision, read and downloaded by its own classes.

Its CIFAR classes unpickle, but only files whose MD5 is the official one.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from benchmark.data.card import Card, Options, options_of
from benchmark.data.images import DatasetMissing, Images, checked_images
from benchmark.data.loaders.decode import ImageFile, decode_all
from benchmark.data.loaders.fetch import fetched
from benchmark.errors import UserError


class TorchvisionOptions(Options):
    """Which class, and how to call it."""

    name: str = Field(alias="class")
    """Class in torchvision.datasets."""
    folder: str = ""
    """Its root below `torchvision/`."""
    files: list[str] = Field(min_length=1)
    """Paths below `torchvision/` that must be there."""
    address: str
    """Where its downloader goes: asked first, so that an unreachable source is given up within seconds."""
    arguments: dict[str, dict[str, str | bool]]
    """For each split, the keyword arguments that select it."""
    attribute: str = ""
    """CelebA: the attribute that is the label."""
    groups: Literal["", "identity"] = ""
    """CelebA: `identity` takes the person as group."""


def raw_files(card: Card, root: Path, size: int) -> list[Path]:
    """The files that the card names, the same for all sizes."""
    return [root / "torchvision" / name for name in options_of(card, TorchvisionOptions).files]


def load(card: Card, root: Path, split: str, size: int) -> Images:
    """Pixels and labels of a split; sets that are stored as image files are resized and cut to `size`."""
    options = options_of(card, TorchvisionOptions)
    folder = root / "torchvision" / options.folder
    where = f"{folder} ({card.id})"
    try:
        dataset = _class(options)(root=str(folder), **options.arguments[split])
    except (OSError, RuntimeError, ValueError, EOFError, AssertionError) as error:  # torchvision asserts on file sizes
        reason = " ".join(str(error).split()) or "a file is not whole"
        raise UserError(f"{where}: cannot be read: {reason}.") from None
    if not hasattr(dataset, "data"):
        return _read_files(dataset, options, card.channels, size, where)
    pixels = np.asarray(dataset.data)
    labels = np.asarray(getattr(dataset, "targets", getattr(dataset, "labels", None)))
    if pixels.ndim == 4 and pixels.shape[1] == 3:  # SVHN and STL10 are [n, C, H, W]
        pixels = pixels.transpose(0, 2, 3, 1)
    return checked_images(np.ascontiguousarray(pixels), labels, None, where)


def download(card: Card, root: Path, size: int) -> None:
    """Through the class's own downloader, which checks the MD5; sets without one raise UserError with the steps."""
    options = options_of(card, TorchvisionOptions)
    if card.get:
        raise DatasetMissing(f"{card.id} has no downloader: {card.get}")
    with fetched(root / "torchvision" / options.folder, card.id, options.address) as folder:
        for arguments in options.arguments.values():
            _class(options)(root=str(folder), download=True, **arguments)


def _class(options: TorchvisionOptions) -> Any:
    from torchvision import datasets  # imports torch: not at start-up

    return getattr(datasets, options.name)


def _read_files(dataset: Any, options: TorchvisionOptions, channels: int, size: int, where: str) -> Images:
    """Images of a dataset that keeps a list of files."""
    groups: NDArray[Any] | None = None
    if options.attribute:
        folder = Path(dataset.root) / dataset.base_folder / "img_align_celeba"
        paths = [folder / name for name in dataset.filename]
        labels = np.asarray(dataset.attr[:, dataset.attr_names.index(options.attribute)])
        if options.groups == "identity":
            groups = np.asarray(dataset.identity[:, 0])
    else:
        paths = [Path(path) for path, _ in dataset.samples]
        labels = np.asarray(dataset.targets)
    files = [ImageFile(str(path), path.read_bytes) for path in paths]
    return checked_images(decode_all(files, channels, size), labels, groups, where)
