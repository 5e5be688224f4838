"""Organs: soft-edged ellipses painted one over the other, and the factors that move them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.synthetic.phantoms.family import BoxPhantom
from benchmark.synthetic.phantoms.smooth import pixel_grid, sine_cosine, soft_step

if TYPE_CHECKING:
    from torch import Tensor

PARAMETERS = ("centre x", "centre y", "half axis a", "half axis b", "angle", "intensity")
"""Of an ellipse: lengths in half image widths, the angle in radians, intensity in 0..1."""
EDGE = 0.032
"""How soft an edge is, in half image widths: about 1 pixel of 64."""

Floats = NDArray[np.float64]


def paint(parameters: "Tensor", size: int, cut: "Tensor | None" = None) -> "Tensor":
    """Paint ellipses [n, K, 6] in order on black, each over those before: [n, size, size].

    cut [n, K]: how far the slice is from the middle of an ellipsoid, as a share of its third half axis.
    """
    x, y = pixel_grid(size, parameters)
    centre_x, centre_y, a, b, angle, intensity = (part[..., None, None] for part in parameters.unbind(-1))
    sine, cosine = sine_cosine(angle)
    sharpness = (a * b).sqrt() / (2 * EDGE)
    wide, high = sharpness / (a * a), sharpness / (b * b)
    dx, dy = x - centre_x, y - centre_y
    inside = sharpness if cut is None else sharpness * (1 - cut * cut)[..., None, None]
    # t = sharpness (1 - q), with the quadratic form q that is 1 on the outline, is column - row - shear * dy
    row = (cosine * cosine * wide + sine * sine * high) * dx * dx
    column = inside - (sine * sine * wide + cosine * cosine * high) * dy * dy
    shear = 2 * sine * cosine * (wide - high) * dx
    image = 0 * x * y
    for part in zip(*(part.unbind(1) for part in (row, column, shear, dy, intensity)), strict=True):
        row_k, column_k, shear_k, dy_k, intensity_k = part
        image = image + soft_step((column_k - row_k) - shear_k * dy_k) * (intensity_k - image)
    return image


@dataclass(frozen=True)
class Factors:
    """Which parameters of the ellipses vary, and how far."""

    base: tuple[float, ...]
    """[6 K], the parameters in the middle."""
    chosen: tuple[int, ...]
    """[d], positions in `base`."""
    ranges: tuple[float, ...]
    """[d], how far a latent of 1 moves its parameter."""

    def parameters(self, latents: "Tensor") -> "Tensor":
        """The ellipses [n, K, 6] of latents [n, d]."""
        import torch

        base = torch.tensor(self.base, dtype=latents.dtype, device=latents.device)
        where = torch.full((len(self.base),), len(self.chosen), device=latents.device)
        where[list(self.chosen)] = torch.arange(len(self.chosen), device=latents.device)
        moves = latents * torch.tensor(self.ranges, dtype=latents.dtype, device=latents.device)
        # parameters that do not vary read the column of zeros
        moves = torch.cat([moves, torch.zeros_like(latents[:, :1])], dim=1)
        count = len(self.base) // len(PARAMETERS)
        return (base + moves[:, where]).reshape(len(latents), count, len(PARAMETERS))


@dataclass(frozen=True)
class OrgansPhantom(BoxPhantom):
    """Organs in a body, seen in a plane."""

    factors: Factors

    def render(self, latents: "Tensor", size: int) -> "Tensor":
        """Latents [n, d] to images [n, size, size]."""
        return paint(self.factors.parameters(latents), size)


def draw_anatomy(table: Sequence[Sequence[float]], spread: float, rng: np.random.Generator) -> Floats:
    """A person: the table of ellipses [K, 6] with each centre and axis changed by up to `spread` of the axes."""
    anatomy = np.array(table, dtype=np.float64)
    axes = anatomy[:, 2:4].copy()
    anatomy[:, 0:2] += spread * axes * rng.uniform(-1, 1, axes.shape)
    anatomy[:, 2:4] += spread * axes * rng.uniform(-1, 1, axes.shape)
    anatomy[:, 4] += spread * rng.uniform(-1, 1, len(anatomy))
    return anatomy


def factor_ranges(anatomy: Floats, move: float, stretch: float, turn: float, shade: float) -> Floats:
    """The furthest that each parameter of the ellipses [K, 6] may go: centres and axes as shares of the axes."""
    ranges = np.empty_like(anatomy)
    ranges[:, 0:2] = move * anatomy[:, 2:4]
    ranges[:, 2:4] = stretch * anatomy[:, 2:4]
    ranges[:, 4] = turn
    ranges[:, 5] = shade
    return ranges
