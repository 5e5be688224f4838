"""Label sharpness: how fast the labels of a dataset change with its images.

K_F = max |y - y'| / |x - x'| over pairs of images (Konz & Mazurowski, The Effect of Intrinsic Dataset Properties on
Generalization, ICLR 2024, section 3.2), with [y != y'] in place of |y - y'| for classes. As an extreme value it grows
with the number of pairs, and it goes with 1 / (scale of the pixels): a value says nothing without M, resolution,
channels and scale, so they stand beside it, and quantiles too.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1024
"""Images whose distances to all others are computed at a time."""
GREY_LEVELS = 255.0
LEVELS = (0.5, 0.9, 0.99)
RELEASED_BATCH = 500
"""Images in a batch of the released code."""


@dataclass(frozen=True, slots=True)
class LabelSharpness:
    """Label sharpness of M images. Ratios are 1 / distance on the scale of 0..255; times 255 they are those of 0..1."""

    maximum: float
    """K_F: the largest ratio over all pairs of images that differ; NaN without a pair of different labels."""
    quantiles: dict[float, float]
    """50 %, 90 % and 99 % of the ratio over the pairs of different labels (all others have the ratio 0)."""
    nearest: dict[float, float]
    """The same of each image's ratio to its nearest image of another label: one value an image, not one a pair."""
    images: int
    pairs: int
    """All pairs, M (M - 1) / 2."""
    differing: int
    """Pairs of different labels, those of identical images included."""
    infinite: int
    """Pairs of identical images with different labels, whose ratio is infinite; they are in no other number."""
    height: int
    width: int
    channels: int

    @property
    def maximum_on_unit_scale(self) -> float:
        """K_F for pixels of 0..1."""
        return self.maximum * GREY_LEVELS


@dataclass(frozen=True, slots=True)
class ReleasedValue:
    """What the released code computes."""

    value: float
    pairs: int
    """Pairs that were looked at."""
    selves: int
    """Pairs of an image with itself among them."""


def label_sharpness(images: NDArray[Any], labels: NDArray[np.int64]) -> LabelSharpness:
    """Label sharpness by its definition, over all pairs.

    images: [M, H, W, C]: uint8, whose distances are exact up to the square root, or real numbers of 0..255, whose
    distances are sums of squared differences in float64 (slower). labels: int64 [M], classes.

    Memory grows with the pairs of different labels: 8 bytes each.
    """
    if images.ndim != 4 or labels.shape != images.shape[:1] or len(labels) < 2:
        raise ValueError("images [M, H, W, C] and one label for each, M > 1")  # a bug of ours, so a traceback
    flat = np.ascontiguousarray(images.reshape(len(images), -1))
    squared, nearest = [], np.full(len(flat), np.inf)
    for start, block in _squared_distances(flat):
        different = labels[start : start + len(block), None] != labels[None]
        nearest[start : start + len(block)] = np.where(different & (block > 0), block, np.inf).min(axis=1)
        later = np.arange(len(flat)) > np.arange(start, start + len(block))[:, None]
        squared.append(block[different & later])
    found = np.concatenate(squared)
    ratios = 1 / np.sqrt(found[found > 0])
    return LabelSharpness(
        maximum=float(ratios.max()) if len(ratios) else math.nan,
        quantiles=_quantiles(ratios),
        nearest=_quantiles(1 / np.sqrt(nearest[np.isfinite(nearest)])),
        images=len(flat),
        pairs=len(flat) * (len(flat) - 1) // 2,
        differing=len(found),
        infinite=len(found) - len(ratios),
        height=images.shape[1],
        width=images.shape[2],
        channels=images.shape[3],
    )


def released_value(
    images: NDArray[Any], labels: NDArray[np.int64], seed: int, batch: int = RELEASED_BATCH
) -> ReleasedValue:
    """What compute_labelsharpness of mazurowski-lab/intrinsic-properties computes at e4aec43, for comparison.

    It differs from the definition in four ways, each of them in a line of datasetproperties.py:
    * 38: `s[1] in [0, 1]` looks at pairs (image, label), not at labels, so the way for two classes is never taken;
    * 59: the other way has [y == y'] where the paper has [y != y']: the result is a ratio of images of one class;
    * 48 to 56: two shuffled batches are paired row by row, so that (M / batch)^2 batch of M^2 pairs are looked at
      (2,000 of a million for M = 1,000), drawn anew at each call;
    * 66: what is not a number is left out: identical images with different labels. An image that happens to be paired
      with itself has the ratio 1 / 0, which is a number, infinity: about M / batch pairs are such, so that the value is
      infinite in most calls (1 - exp(-2) = 86 % for M = 1,000 and a batch of 500).
    The scripts at c1014ab, with which the figures were published, have |y - y'|: see `earlier_released_value`.

    images: [M, H, W, C] on any scale. labels: int64 [M]. batch: divides M, as there.
    """
    return _over_zipped_batches(images, labels, seed, batch, same=True)


def earlier_released_value(
    images: NDArray[Any], labels: NDArray[np.int64], seed: int, batch: int = RELEASED_BATCH
) -> ReleasedValue:
    """What the code computed at c1014ab: the right ratios (for two classes, 0 and 1), of the pairs that it looks at.

    A lower bound of the definition's value, since it is the maximum over a random part of the pairs.
    """
    return _over_zipped_batches(images, labels, seed, batch, same=False)


def _over_zipped_batches(
    images: NDArray[Any], labels: NDArray[np.int64], seed: int, batch: int, same: bool
) -> ReleasedValue:
    if len(images) % batch:
        raise ValueError(f"batches of {batch} do not divide {len(images)} images")
    generator = np.random.default_rng(seed)
    flat = images.reshape(len(images), -1)
    highest, pairs, selves = -math.inf, 0, 0
    for first in generator.permutation(len(flat)).reshape(-1, batch):
        for second in generator.permutation(len(flat)).reshape(-1, batch):
            distances = np.linalg.norm(flat[first].astype(np.float64) - flat[second], axis=1)
            numerators = ((labels[first] == labels[second]) == same).astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratios = numerators / distances
            ratios = ratios[~np.isnan(ratios)]
            highest = max(highest, float(ratios.max(initial=-math.inf)))
            pairs += batch
            selves += int((first == second).sum())
    return ReleasedValue(highest, pairs, selves)


def _squared_distances(flat: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Blocks of rows of the matrix of squared distances, with the first row of each: int64 of bytes, else float64."""
    from scipy.spatial.distance import cdist  # these import slowly: not at start-up

    if flat.dtype != np.uint8:
        wide = flat.astype(np.float64)
        for start in range(0, len(flat), BLOCK):
            yield start, cdist(wide[start : start + BLOCK], wide, "sqeuclidean")
        return
    import torch

    from benchmark.neighbors.products import int8_products

    # Less 128 the values fit int8, and differences stay as they are: |x - y|^2 = |x|^2 + |y|^2 - 2 x y in integers.
    moved = torch.from_numpy((flat.astype(np.int16) - 128).astype(np.int8))
    norms = np.concatenate([(part.astype(np.int64) ** 2).sum(axis=1) for part in _blocks(moved.numpy())])
    for start in range(0, len(flat), BLOCK):
        products = int8_products(moved[start : start + BLOCK], moved).numpy().astype(np.int64)
        yield start, norms[start : start + BLOCK, None] + norms - 2 * products


def _blocks(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    size = max(1, (1 << 22) // rows.shape[1])
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _quantiles(ratios: NDArray[np.float64]) -> dict[float, float]:
    return {level: float(np.quantile(ratios, level)) if len(ratios) else math.nan for level in LEVELS}
