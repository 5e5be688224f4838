"""MedMNIST: one .npz file for each dataset and size (Yang et al., Scientific Data 2023).

A card's id is the package's flag.
"""

from pathlib import Path

import numpy as np

from benchmark.data.card import Card, Options, options_of
from benchmark.data.images import Images, checked_images
from benchmark.data.loaders.fetch import fetched
from benchmark.data.loaders.npz import open_npz
from benchmark.errors import UserError

NATIVE = 28


class MedmnistOptions(Options):
    """None: the id and the size say it all."""


def raw_files(card: Card, root: Path, size: int) -> list[Path]:
    """The file of one size: `medmnist/<flag>.npz`, or `medmnist/<flag>_<size>.npz`."""
    options_of(card, MedmnistOptions)
    suffix = "" if size == NATIVE else f"_{size}"
    return [root / "medmnist" / f"{card.id}{suffix}.npz"]


def load(card: Card, root: Path, split: str, size: int) -> Images:
    """Pixels and labels of a split; these files carry no patient ids, so groups are not known."""
    [path] = raw_files(card, root, size)
    with open_npz(path) as arrays:
        if f"{split}_images" not in arrays or f"{split}_labels" not in arrays:
            raise UserError(f"{path}: no arrays {split}_images and {split}_labels; it holds {', '.join(arrays)}.")
        return checked_images(
            np.asarray(arrays[f"{split}_images"]), np.asarray(arrays[f"{split}_labels"]), None, str(path)
        )


def download(card: Card, root: Path, size: int) -> None:
    """Through the package's own downloader, which checks the MD5."""
    import medmnist  # imports torchvision: not at start-up

    [path] = raw_files(card, root, size)
    dataset = getattr(medmnist, medmnist.INFO[card.id]["python_class"])
    address = medmnist.INFO[card.id]["url" if size == NATIVE else f"url_{size}"]
    with fetched(path.parent, card.id, address) as folder:
        dataset(split="test", root=str(folder), size=size, download=True)
