"""Points of known dimension, and the changes that must leave an estimate as it is: the material of `check`.

Each change is made before the neighbour graph is built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from

Points = NDArray[np.float64]


def sphere_patch(n: int = 400) -> Points:
    """Points of a patch of the 3-sphere in 10 dimensions, [n, 10]: dimension 3."""
    generator = np.random.default_rng(seed_from(check="sphere"))
    patch = np.column_stack([generator.uniform(-0.8, 0.8, (n, 3)), np.ones(n)])
    patch /= np.linalg.norm(patch, axis=1, keepdims=True)
    axes = np.linalg.qr(generator.standard_normal((10, 4)))[0]
    points: Points = patch @ axes.T
    return points


def curved_manifold(n: int = 400) -> Points:
    """Points of a curved manifold in 12 dimensions, [n, 12]: dimension 5."""
    generator = np.random.default_rng(seed_from(check="curved"))
    latents = generator.uniform(-1, 1, (n, 5))
    following = np.roll(latents, 1, axis=1)
    return np.column_stack([latents, np.sin(2 * latents), latents[:, :2] * following[:, :2]])


def disc_images(n: int = 200) -> NDArray[np.uint8]:
    """Images of one soft disc, [n, 256] values 0..255: dimension 3 (centre and radius), more columns than rows."""
    generator = np.random.default_rng(seed_from(check="discs"))
    x, y, radius = generator.uniform([[-0.4], [-0.4], [0.3]], [[0.4], [0.4], [0.6]], (3, n))[..., None, None]
    axis = np.linspace(-1, 1, 16)
    inside = radius**2 - (axis - x) ** 2 - (axis[:, None] - y) ** 2
    pixels: Points = np.round(255 / (1 + np.exp(-inside / 0.1)))
    return pixels.reshape(n, -1).astype(np.uint8)


SPHERE = "a 3-sphere patch in 10 dimensions"
KNOWN: Mapping[str, Callable[[], NDArray[Any]]] = {
    SPHERE: sphere_patch,
    "a curved 5-dimensional manifold in 12 dimensions": curved_manifold,
    "16 x 16 images of a disc with 3 degrees of freedom": disc_images,
}
"""What the contract is asked on; a submission never sees the names."""


@dataclass(frozen=True, slots=True)
class Invariance:
    """A change of the points that leaves their dimension as it is."""

    changes: Mapping[str, Callable[[Points], Points]]
    """What is done, in words, and the function from points [n, D] to points [n, D] (more rows if rows are copied)."""
    mend: str
    """What to do about an answer that moves."""


def _rotated(points: Points) -> Points:
    generator = np.random.default_rng(seed_from(check="rotation"))
    square = generator.standard_normal((points.shape[1], points.shape[1]))
    rotation: Points = np.linalg.qr(square)[0]
    return points @ rotation


def _reordered(points: Points) -> Points:
    return points[np.random.default_rng(seed_from(check="order")).permutation(len(points))]


def _with_copies(points: Points) -> Points:
    generator = np.random.default_rng(seed_from(check="copies"))
    return np.repeat(points, generator.integers(1, 4, len(points)), axis=0)


def _moved(points: Points) -> Points:
    return points + np.linspace(-3.0, 5.0, points.shape[1])


INVARIANCES: Mapping[str, Invariance] = {
    "scale": Invariance(
        {"X * 1000": lambda points: points * 1000, "X / 1000": lambda points: points / 1000},
        "make thresholds and radii relative to the distances, so that the unit of X does not matter.",
    ),
    "translation": Invariance(
        {"a constant vector added to X": _moved}, "use differences of rows, or subtract the mean."
    ),
    "rotation": Invariance(
        {"X rotated at random": _rotated}, "treat all coordinates alike, for instance by Euclidean distances only."
    ),
    "row-order": Invariance(
        {"the rows of X in another order": _reordered}, "do not choose rows by their position in X."
    ),
    "duplicates": Invariance(
        {"rows copied (the harness removes copies)": _with_copies},
        "the points are the same as without copies, so something besides X and the seed decides the answer.",
    ),
}
"""The badges, by name."""
