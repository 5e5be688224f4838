"""Slices: volumes of patients cut at neighbouring positions, so images come in groups, as from a scanner.

One latent is the position of the cut, the others are the patient's. Organs are ellipsoids: along the axis of the body
they grow, shrink and lean. Some organs are the same in all patients, so no patient's latents can stand for a position.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.equalise import choose, equalised, mean_effects
from benchmark.synthetic.phantoms.family import BoxPhantom, Family
from benchmark.synthetic.phantoms.organs import Factors, draw_anatomy, factor_ranges, paint

if TYPE_CHECKING:
    from torch import Tensor

ORGANS = {
    "skin": ((0.0, 0.0, 0.92, 0.70, 0.0, 0.34), (-1.5, 5.0, 0.0, 0.03)),
    "wall": ((0.0, 0.0, 0.85, 0.63, 0.0, 0.55), (-1.5, 4.8, 0.0, 0.03)),
    "fat": ((0.0, -0.02, 0.78, 0.55, 0.0, 0.26), (-1.5, 4.6, 0.0, 0.03)),
    "lung left": ((-0.41, 0.06, 0.30, 0.34, 0.15, 0.03), (1.05, 1.20, -0.03, 0.0)),
    "lung right": ((0.42, 0.07, 0.29, 0.33, -0.15, 0.03), (1.10, 1.25, 0.03, 0.0)),
    "muscle left": ((-0.24, 0.46, 0.20, 0.11, 0.15, 0.56), (-1.8, 3.0, 0.02, 0.05)),
    "muscle right": ((0.24, 0.46, 0.20, 0.11, -0.15, 0.56), (-1.8, 3.0, -0.02, 0.05)),
    "vertebra": ((0.0, 0.38, 0.14, 0.12, 0.0, 0.95), (-1.2, 4.0, 0.0, 0.06)),
    "canal": ((0.0, 0.49, 0.055, 0.045, 0.0, 0.50), (-1.2, 4.0, 0.0, 0.06)),
    "liver": ((-0.34, -0.04, 0.42, 0.42, 0.35, 0.66), (-0.1, 1.10, 0.06, 0.04)),
    "stomach": ((0.30, -0.16, 0.33, 0.24, -0.35, 0.50), (-0.2, 1.10, -0.05, 0.05)),
    "spleen": ((0.56, 0.20, 0.14, 0.25, 0.30, 0.70), (-0.15, 1.10, -0.03, 0.03)),
    "kidney left": ((-0.36, 0.30, 0.18, 0.14, 0.6, 0.82), (-0.95, 0.95, -0.02, 0.02)),
    "kidney right": ((0.36, 0.30, 0.18, 0.14, -0.6, 0.82), (-0.85, 0.95, 0.02, 0.02)),
    "cava": ((-0.10, 0.17, 0.085, 0.065, 0.1, 0.72), (-1.6, 3.0, 0.03, -0.05)),
    "aorta": ((0.07, 0.20, 0.07, 0.07, 0.0, 0.88), (1.6, 3.0, 0.02, 0.02)),
}
"""Parameters in the middle of the body as in `organs.PARAMETERS`; then the position of the organ's middle, its half
axis along the body, and how far it leans to x and y per unit of position."""
SAME = ("skin", "vertebra", "canal", "aorta", "lung left", "lung right", "kidney left", "kidney right")
"""Organs that are the same in all patients: where a cut misses an organ, latents of its own would move nothing."""
SPREAD = 0.06
"""How far anatomies differ, as a share of the axes of each organ."""
RANGES = {"move": 0.3, "stretch": 0.3, "turn": 0.5, "shade": 0.2}
"""The furthest a patient's factor may go, see `organs.factor_ranges`."""
WEAKEST = 0.4
"""Factors of less than this share of the median effect are the same in all patients."""
LENGTH = 0.55
"""Positions of cuts go from -LENGTH to LENGTH, in half image widths: a latent of 1."""
PER_PATIENT = 20
"""Images of one patient."""
STEP = 0.05
"""Between neighbouring cuts of a patient, in latents: 20 of them pass over about half of the body."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SlicesPhantom(BoxPhantom):
    """A body cut across; the first latent is the position of the cut, the others are the patient's."""

    factors: Factors
    along: tuple[tuple[float, ...], ...]
    """[K, 4]: middle, half axis and lean of each organ along the body."""

    def latents(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n latents, `PER_PATIENT` neighbouring positions of one patient after the other, [n, d]."""
        patients = -(-n // PER_PATIENT)
        persons = rng.uniform(-1.0, 1.0, (patients, self.dimension - 1))
        first = rng.uniform(-1.0, 1.0 - STEP * (PER_PATIENT - 1), (patients, 1))
        positions = first + STEP * np.arange(PER_PATIENT)
        return np.column_stack([positions.ravel(), np.repeat(persons, PER_PATIENT, axis=0)])[:n]

    def render(self, latents: "Tensor", size: int) -> "Tensor":
        """Latents [n, d] to images [n, size, size]."""
        import torch

        middle, half, lean_x, lean_y = torch.tensor(self.along, dtype=latents.dtype, device=latents.device).unbind(-1)
        position = LENGTH * latents[:, :1]
        parameters = self.factors.parameters(latents[:, 1:])
        lean = torch.stack([lean_x * position, lean_y * position], dim=-1)
        placed = torch.cat([parameters[..., :2] + lean, parameters[..., 2:]], dim=-1)
        return paint(placed, size, cut=(position - middle) / half)

    def groups(self, latents: Floats) -> NDArray[np.int64]:
        """The patient of each image, [n], numbered in order of appearance."""
        _, first, inverse = np.unique(latents[:, 1:], axis=0, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[inverse.ravel()]


def make(dimension: int, seed: int) -> SlicesPhantom:
    """An anatomy drawn by seed, and `dimension` - 1 factors in which patients differ."""
    import torch

    rng = np.random.default_rng(seed_from(phantom="slices", anatomy=seed))
    anatomy = draw_anatomy([plane for plane, _ in ORGANS.values()], SPREAD, rng)
    along = tuple(rest for _, rest in ORGANS.values())
    ranges = factor_ranges(anatomy, **RANGES)
    free = np.array([name not in SAME for name in ORGANS])
    varying = tuple(np.flatnonzero(np.repeat(free, anatomy.shape[1])).tolist())
    base = tuple(anatomy.ravel().tolist())
    spread = ranges.ravel()[list(varying)]
    whole = SlicesPhantom(1 + len(varying), Factors(base, varying, tuple(spread.tolist())), along)
    effects = mean_effects(whole.render, 1 + len(varying))
    picked = list(choose(effects[1:], dimension - 1, rng, WEAKEST))
    chosen = tuple(varying[j] for j in picked)

    def phantom_of(equal: tuple[float, ...]) -> SlicesPhantom:
        return SlicesPhantom(dimension, Factors(base, chosen, equal), along)

    def in_the_middle(equal: tuple[float, ...]) -> "Callable[[Tensor, int], Tensor]":
        cut = phantom_of(equal)
        return lambda persons, size: cut.render(torch.cat([0 * persons[:, :1], persons], dim=1), size)

    return phantom_of(equalised(in_the_middle, spread[picked], effects[1:][picked]))


FAMILY = Family(
    name="slices",
    domain="radiology",
    about="Bodies of patients cut at neighbouring positions: one latent is the position, the others are the patient's.",
    minimum=2,
    maximum=32,
    make=make,
)
