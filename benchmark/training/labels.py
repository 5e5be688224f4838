"""Labellings: what is predicted from the images of a dataset, made from the tasks of its card.

A binary task of a set with two classes is taken as it is. A multi-class task is taken whole or as pairs of classes,
which are drawn by seed and stand in the task's name. What the card cannot say is in the table `OTHERS`.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.data.card import Card
from benchmark.errors import UserError
from benchmark.hashing import seed_from
from benchmark.training.protocols import Data, TaskWanted

PAIR = re.compile(r"(\d+)-(\d+)")


@dataclass(frozen=True, slots=True)
class Labelling:
    """Which labels of a dataset make which class; images of other labels are left out."""

    name: str
    """As it stands in a task's name; empty for the two classes of a set that has no other."""
    about: str
    """Which labels, for people."""
    classes: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    """The labels of each class. Of a multi-label set, the columns, one of which must be set; none for a class: no
    column at all is set."""

    def targets(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """The class [n] of each image, -1 for one that is left out. labels: [n], or [n, columns] of 0 and 1."""
        targets = np.full(len(labels), -1, dtype=np.int64)
        for target, members in enumerate(self.members):
            if labels.ndim == 1:
                belongs = np.isin(labels, members)
            else:
                belongs = (labels[:, list(members)] == 1).any(axis=1) if members else (labels == 0).all(axis=1)
            targets[belongs] = target
        return targets


@dataclass(frozen=True, slots=True)
class _Family:
    """A labelling, or the classes of which pairs are made."""

    name: str
    groups: Mapping[str, tuple[int, ...]]
    """Name of a class -> its labels."""
    paired: bool
    """Whether it has so many classes that the protocol says if they are taken whole or in pairs."""


OTHERS: Mapping[str, tuple[_Family, ...]] = {
    # The first of each is what "classes" stands for.
    "brain-tumor-mri-224": (
        # The images without a tumour are from another source, which a model can learn in place of the tumour; the
        # kinds against each other have no such way out.
        _Family("tumour-against-none", {"no tumour": (2,), "tumour": (0, 1, 3)}, paired=False),
        _Family("kind-of-tumour", {"glioma": (0,), "meningioma": (1,), "pituitary": (3,)}, paired=True),
    ),
    # Ordered grades: none against any, as screening asks. The grades above have too few images to be told apart.
    "retinamnist": (_Family("grade-0-against-others", {"grade 0": (0,), "grades 1 to 4": (1, 2, 3, 4)}, paired=False),),
}
"""Labellings that do not follow from a card's classes. Multi-label sets (`chestmnist`): each finding, whatever else is
there, against no finding at all, named by the finding, as the papers take one finding of CheXpert; `classes` stands for
effusion, theirs. The `mednist-*` sets have one class each, so there is nothing to predict. `cifar10-4k` has labels that
were inferred by matching: a stand-in for CIFAR-10, and its card says so."""

FINDING = "effusion"
"""What `classes` stands for in a multi-label set; the papers' choice in CheXpert."""


def labellings_of(card: Card, wanted: TaskWanted, data: Data) -> tuple[Labelling, ...]:
    """The labellings that a suite asks for.

    Returns an empty tuple for a dataset of one class, which leaves nothing to predict.
    Raises UserError for a name that the dataset has not.
    """
    if len(card.classes) == 1:
        return ()
    if card.tasks and card.tasks[0].kind == "multi-label":
        return (_finding(card, wanted.labels),)
    families = {family.name: family for family in OTHERS.get(card.id, (_own(card),))}
    first = next(iter(families.values()))
    if pair := PAIR.fullmatch(wanted.labels):
        return (_pair(card, _own(card), (int(pair[1]), int(pair[2]))),)
    if wanted.labels not in (*families, "classes", "whole"):
        known = ", ".join(["classes", "whole", *families, "a pair of labels such as 0-1"])
        raise UserError(f'{card.id} has no labels "{wanted.labels}"; it has {known}.')
    family = families.get(wanted.labels, first)
    if not family.paired or wanted.labels == "whole" or data.multi_class == "whole":
        return (_whole(family),)
    labels = [group[0] for group in family.groups.values()]
    pairs = list(itertools.combinations(labels, 2))
    order = np.random.default_rng(seed_from(dataset=card.id, labels=family.name, pairs=data.seed)).permutation(
        len(pairs)
    )
    return tuple(_pair(card, family, pairs[index]) for index in order[: wanted.pairs or data.pairs])


def _own(card: Card) -> _Family:
    """The card's classes as they are."""
    return _Family("", {name: (label,) for label, name in enumerate(card.classes)}, paired=len(card.classes) > 2)


def _whole(family: _Family) -> Labelling:
    classes = tuple(family.groups)
    name = family.name or ("" if len(classes) == 2 else f"{len(classes)}-classes")
    about = " against ".join(classes) if len(classes) <= 3 else f"{len(classes)} classes"
    return Labelling(name, about, classes, tuple(family.groups.values()))


def _pair(card: Card, family: _Family, pair: tuple[int, int]) -> Labelling:
    names = {labels[0]: name for name, labels in family.groups.items()}
    first, second = sorted(pair)
    if first == second or second not in names or first not in names:
        raise UserError(f"{card.id}: a pair must be of two different labels from 0 to {len(names) - 1}, not {pair}.")
    about = f"{names[first]} against {names[second]}"
    return Labelling(f"{first}-{second}", about, (names[first], names[second]), ((first,), (second,)))


def _finding(card: Card, labels: str) -> Labelling:
    name = FINDING if labels == "classes" else labels
    if name not in card.classes:
        raise UserError(f'{card.id} has no labels "{labels}"; it has classes, {", ".join(card.classes)}.')
    about = f"{name}, whatever else is found, against no finding"
    return Labelling(name, about, ("no finding", name), ((), (card.classes.index(name),)))
