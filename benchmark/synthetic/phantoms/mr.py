"""MR: a T1-weighted slice of a brain; it deforms, its tissues change in contrast and a bias field shades it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.equalise import choose, equalised, mean_effects
from benchmark.synthetic.phantoms.family import BoxPhantom, Family
from benchmark.synthetic.phantoms.smooth import pixel_grid, sine_cosine, soft_step
from benchmark.synthetic.phantoms.warp import Field, amplitudes, displaced, fields, soft_ellipse

if TYPE_CHECKING:
    from torch import Tensor

TISSUES = {"scalp": 0.88, "bone": 0.07, "fluid": 0.14, "grey": 0.47, "white": 0.76, "nuclei": 0.56}
"""Intensity of each, 0..1."""
CONTRAST_RANGE = 0.12
"""The furthest an intensity may go."""
BIAS = tuple((k, m) for k in range(3) for m in range(3) if k + m)
"""Half waves along x and y of the bias fields, products of cosines; the constant one would be contrast."""
BIAS_RANGE = 0.16
"""The furthest one bias field may go, as a share of the image."""
EDGE = 0.022
"""How soft an edge is, in half image widths."""
DEEP = (
    ("nuclei", (-0.15, 0.10, 0.09, 0.13, -0.35)),
    ("nuclei", (0.15, 0.10, 0.09, 0.13, 0.35)),
    ("nuclei", (-0.25, -0.06, 0.055, 0.17, 0.25)),
    ("nuclei", (0.25, -0.06, 0.055, 0.17, -0.25)),
    ("fluid", (-0.095, -0.18, 0.045, 0.17, -0.30)),
    ("fluid", (0.095, -0.18, 0.045, 0.17, 0.30)),
    ("fluid", (-0.18, 0.32, 0.05, 0.15, 0.50)),
    ("fluid", (0.18, 0.32, 0.05, 0.15, -0.50)),
    ("fluid", (0.0, 0.08, 0.016, 0.11, 0.0)),
    ("fluid", (0.0, -0.62, 0.016, 0.22, 0.0)),
    ("fluid", (0.0, 0.66, 0.016, 0.20, 0.0)),
    ("fluid", (-0.50, -0.07, 0.020, 0.15, 1.15)),
    ("fluid", (0.50, -0.07, 0.020, 0.15, -1.15)),
)
"""Thalami and lenticular nuclei; horns of the lateral ventricles, third ventricle and fissures, as `soft_ellipse`."""
FOLD = 0.33
"""How far gyri reach in and out: a share of the brain's squared radius."""
WEAKEST = 0.3
"""Deformations of less than this share of the median effect are left out."""


Folds = tuple[float, float, float]
"""Phase of the gyri round the head, and how it bends along the diagonals and along the axes."""


def brain(x: "Tensor", y: "Tensor", tissues: "dict[str, Tensor]", folds: Folds) -> "Tensor":
    """Intensity at x and y [n, size, size], y downwards, of tissues [n, 1, 1]."""
    image = soft_ellipse(x, y, (0.0, 0.0, 0.76, 0.93, 0.0), EDGE) * tissues["scalp"]
    image = image + soft_ellipse(x, y, (0.0, 0.0, 0.70, 0.87, 0.0), EDGE) * (tissues["bone"] - image)
    inner = soft_ellipse(x, y, (0.0, 0.0, 0.655, 0.825, 0.0), EDGE)
    image = image + inner * (tissues["fluid"] - image)
    depth = _depth(x, y, folds)
    image = image + inner * soft_step((depth - 0.02) * 15) * (tissues["grey"] - image)
    image = image + inner * soft_step((depth - 0.22) * 15) * (tissues["white"] - image)
    for tissue, shape in DEEP:
        image = image + soft_ellipse(x, y, shape, EDGE) * (tissues[tissue] - image)
    return image


def _depth(x: "Tensor", y: "Tensor", folds: Folds) -> "Tensor":
    """0 at the surface of the brain, 1 in its middle, pushed in and out by gyri: 16 and 8 of them round the head."""
    u, v = x / 0.645, y / 0.81
    uu, vv = u * u, v * v
    r2 = uu + vv
    norm = 1 / (r2 + 1e-3).sqrt()
    cosine, sine = u * norm, v * norm
    turns = []
    for _ in range(4):
        cosine, sine = cosine * cosine - sine * sine, 2 * sine * cosine
        turns.append((cosine, sine))
    (coarse_cosine, coarse_sine), (fine_cosine, fine_sine) = turns[2:]
    bend_sine, bend_cosine = sine_cosine(folds[0] + folds[1] * (u * v) + folds[2] * (uu - vv) + 4 * (uu - vv) * (u * v))
    fine = fine_cosine * bend_cosine - fine_sine * bend_sine
    coarse = coarse_cosine * bend_sine + coarse_sine * bend_cosine
    ridges = 0.65 * fine + 0.45 * coarse
    # a sulcus is narrow and a gyrus broad
    return 1 - r2 + FOLD * r2 * (ridges - 0.5 * ridges * ridges)


@dataclass(frozen=True)
class MRPhantom(BoxPhantom):
    """The brain with its deformations, contrasts and bias fields; the latents are in this order."""

    warps: tuple[Field, ...]
    contrasts: tuple[str, ...]
    shades: tuple[tuple[int, int], ...]
    ranges: tuple[float, ...]
    """[d], what a latent of 1 adds: half image widths, intensity, share of the image."""
    folds: Folds

    def render(self, latents: "Tensor", size: int) -> "Tensor":
        """Latents [n, d] to images [n, size, size]."""
        first, second = len(self.warps), len(self.warps) + len(self.contrasts)
        x, y = displaced(latents, self.warps, self.ranges[:first], size)
        tissues = {name: 0 * latents[:, :1, None] + value for name, value in TISSUES.items()}
        for j, name in enumerate(self.contrasts, start=first):
            tissues[name] = tissues[name] + self.ranges[j] * latents[:, j, None, None]
        image = brain(x, y, tissues, self.folds)
        if not self.shades:
            return image
        along_x, along_y = pixel_grid(size, latents)
        bias = 1 + 0 * along_x * along_y
        for j, (k, m) in enumerate(self.shades, start=second):
            wave = sine_cosine(np.pi / 2 * k * (along_x + 1))[1] * sine_cosine(np.pi / 2 * m * (along_y + 1))[1]
            bias = bias + (self.ranges[j] * latents[:, j, None, None]) * wave
        return image * bias


def make(dimension: int, seed: int) -> MRPhantom:
    """A brain drawn by seed: a quarter of its factors contrasts and a quarter bias fields, as far as there are."""
    rng = np.random.default_rng(seed_from(phantom="mr", anatomy=seed))
    turn, diagonal, straight = rng.uniform(-1, 1, 3).tolist()
    folds = (np.pi * turn, 3 * diagonal, 3 * straight)
    every = fields()
    contrasts, shades = tuple(TISSUES), BIAS
    ranges: NDArray[np.float64] = np.concatenate(
        [amplitudes(every, dimension), np.full(len(contrasts), CONTRAST_RANGE), np.full(len(shades), BIAS_RANGE)]
    )
    count = len(ranges)
    whole = MRPhantom(count, tuple(every), contrasts, shades, tuple(ranges.tolist()), folds)
    effects = mean_effects(whole.render, count)
    of_contrast = min(len(contrasts) - 1, max(dimension // 4, int(dimension > 1)))
    of_bias = min(len(shades), dimension // 4)
    first, second = len(every), len(every) + len(contrasts)
    warped = choose(effects[:first], dimension - of_contrast - of_bias, rng, WEAKEST)
    # bone has no signal, so its contrast would hardly be seen
    contrasted = rng.permutation([j for j, name in enumerate(contrasts) if name != "bone"])[:of_contrast]
    shaded = rng.permutation(len(shades))[:of_bias]
    picked = [*warped, *(first + contrasted).tolist(), *(second + shaded).tolist()]

    def phantom_of(equal: tuple[float, ...]) -> MRPhantom:
        return MRPhantom(
            dimension,
            tuple(every[j] for j in warped),
            tuple(contrasts[j] for j in contrasted),
            tuple(shades[j] for j in shaded),
            equal,
            folds,
        )

    return phantom_of(equalised(lambda equal: phantom_of(equal).render, ranges[picked], effects[picked]))


FAMILY = Family(
    name="mr",
    domain="radiology",
    about="A T1-weighted MR slice of a brain: it deforms, its tissues change in contrast, a bias field shades it.",
    maximum=64,
    make=make,
)
