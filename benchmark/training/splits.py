"""Division of a dataset into training, validation and test images: arrays of labels in, rows out; nothing is read.

Whatever the dataset: classes are balanced, training sets of all sizes are prefixes of one list, one test set serves
them all, the images of a patient stay on one side, and so do identical images.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Balance = Literal["exactly", "nearest"]

TRAIN, VALIDATION, TEST = 0, 1, 2
"""Parts of a dataset as it is published."""
LEAST_SHARE = 2
"""Where balance is as near as may be, a class has at least its fair share divided by this: BreastMNIST's rare class has
147 of 250."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many images are wanted."""

    train: tuple[int, ...]
    """Ascending."""
    test: int
    least_test: int
    validation: int
    least_validation: int
    balance: Balance


@dataclass(frozen=True, slots=True)
class Division:
    """Rows of each side."""

    train: Rows
    """A training set of N images is the first N rows."""
    validation: Rows
    test: Rows
    fitting: tuple[int, ...]
    """The sizes of training sets that there are images for."""
    reasons: Mapping[int, str]
    """Size -> why it cannot be had, in words."""
    removed: int
    """Images that are copies of others, or identical to one of another class."""
    pooled: bool
    """Whether test images came from all images together, since the dataset's own test part is too small."""


def divide(
    labels: Rows, classes: int, groups: Rows | None, copies: Rows | None, parts: Rows, sizes: Sizes, seed: int
) -> Division:
    """Divide images into sides.

    labels: int64 [n], 0 to classes - 1. groups: int64 [n], the patient of each; None to divide by image.
    copies: int64 [n], equal for identical images; None to keep copies. parts: int64 [n] of `TRAIN`, `VALIDATION`,
    `TEST`.

    Test images come from the test part if it holds `least_test`; otherwise all images are one pool. Validation images
    come from the validation part if it holds `least_validation`, and from the training part otherwise. The rows of
    validation and test are in random order, so that their place tells nothing of their label.
    """
    kept = without_copies(labels, copies, parts)
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[kept[order]]
    patients = np.arange(len(labels)) if groups is None else groups
    sides = _Sides(labels, patients, classes, sizes.balance)
    pooled = _available(labels, order[parts[order] == TEST], classes, sizes.balance) < sizes.least_test
    pool = order if pooled else order[parts[order] != TEST]
    test = (
        np.empty(0, dtype=np.int64) if pooled else sides.fill(order[parts[order] == TEST], sizes.test, sizes.least_test)
    )
    own = pool[parts[pool] == VALIDATION]
    separate = not pooled and _available(labels, own, classes, sizes.balance) >= sizes.least_validation
    validation = np.empty(0, dtype=np.int64)
    if separate:
        own = sides.others(own, test)
        validation = sides.fill(own, sizes.validation, sizes.least_validation)
        pool = pool[parts[pool] != VALIDATION]
    pool = sides.others(pool, np.concatenate([test, validation]))
    room = _room(labels, pool, classes, sizes) - sizes.train[0]
    if pooled:
        # Beside the smallest training set, test and validation share what there is as they would share enough; larger
        # training sets that do not fit are left out, and the test stays the same.
        share = room * sizes.test // (sizes.test + sizes.validation) // classes * classes
        test = sides.fill(pool, min(sizes.test, max(sizes.least_test, share)), sizes.least_test)
        pool = sides.others(pool, test)
        room -= len(test)
    if not separate:
        wanted = min(sizes.validation, max(sizes.least_validation, room))
        validation = sides.fill(pool, wanted, sizes.least_validation)
        pool = sides.others(pool, validation)
    train = round_robin(labels, pool, classes)[: sizes.train[-1]]
    reasons = {n: _reason(labels, train, n, classes, sizes.balance) for n in sizes.train}
    short = _too_small("test", labels, test, sizes.least_test, classes) or _too_small(
        "validation", labels, validation, sizes.least_validation, classes
    )
    refused = {n: short or reason for n, reason in reasons.items() if short or reason}
    return Division(
        train=train,
        validation=validation,
        test=test,
        fitting=tuple(n for n in sizes.train if n not in refused),
        reasons=refused,
        removed=int(len(labels) - kept.sum()),
        pooled=bool(pooled),
    )


def without_copies(labels: Rows, copies: Rows | None, parts: Rows) -> NDArray[np.bool_]:
    """Which images stay, [n]: one of each kind, that of the test part first; none whose copies have other labels."""
    if copies is None:
        return np.ones(len(labels), dtype=bool)
    kept = np.zeros(len(labels), dtype=bool)
    # A copy in the test part stays, so that the published test loses as little as may be.
    order = np.lexsort((np.arange(len(labels)), -parts, copies))
    firsts = order[np.flatnonzero(np.diff(copies[order], prepend=-1))]
    kept[firsts] = True
    _, kinds = np.unique(copies, return_inverse=True)
    lowest = np.full(kinds.max() + 1, np.iinfo(np.int64).max)
    highest = np.full(kinds.max() + 1, -1)
    np.minimum.at(lowest, kinds, labels)
    np.maximum.at(highest, kinds, labels)
    return np.asarray(kept & (lowest == highest)[kinds])


def divide_as_published(
    labels: Rows, parts: Rows, n: int, test: int, validation: int, seed: int
) -> tuple[Division, Rows]:
    """Divide a natural set of two classes as the published code does (src/dataset.py:536-573 at e4aec43).

    labels: int64 [n], 0 or 1, in the order of the files. Of the training part, the list of labels is cut to the first
    (N + test) / 2 of each class; the images are the first N + test, whatever their class, and are split by image.
    Validation images, which the published code has not, are drawn balanced from those beyond, with their own labels.

    Returns the division and the labels [n] as they are paired with the images there.
    """
    members = np.flatnonzero(parts == TRAIN)
    own, size = labels[members], n + test
    ranks = np.where(own == 1, np.cumsum(own == 1), np.cumsum(own == 0))
    cut = own[ranks <= size // 2][:size]
    paired = labels.copy()
    paired[members[: len(cut)]] = cut
    generator = np.random.default_rng(seed)
    order = members[generator.permutation(len(cut))]
    rest = round_robin(labels, members[size:][generator.permutation(max(0, len(members) - size))], 2)[:validation]
    rest = rest[generator.permutation(len(rest))]
    short = len(cut) < size or len(rest) < validation
    reason = (
        f"N = {n} needs {size // 2} images of each class beside {validation}, and there are {_listed(np.bincount(own))}"
    )
    return Division(
        train=order[:n],
        validation=rest,
        test=order[n:],
        fitting=() if short else (n,),
        reasons={n: reason} if short else {},
        removed=0,
        pooled=False,
    ), paired


def round_robin(labels: Rows, rows: Rows, classes: int) -> Rows:
    """Rows in turns of one from each class, in their order: every prefix is balanced until a class has no more."""
    turn = np.empty(len(rows), dtype=np.int64)
    for label in range(classes):
        members = labels[rows] == label
        turn[members] = np.arange(members.sum())
    return rows[np.lexsort((labels[rows], turn))]


@dataclass(frozen=True, slots=True)
class _Sides:
    labels: Rows
    patients: Rows
    classes: int
    balance: Balance

    def fill(self, rows: Rows, size: int, least: int) -> Rows:
        """About `size` of these rows, whole patients only; rows of a patient that does not fit are passed over.

        Exactly balanced, if that leaves `least` of them; a test that is balanced is read more easily than a larger one.
        """
        counts = np.bincount(self.labels[rows], minlength=self.classes)
        exact = self.classes * int(counts.min())
        open_places = _shares(counts, min(size, exact) if self.balance == "exactly" or exact >= least else size)
        _, first, patient = np.unique(self.patients[rows], return_index=True, return_inverse=True)
        of_patient = np.zeros((len(first), self.classes), dtype=np.int64)
        np.add.at(of_patient, (patient, self.labels[rows]), 1)
        taken = np.zeros(len(first), dtype=bool)
        for index in np.argsort(first):
            if (of_patient[index] <= open_places).all():
                taken[index] = True
                open_places -= of_patient[index]
        return rows[taken[patient]]

    def others(self, rows: Rows, used: Rows) -> Rows:
        """Those of the rows whose patient has none among the used."""
        return rows[~np.isin(self.patients[rows], self.patients[used])]


def _shares(counts: Rows, size: int) -> Rows:
    """How many images of each class make up `size`, as balanced as may be; fewer in all if there are not enough."""
    shares = np.zeros(len(counts), dtype=np.int64)
    while (left := min(size, int(counts.sum())) - int(shares.sum())) > 0:
        free = np.flatnonzero(shares < counts)
        each = left // len(free)
        shares[free if each else free[:left]] += max(each, 1)
        shares = np.minimum(shares, counts)
    return shares


def _available(labels: Rows, rows: Rows, classes: int, balance: Balance) -> int:
    """How many of the rows a side can take, balanced; 0 if a class is all but missing."""
    counts = np.bincount(labels[rows], minlength=classes)
    whole = classes * int(counts.min()) if balance == "exactly" else int(counts.sum())
    return whole if counts.min() > 0 else 0


def _room(labels: Rows, rows: Rows, classes: int, sizes: Sizes) -> int:
    """How many images all sides together can take from the rows."""
    exact = _available(labels, rows, classes, "exactly")
    needed = sizes.train[0] + sizes.least_test + sizes.least_validation
    return exact if sizes.balance == "exactly" or exact >= needed else _available(labels, rows, classes, "nearest")


def _reason(labels: Rows, train: Rows, n: int, classes: int, balance: Balance) -> str:
    """Why there is no training set of n images; empty if there is."""
    counts = np.bincount(labels[train[:n]], minlength=classes)
    fair, more = divmod(n, classes)
    if balance == "exactly":
        enough = counts.min() >= fair and counts.max() <= fair + (more > 0)
        needed = f"{fair} or {fair + 1} images of each class" if more else f"{fair} images of each class"
    else:
        least = n / classes / LEAST_SHARE
        enough = counts.min() >= least
        needed = f"{fair}, or at least {math.ceil(least)}, images of each class"
    if len(train) >= n and enough:
        return ""
    return f"N = {n} needs {needed}, and beside validation and test there are {_listed(counts)}"


def _too_small(side: str, labels: Rows, rows: Rows, least: int, classes: int) -> str:
    counts = np.bincount(labels[rows], minlength=classes)
    if len(rows) >= least and counts.min() >= len(rows) / classes / LEAST_SHARE:
        return ""
    return f"the {side} needs {least} images, and beside the smallest training set there are {_listed(counts)}"


def _listed(counts: Sequence[int] | Rows) -> str:
    return " and ".join(str(int(count)) for count in counts) + " of the classes"
