"""Views: a dataset as the benchmark sees it, with a content hash."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from benchmark.data.card import Card, load_card
from benchmark.data.images import Images
from benchmark.data.store import prepared, source_sha256
from benchmark.errors import UserError
from benchmark.hashing import seed_from, sha256_of

LUMA = (0.299, 0.587, 0.114)
"""Red, green and blue in a grey value (ITU-R BT.601)."""


class View(BaseModel):
    """Which images, and what is done to them, in this order: subset, scaling, channels, size, rounding."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    """Id of a card."""
    split: str = "train"
    source_size: int | None = None
    """Which of the card's sizes is read; None for its first."""
    classes: list[int | str] | None = None
    """Only these: labels, or names of the card's classes; None for all."""
    count: int | None = Field(None, ge=1)
    """How many images; None for all."""
    selection: Literal["first", "random"] = "random"
    """`random`: without replacement, by seed; a smaller count is a prefix of a larger one."""
    seed: int = 0
    scaling: Literal["none", "image-max"] = "none"
    """`image-max`: each image times 255 / its maximum, cut to whole numbers, as in Konz et al. 2022."""
    channels: Literal[1, 3] | None = None
    """None for those of the dataset. 3 to 1 is 0.299 R + 0.587 G + 0.114 B, rounded; 1 to 3 repeats."""
    size: int | None = Field(None, ge=1)
    """Pixels a side; None for the source's. Done by torch.nn.functional.interpolate(mode="bilinear", antialias=True,
    align_corners=False) on float32, whatever the aspect ratio."""
    rounding: Literal["uint8", "none"] = "uint8"
    """After resizing: round half to even to 8 bits, or keep float32 in 0..255."""

    def sha256(self) -> str:
        """Hash of these fields and of the prepared source. Raises as `benchmark.data.store.prepared` does."""
        card = load_card(self.dataset)
        return sha256_of(
            {"view": self.model_dump(mode="json"), "source": source_sha256(card, self.split, self.source_size)}
        )


@dataclass(frozen=True, slots=True)
class RenderedView:
    """The images of a view."""

    pixels: NDArray[Any]
    """[n, H, W, C], uint8; float32 in 0..255 if they are not rounded."""
    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None
    rows: NDArray[np.int64]
    """[n], which rows of the split they are, ascending unless the selection is random."""
    counts: dict[int, int]
    """How many images each label has; of a multi-label set, how many each column is set in."""
    sha256: str
    """The view's own."""


def render(view: View) -> RenderedView:
    """The images of a view.

    Raises UserError for a class that the dataset has not or a count beyond what there is, and as `prepared` does.
    """
    card = load_card(view.dataset)
    images = prepared(card, view.split, view.source_size)
    rows = _select(view, card, images)
    pixels: NDArray[Any] = np.asarray(images.pixels[rows])
    if view.scaling == "image-max":
        pixels = _scaled_by_maximum(pixels)
    if view.channels is not None and view.channels != pixels.shape[-1]:
        pixels = np.repeat(pixels, 3, axis=-1) if view.channels == 3 else _luma(pixels)
    if view.size is not None and (view.size, view.size) != pixels.shape[1:3]:
        pixels = _resized(pixels, view.size)
    elif view.rounding == "none":
        pixels = pixels.astype(np.float32)
    if view.rounding == "uint8" and pixels.dtype != np.uint8:
        pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    groups = None if images.groups is None else np.asarray(images.groups[rows])
    labels = np.asarray(images.labels[rows])
    return RenderedView(pixels, labels, groups, rows, _counts(labels), view.sha256())


def _counts(labels: NDArray[np.int64]) -> dict[int, int]:
    if labels.ndim == 2:
        return dict(enumerate(labels.sum(axis=0).tolist()))
    return {int(label): int(count) for label, count in zip(*np.unique(labels, return_counts=True), strict=True)}


def _select(view: View, card: Card, images: Images) -> NDArray[np.int64]:
    rows = np.arange(len(images.pixels))
    if view.classes is not None:
        if images.labels.ndim != 1:
            raise UserError(f"{view.dataset}: a multi-label set has no classes to choose from.")
        known = set(np.unique(images.labels).tolist())
        wanted = [_label(view, card, name) for name in view.classes]
        unknown = [label for label in wanted if label not in known]
        if unknown:
            raise UserError(f"{view.dataset}: no image has the label {unknown[0]}; labels: {sorted(known)}.")
        rows = rows[np.isin(images.labels, wanted)]
    if view.count is not None and view.count > len(rows):
        raise UserError(f"{view.dataset} {view.split}: {view.count} images asked for, and there are {len(rows)}.")
    if view.selection == "random":
        # The whole order is drawn, whatever the count: a smaller sample is part of a larger one.
        seed = seed_from(dataset=view.dataset, split=view.split, seed=view.seed)
        rows = np.random.default_rng(seed).permutation(rows)
    return rows[: view.count]


def _label(view: View, card: Card, name: int | str) -> int:
    if isinstance(name, int):
        return name
    if name not in card.classes:
        raise UserError(f'{view.dataset} has no class "{name}"; it has {", ".join(card.classes)}.')
    return card.classes.index(name)


def _scaled_by_maximum(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Img * 255 / img.max(), truncated; an all-black image, which has no such scale, stays as it is."""
    maxima = pixels.max(axis=(1, 2, 3), keepdims=True)
    return np.asarray(pixels.astype(np.int64) * 255 // np.maximum(maxima, 1)).astype(np.uint8)


def _luma(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    grey = pixels.astype(np.float64) @ np.array(LUMA)
    return np.asarray(np.rint(grey)[..., None]).astype(np.uint8)


def _resized(pixels: NDArray[Any], size: int) -> NDArray[np.float32]:
    import torch  # imports slowly: not at start-up
    from torch.nn.functional import interpolate

    resized = []
    for block in np.array_split(pixels, max(1, len(pixels) // 256)):  # float32 copies of blocks, not of all
        planes = torch.from_numpy(block.astype(np.float32)).permute(0, 3, 1, 2)
        planes = interpolate(planes, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
        resized.append(planes.permute(0, 2, 3, 1).numpy())
    return np.concatenate(resized)
