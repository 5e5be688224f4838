"""Periodic: limbs seen across, each turned about its own axis by any angle, so the images form a torus."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.family import BoxPhantom, Family
from benchmark.synthetic.phantoms.organs import paint
from benchmark.synthetic.phantoms.smooth import sine_cosine

if TYPE_CHECKING:
    from torch import Tensor

PARTS = (
    (0.00, 0.0, 0.95, 0.95, 0.34),
    (0.02, 0.5, 0.84, 0.80, 0.58),
    (0.36, 0.0, 0.30, 0.26, 0.97),
    (0.36, 0.0, 0.17, 0.13, 0.50),
    (0.40, 2.5, 0.20, 0.17, 0.93),
    (0.55, 1.3, 0.12, 0.10, 0.84),
    (0.30, -1.6, 0.33, 0.07, 0.40),
)
"""Fat, muscle, a thick bone and its marrow, a thin bone, a vessel and the fat between muscles: distance from the axis,
direction from the first bone, half axes, all as shares of the limb's radius, and intensity. No turn but a full one
brings the parts back."""
SPREAD = 0.1
"""How far limbs differ, as a share of their parts' distances and axes."""

Floats = NDArray[np.float64]


def places(count: int) -> Floats:
    """Where `count` limbs of one size lie in the image, [count, 3]: centre x, centre y and radius."""
    if count == 1:
        return np.array([[0.0, 0.0, 0.85]])
    ring = count - 1 if count > 6 else count
    share = np.sin(np.pi / ring)
    radius = 0.96 * share / (1 + share)
    turn = 2 * np.pi * np.arange(ring) / ring + (0.0 if ring == 2 else np.pi / 2)
    rows = [(0.96 - radius) * np.cos(turn), (0.96 - radius) * np.sin(turn), np.full(ring, 0.97 * radius)]
    middle = np.array([[0.0, 0.0, 0.97 * radius]])
    return np.concatenate([np.stack(rows, axis=1), middle[: count - ring]]).round(12)


@dataclass(frozen=True)
class PeriodicPhantom(BoxPhantom):
    """Limbs; each latent is the angle of one, in [-pi, pi)."""

    parts: tuple[tuple[tuple[float, ...], ...], ...]
    """[d, parts, 5], as `PARTS`, but in half image widths."""

    def latents(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n latents uniformly in [-pi, pi)^d, [n, d]."""
        return rng.uniform(-np.pi, np.pi, (n, self.dimension))

    def render(self, latents: "Tensor", size: int) -> "Tensor":
        """Latents [n, d] to images [n, size, size]."""
        import torch

        parts = torch.tensor(self.parts, dtype=latents.dtype, device=latents.device)
        centres = torch.from_numpy(places(self.dimension)).to(latents)
        distance, direction, wide, high, intensity = parts.unbind(-1)
        angle = latents[:, :, None] + direction
        sine, cosine = sine_cosine(angle)
        x, y = centres[:, 0, None] + distance * cosine, centres[:, 1, None] + distance * sine
        still = 0 * angle
        parameters = torch.stack([x, y, wide + still, high + still, angle, intensity + still], dim=-1)
        return paint(parameters.reshape(len(latents), -1, 6), size)

    def separation(self, a: Floats, b: Floats) -> Floats:
        """Distances [m] on the torus: differences of angles are taken the short way round."""
        turned = np.abs(a - b) % (2 * np.pi)
        return np.asarray(np.sqrt((np.minimum(turned, 2 * np.pi - turned) ** 2).sum(axis=1)))


def make(dimension: int, seed: int) -> PeriodicPhantom:
    """`dimension` limbs, drawn by seed."""
    rng = np.random.default_rng(seed_from(phantom="periodic", anatomy=seed))
    limbs = []
    for radius in places(dimension)[:, 2]:
        parts = np.array(PARTS)
        parts[1:, [0, 2, 3]] *= 1 + SPREAD * rng.uniform(-1, 1, (len(parts) - 1, 3))
        parts[:, [0, 2, 3]] *= radius
        limbs.append(tuple(tuple(row) for row in parts.tolist()))
    return PeriodicPhantom(dimension, tuple(limbs))


FAMILY = Family(
    name="periodic",
    domain="radiology",
    about="Limbs seen across, each turned about its axis by any angle: a circle for one, a torus for several.",
    maximum=8,
    make=make,
)
