"""Warp: the head of Shepp and Logan, deformed by smooth fields.

The ten ellipses of Shepp & Logan (1974) with the intensities of Toft's modified table (1996), evaluated at
x + sum_j u_j a_j phi_j(x): each phi_j is a product of cosines, along one of the two axes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.equalise import choose, equalised, mean_effects
from benchmark.synthetic.phantoms.family import BoxPhantom, Family
from benchmark.synthetic.phantoms.smooth import pixel_grid, sine_cosine, soft_step

if TYPE_CHECKING:
    from torch import Tensor

HEAD = (
    (0.0, 0.0, 0.69, 0.92, 0.0, 1.0),
    (0.0, -0.0184, 0.6624, 0.874, 0.0, -0.8),
    (0.22, 0.0, 0.11, 0.31, -18.0, -0.2),
    (-0.22, 0.0, 0.16, 0.41, 18.0, -0.2),
    (0.0, 0.35, 0.21, 0.25, 0.0, 0.1),
    (0.0, 0.1, 0.046, 0.046, 0.0, 0.1),
    (0.0, -0.1, 0.046, 0.046, 0.0, 0.1),
    (-0.08, -0.605, 0.046, 0.023, 0.0, 0.1),
    (0.0, -0.606, 0.023, 0.023, 0.0, 0.1),
    (0.06, -0.605, 0.023, 0.046, 0.0, 0.1),
)
"""Centre, half axes, angle in degrees and added intensity, y upwards."""
EDGE = 0.025
"""How soft an edge is, in half image widths."""
SHRINK = 0.93
"""The head is this much smaller than the table's, so that no deformation pushes it out of the image."""
WAVES = 6
"""Half waves along each axis that a field may have, from 0: 36 products of cosines, each for x and for y."""
SLOPE = 0.16
"""Largest derivative of a field at latent 1, and the shift of the constant ones is the half of it."""
MANY = 24
"""With more fields than this, each is smaller, so that their sum folds nothing and stays in the image."""
WEAKEST = 0.3
"""Fields of less than this share of the median effect are left out."""

Field = tuple[int, int, int]
"""Half waves along x and along y, and the axis that moves: 0 is x, 1 is y."""


def fields() -> list[Field]:
    """Every field of fewer than `WAVES` half waves along each axis, from smooth to fine."""
    every = [(k, m, axis) for k in range(WAVES) for m in range(WAVES) for axis in (0, 1)]
    return sorted(every, key=lambda field: (field[0] ** 2 + field[1] ** 2, field))


def amplitudes(chosen: Sequence[Field], dimension: int) -> NDArray[np.float64]:
    """The largest shift of each field at which its derivative is at most `SLOPE`, and less where many add up."""
    slope = SLOPE * min(1.0, (MANY / dimension) ** 0.5)
    return np.array([slope / max(2.0, np.pi / 2 * max(k, m)) for k, m, _ in chosen])


def displaced(
    latents: "Tensor", chosen: tuple[Field, ...], ranges: tuple[float, ...], size: int
) -> "tuple[Tensor, Tensor]":
    """Where each pixel looks, x and y [n, size, size]: its place plus latents [n, d] times ranges times the fields."""
    x, y = pixel_grid(size, latents)
    along_x, along_y = _cosines(x), _cosines(y)
    moved = []
    for axis, place in enumerate((x + 0 * y, y + 0 * x)):
        total = place + 0 * latents[:, :1, None]
        for m in range(WAVES):
            terms = [j for j, field in enumerate(chosen) if field[1] == m and field[2] == axis]
            if terms:
                row = sum((latents[:, j, None, None] * ranges[j]) * along_x[chosen[j][0]] for j in terms)
                total = total + row * along_y[m]
        moved.append(total)
    return moved[0], moved[1]


def _cosines(places: "Tensor") -> "list[Tensor]":
    """cos(k pi (x + 1) / 2) at places in [-1, 1], for k = 0, 1, ..."""
    return [sine_cosine(np.pi / 2 * k * (places + 1))[1] for k in range(WAVES)]


def soft_ellipse(x: "Tensor", y: "Tensor", shape: Sequence[float], edge: float) -> "Tensor":
    """1 inside an ellipse, 0 outside. shape: centre x and y, half axes, angle in radians."""
    centre_x, centre_y, a, b, angle = shape
    sharpness = math.sqrt(a * b) / (2 * edge)
    # rounded, since the last bits of these differ between machines
    cosine, sine = round(math.cos(angle), 12), round(math.sin(angle), 12)
    along = _line(x, y, cosine, sine, centre_x, centre_y, math.sqrt(sharpness) / a)
    across = _line(y, x, cosine, -sine, centre_y, centre_x, math.sqrt(sharpness) / b)
    return soft_step(sharpness - along * along - across * across)


def _line(x: "Tensor", y: "Tensor", cosine: float, sine: float, at_x: float, at_y: float, scale: float) -> "Tensor":
    """The line scale (cosine (x - at_x) + sine (y - at_y)), with as few operations on whole images as there can be."""
    offset = scale * (cosine * at_x + sine * at_y)
    if sine == 0:
        return (scale * cosine) * x - offset
    return ((scale * cosine) * x - offset) + (scale * sine) * y


def head(x: "Tensor", y: "Tensor") -> "Tensor":
    """The phantom's intensity at x and y, y downwards."""
    image = 0 * x
    for centre_x, centre_y, a, b, degrees, intensity in HEAD:
        shape = (SHRINK * centre_x, -SHRINK * centre_y, SHRINK * a, SHRINK * b, -math.radians(degrees))
        image = image + intensity * soft_ellipse(x, y, shape, EDGE)
    return image


@dataclass(frozen=True)
class WarpPhantom(BoxPhantom):
    """The head under some of the fields."""

    chosen: tuple[Field, ...]
    ranges: tuple[float, ...]
    """Half image widths that each field moves at most, at latent 1."""

    def render(self, latents: "Tensor", size: int) -> "Tensor":
        """Latents [n, d] to images [n, size, size]."""
        return head(*displaced(latents, self.chosen, self.ranges, size))


def make(dimension: int, seed: int) -> WarpPhantom:
    """The head and `dimension` fields drawn by seed."""
    every = fields()
    ranges = amplitudes(every, dimension)
    effects = mean_effects(WarpPhantom(len(every), tuple(every), tuple(ranges.tolist())).render, len(every))
    rng = np.random.default_rng(seed_from(phantom="warp", anatomy=seed))
    picked = list(choose(effects, dimension, rng, WEAKEST))

    def phantom_of(equal: tuple[float, ...]) -> WarpPhantom:
        return WarpPhantom(dimension, tuple(every[j] for j in picked), equal)

    return phantom_of(equalised(lambda equal: phantom_of(equal).render, ranges[picked], effects[picked]))


FAMILY = Family(
    name="warp",
    domain="radiology",
    about="The Shepp-Logan head under smooth deformations.",
    maximum=64,
    make=make,
)
