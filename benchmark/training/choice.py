"""The choice of images for one task: which of a pool are trained on, validated and tested, and what to say about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.data.card import Domain
from benchmark.hashing import seed_from, sha256_of
from benchmark.neighbors import first_copies
from benchmark.training.pool import Pool
from benchmark.training.protocols import Data
from benchmark.training.splits import Division, Sizes, divide, divide_as_published

Rows = NDArray[np.int64]


class TooFewImagesError(Exception):
    """A task that there are not enough images for; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The images of each side, `train`, `validation` and `test`, for one number of training images."""

    rows: Mapping[str, Rows]
    """Rows of the pool."""
    labels: Mapping[str, Rows]
    groups: int | None
    """Patients among the images; None where they are not known."""
    duplicates: int
    """Images left out as copies of others, or as identical to one of another class."""
    in_both: int
    """Patients in both training and test images."""
    notes: tuple[str, ...]


def choose(data: Data, pool: Pool, domain: Domain, classes: int, n: int) -> Choice:
    """Choose n training images, and those of validation and test, as the protocol says.

    domain: the published pairing of labels with images concerns natural sets of two classes alone.
    Raises TooFewImagesError if there are not enough.
    """
    labels = pool.labels
    if data.labels == "truncated" and domain == "natural" and classes == 2:
        seed = seed_from(protocol=data.seed, n=n)
        division, labels = divide_as_published(labels, pool.parts, n, data.test, data.validation, seed)
    else:
        division = _divide(data, pool, classes, n)
    if n in division.reasons:
        raise TooFewImagesError(division.reasons[n])
    rows = {"train": division.train[:n], "validation": division.validation, "test": division.test}
    chosen = {side: labels[each] for side, each in rows.items()}
    groups = pool.groups
    return Choice(
        rows=rows,
        labels=chosen,
        groups=None if groups is None else len(np.unique(groups[np.concatenate(list(rows.values()))])),
        duplicates=division.removed,
        in_both=0 if groups is None else len(np.intersect1d(groups[rows["train"]], groups[rows["test"]])),
        notes=tuple(_notes(data, pool, division, chosen, labels)),
    )


def files_sha256(pool: Pool, rows: Mapping[str, Rows]) -> str:
    """Hash of the list of images: split and row of each, in order, on each side."""
    return sha256_of({side: [pool.parts[each].tolist(), pool.rows[each].tolist()] for side, each in rows.items()})


def _divide(data: Data, pool: Pool, classes: int, n: int) -> Division:
    copies = None
    if data.copies == "removed":
        # Copies of what the model sees, so after resizing.
        copies = first_copies(np.ascontiguousarray(pool.pixels.reshape(len(pool.pixels), -1)))[1]
    groups = pool.groups if data.split == "patient" else None
    train = tuple(data.train) if data.nested else (n,)
    sizes = Sizes(train, data.test, data.least_test, data.validation, data.least_validation, data.balanced)
    seed = seed_from(protocol=data.seed) if data.nested else seed_from(protocol=data.seed, n=n)
    return divide(pool.labels, classes, groups, copies, pool.parts, sizes, seed)


def _notes(data: Data, pool: Pool, division: Division, chosen: Mapping[str, Rows], labels: Rows) -> Iterator[str]:
    if division.pooled and len(np.unique(pool.parts)) > 1:
        yield "the images of all the dataset's splits were divided anew: its own test split is too small"
    for side, wanted in (("test", data.test), ("validation", data.validation)):
        if len(chosen[side]) < wanted:
            yield f"{len(chosen[side])} {side} images, not {wanted}: there are no more"
    for side in ("train", "test"):
        counts = np.bincount(chosen[side])
        if counts.max() > counts.min() + 1:
            yield f"{side} images of the classes: {', '.join(str(count) for count in counts)}"
    wrong = int((labels != pool.labels).sum())
    if wrong:
        yield f"{wrong} images carry the label of another, as in the published code"
