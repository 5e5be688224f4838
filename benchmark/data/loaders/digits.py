"""scikit-learn's digits: embedded in the package, so it needs no file and no network (Alpaydin & Kaynak 1998)."""

from pathlib import Path

import numpy as np

from benchmark.data.card import Card, Options, options_of
from benchmark.data.images import Images, checked_images


class DigitsOptions(Options):
    """None: there is one such set."""


def raw_files(card: Card, root: Path, size: int) -> list[Path]:
    """None: the images are part of scikit-learn."""
    options_of(card, DigitsOptions)
    return []


def load(card: Card, root: Path, split: str, size: int) -> Images:
    """The 1,797 digits of 8 x 8 pixels; their 17 grey values 0..16 are kept as they are."""
    from sklearn.datasets import load_digits  # imports slowly: not at start-up

    digits = load_digits()
    return checked_images(digits.images.astype(np.uint8), digits.target, None, "scikit-learn's digits")


def download(card: Card, root: Path, size: int) -> None:
    """Nothing to do."""
