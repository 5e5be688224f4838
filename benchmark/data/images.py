"""Images as every loader returns them, and what to say when they are not there."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError


class DatasetMissing(UserError):  # noqa: N818 - reads as what it is: the dataset is missing
    """The raw files of a dataset are not on this machine; the sentence says how to get them."""


@dataclass(frozen=True, slots=True)
class Images:
    """Pixels, labels and groups of one split."""

    pixels: NDArray[np.uint8]
    """[n, H, W, C], perhaps memory-mapped."""
    labels: NDArray[np.int64]
    """[n], or [n, tasks] for a multi-label set; -1 where there is none."""
    groups: NDArray[np.int64] | None = None
    """[n], a number for each patient; None where patients are not known."""


def checked_images(
    pixels: NDArray[Any], labels: NDArray[Any] | None, groups: NDArray[Any] | None, where: str
) -> Images:
    """Bring arrays into the form of Images: a channel axis, uint8, int64.

    pixels: [n, H, W] or [n, H, W, C] uint8. labels: [n], [n, 1] or [n, tasks]; None for none.
    where: names the file in a sentence.

    Raises UserError for another type or shape, and for labels of another length.
    """
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or not len(pixels):
        raise UserError(f"{where}: images must be uint8 [n, H, W] or [n, H, W, C], not {pixels.dtype} {pixels.shape}.")
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.shape[-1] not in (1, 3):
        raise UserError(f"{where}: images must have 1 or 3 channels, not {pixels.shape[-1]}.")
    if labels is None:
        labels = np.full(len(pixels), -1)
    if len(labels) != len(pixels):
        raise UserError(f"{where}: {len(labels)} labels for {len(pixels)} images.")
    if labels.dtype.kind not in "iub":
        raise UserError(f"{where}: labels must be whole numbers, not {labels.dtype}.")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if groups is not None and len(groups) != len(pixels):
        raise UserError(f"{where}: {len(groups)} group names for {len(pixels)} images.")
    numbers = None if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)
    return Images(pixels, labels.astype(np.int64), numbers)
