"""Ellipses: organs in a body, as in a slice of an abdomen; their places, shapes and intensities vary."""

import numpy as np

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.equalise import choose, equalised, mean_effects
from benchmark.synthetic.phantoms.family import Family
from benchmark.synthetic.phantoms.organs import Factors, OrgansPhantom, draw_anatomy, factor_ranges

ORGANS = {
    "skin": (0.0, 0.0, 0.90, 0.66, 0.0, 0.34),
    "wall": (0.0, 0.0, 0.83, 0.59, 0.0, 0.55),
    "fat": (0.0, -0.02, 0.76, 0.51, 0.0, 0.28),
    "rib 1": (-0.68, -0.29, 0.09, 0.030, -0.85, 0.92),
    "rib 2": (-0.81, 0.06, 0.08, 0.028, 1.45, 0.92),
    "rib 3": (-0.62, 0.37, 0.10, 0.030, 0.75, 0.92),
    "rib 4": (0.68, -0.29, 0.09, 0.030, 0.85, 0.92),
    "rib 5": (0.81, 0.06, 0.08, 0.028, -1.45, 0.92),
    "rib 6": (0.62, 0.37, 0.10, 0.030, -0.75, 0.92),
    "muscle left": (-0.24, 0.44, 0.18, 0.10, 0.15, 0.56),
    "muscle right": (0.24, 0.44, 0.18, 0.10, -0.15, 0.56),
    "vertebra": (0.0, 0.36, 0.13, 0.11, 0.0, 0.95),
    "canal": (0.0, 0.47, 0.055, 0.045, 0.0, 0.50),
    "liver": (-0.40, -0.06, 0.33, 0.36, 0.35, 0.66),
    "lobe": (-0.10, -0.26, 0.26, 0.14, 0.25, 0.66),
    "stomach": (0.33, -0.24, 0.25, 0.17, -0.35, 0.50),
    "spleen": (0.57, 0.11, 0.12, 0.21, 0.30, 0.70),
    "kidney left": (-0.34, 0.30, 0.13, 0.10, 0.6, 0.82),
    "kidney right": (0.35, 0.27, 0.13, 0.10, -0.6, 0.82),
    "pancreas": (0.12, 0.00, 0.19, 0.065, -0.3, 0.58),
    "cava": (-0.10, 0.17, 0.075, 0.055, 0.1, 0.74),
    "aorta": (0.07, 0.20, 0.06, 0.06, 0.0, 0.88),
    "gallbladder": (-0.22, -0.14, 0.08, 0.11, 0.5, 0.42),
    "gas": (0.36, -0.31, 0.11, 0.06, -0.2, 0.08),
    "bowel": (0.44, -0.02, 0.10, 0.075, 0.4, 0.50),
}
"""Parameters as in `organs.PARAMETERS`, in the order of painting; the patient's right is on the left."""
RANGES = {"move": 0.35, "stretch": 0.35, "turn": 0.6, "shade": 0.22}
"""The furthest a factor may go, see `organs.factor_ranges`."""
SPREAD = 0.1
"""How far persons differ, as a share of the axes of each organ."""
WEAKEST = 0.6
"""Factors of less than this share of the median effect stay fixed: to move the image alike, all must be strong."""


def make(dimension: int, seed: int) -> OrgansPhantom:
    """A person drawn by seed, and `dimension` of the factors of their organs."""
    rng = np.random.default_rng(seed_from(phantom="ellipses", anatomy=seed))
    anatomy = draw_anatomy(tuple(ORGANS.values()), SPREAD, rng)
    ranges = factor_ranges(anatomy, **RANGES).ravel()
    base, count = tuple(anatomy.ravel().tolist()), anatomy.size
    everything = OrgansPhantom(count, Factors(base, tuple(range(count)), tuple(ranges.tolist())))
    effects = mean_effects(everything.render, count)
    chosen = choose(effects, dimension, rng, WEAKEST)
    picked = list(chosen)

    def phantom_of(equal: tuple[float, ...]) -> OrgansPhantom:
        return OrgansPhantom(dimension, Factors(base, chosen, equal))

    return phantom_of(equalised(lambda equal: phantom_of(equal).render, ranges[picked], effects[picked]))


FAMILY = Family(
    name="ellipses",
    domain="radiology",
    about="A slice of an abdomen: organs with soft edges, whose places, shapes, angles and intensities vary.",
    maximum=64,
    make=make,
)
