"""What the code published with the papers does otherwise than the papers say, and what is done here, each by name.

The code is mazurowski-lab/intrinsic-properties at e4aec43 (Konz & Mazurowski, ICLR 2024). It was published to be read
and used, which is how any of this can be known. A correction that has a switch can be turned off, one at a time or
together, to see what it changes: the switch is a set of overrides for `benchmark.training.protocols.load_protocol`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Correction:
    """One difference between the published code and what is done here."""

    published: str
    here: str
    switch: Mapping[str, Any] = field(default_factory=dict)
    """Overrides that bring the published behaviour back, its own first; empty where nothing can or should."""

    def is_on(self, protocol: Mapping[str, Any]) -> bool:
        """Whether a protocol's content (its JSON form) has the correction on; always, of one without a switch."""
        if not self.switch:
            return True
        key, published = next(iter(self.switch.items()))
        table, name = key.split(".")
        return bool(protocol[table][name] != published)


CORRECTIONS: Mapping[str, Correction] = {
    "head": Correction(
        "the network keeps its 1,000 logits for two classes (train.py:28, 115)",
        "one logit for each class",
        {"training.head": "thousand"},
    ),
    "labels": Correction(
        "of natural sets the list of labels is balanced and the array of images is not, so that images beyond the "
        "first that is passed over carry a wrong label (src/dataset.py:536-552)",
        "every image keeps its own label",
        {"data.labels": "truncated", "data.nested": False, "data.split": "image", "data.copies": "kept"},
    ),
    "split": Correction(
        "training and test images are split by image, so that images of one patient are on both sides "
        "(src/dataset.py:568-573)",
        "split by patient wherever the files tell patients apart",
        {"data.split": "image"},
    ),
    "test-set": Correction(
        "N + 750 images are drawn for each N and split anew: the test set changes with N",
        "training sets are prefixes of one list, and one test set serves them all",
        {"data.nested": False},
    ),
    "copies": Correction(
        "identical images stay, and may be on both sides",
        "identical images are removed before the split, and those whose labels differ are left out",
        {"data.copies": "kept"},
    ),
    "class-pairs": Correction(
        "two classes of a natural set are drawn at each call, so that they differ between models and N",
        "pairs are drawn once by seed, are the same for all models and N, and stand in the task's name",
    ),
    "class-balance-order": Correction(
        "of each class the first images in the order of os.listdir are taken, which differs between machines",
        "images are drawn by seed from lists in a fixed order",
    ),
    "imagenet-files": Correction(
        "the list of ImageNet's labels is filtered by class and that of its files is not, so that every pair of "
        "classes loads the first files (src/dataset.py:110-126)",
        "files and labels are filtered together",
    ),
    "black-images": Correction(
        "an all-black image is divided by its maximum, zero (src/dataset.py:189-198)",
        "an all-black image stays as it is",
    ),
    "selection": Correction(
        "MICCAI 2022 plots the highest test accuracy over the epochs",
        "the last epoch and the epoch of the lowest validation loss are scored; the highest test accuracy stands "
        "beside them and ranks nothing",
    ),
    "attacked-images": Correction(
        "attacks are made on the test images with their labels",
        "attacks are made on validation images: whoever trains a model never has the labels of the test",
    ),
    "test-loss": Correction(
        "the test loss is the mean of the means of batches, the last of which is smaller",
        "the mean over images",
    ),
    "precision": Correction(
        "autocast to float16 without a scaler of gradients (train.py:185)",
        "autocast to bfloat16, whose range is that of float32, so that none is needed",
    ),
}
"""Name -> what was published, what is done here."""
