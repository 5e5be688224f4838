"""The pool of a labelling: the images of a dataset among which training, validation and test images are chosen."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.card import Card
from benchmark.data.store import is_present, prepared
from benchmark.data.view import View, render
from benchmark.hashing import sha256_of
from benchmark.training.labels import Labelling
from benchmark.training.protocols import Data
from benchmark.training.splits import TEST, TRAIN, VALIDATION

PARTS = {"train": TRAIN, "val": VALIDATION, "test": TEST}
"""Splits of a card."""
SPARE = 50
"""Images of each class beyond what the sides need, for copies that are removed and patients that do not fit."""
MULTI_LABEL_IMAGES = 20_000
"""Of a multi-label set, whose classes no view can choose, so many images of a split are looked through."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Images with the class that each has in a labelling."""

    pixels: NDArray[np.uint8]
    """[n, H, W, C]."""
    labels: NDArray[np.int64]
    """[n], classes of the labelling."""
    groups: NDArray[np.int64] | None
    """[n], the patient of each; those of different splits are different. None where patients are not known."""
    parts: NDArray[np.int64]
    """[n], `TRAIN`, `VALIDATION` or `TEST`."""
    rows: NDArray[np.int64]
    """[n], the row of each in its split."""


def pool_views(card: Card, labelling: Labelling, data: Data) -> tuple[View, ...]:
    """The views that make up a pool: one for each split and label, drawn by the protocol's seed.

    Raises as `benchmark.data.store.prepared` does.
    """
    total = data.train[-1] + data.test + data.validation
    most = math.ceil(2 * total / len(labelling.classes)) + SPARE
    source = source_size(card, data)
    size = source if data.size == "native" else data.size
    fields: dict[str, Any] = {
        "dataset": card.id,
        "source_size": source,
        "selection": "first" if data.labels == "truncated" else "random",
        "seed": data.seed,
        "scaling": data.scaling,
        "channels": None if data.channels == "native" else data.channels,
        "size": min(size, data.largest or size),
    }
    views = []
    for split in (split for split in PARTS if split in card.splits):
        labels = prepared(card, split, source).labels
        if labels.ndim == 2:
            views.append(View(split=split, count=min(len(labels), MULTI_LABEL_IMAGES), **fields))
            continue
        counts = np.bincount(labels[labels >= 0], minlength=len(card.classes))
        for label in sorted(label for members in labelling.members for label in members):
            if counts[label]:
                views.append(View(split=split, classes=[label], count=min(int(counts[label]), most), **fields))
    return tuple(views)


def source_size(card: Card, data: Data) -> int:
    """Which of the card's sizes is read: the first for native images, or else the smallest that need not be enlarged.

    Where that is not on this machine, the largest that is; the first, if none is.
    """
    if data.size == "native":
        return card.sizes[0]
    enough = sorted(size for size in card.sizes if size >= data.size)
    smaller = sorted((size for size in card.sizes if size < data.size), reverse=True)
    return next((size for size in (*enough, *smaller) if is_present(card, size)), card.sizes[0])


def pool_sha256(views: tuple[View, ...]) -> str:
    """Hash of all views: their fields and the prepared sources."""
    return sha256_of([view.sha256() for view in views])


def collect(views: tuple[View, ...], labelling: Labelling) -> Pool:
    """Render the views of a pool and give each image its class; in the order of splits and rows."""
    pixels, labels, groups, parts, rows = [], [], [], [], []
    for view in views:
        rendered = render(view)
        targets = labelling.targets(rendered.labels)
        chosen = targets >= 0
        pixels.append(rendered.pixels[chosen])
        labels.append(targets[chosen])
        parts.append(np.full(int(chosen.sum()), PARTS[view.split], dtype=np.int64))
        rows.append(rendered.rows[chosen])
        if rendered.groups is not None:
            # Numbers of patients count within a split.
            groups.append(rendered.groups[chosen] * len(PARTS) + PARTS[view.split])
    part, row = np.concatenate(parts), np.concatenate(rows)
    order = np.lexsort((row, part))
    return Pool(
        pixels=np.concatenate(pixels)[order],
        labels=np.concatenate(labels)[order],
        groups=np.concatenate(groups)[order] if groups else None,
        parts=part[order],
        rows=row[order],
    )
