"""Ultrasound: a breast seen by a linear array; its speckle is a fixed pattern that the tissue carries with it.

Speckle is no noise: the same tissue in the same place gives the same speckle. Here it is a fixed sum of waves in the
coordinates of the tissue at rest, so deforming the tissue moves layers and speckle together. Coordinates: half image
widths; x to the right, y into depth; the transducer lies at y = -1.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.factors import Factor, FactorPhantom, Table, make_phantom
from benchmark.synthetic.phantoms.family import Family
from benchmark.synthetic.phantoms.smooth import bell, pixel_grid, sine_cosine, soft_step

if TYPE_CHECKING:
    from torch import Tensor

    Complex = tuple[Tensor, Tensor]

ACROSS, DOWN = 4, 3
"""Modes of the deformation: cosines of 0 to 3 half waves across the image times those of 0 to 2 in depth."""
LATERAL, AXIAL = 5, 11
"""Highest harmonics of the speckle's waves, about one period in the image each: speckle is wider than deep. There are
two looks whose powers add, as in spatial compounding; each has one wave of every axial harmonic."""
LESION = {"x": 0.05, "y": 0.0, "width": 0.34, "height": 0.22, "darkness": 0.72, "shadow": 0.40, "halo": 0.12}
LAYERS = {
    "skin": -0.80,
    "fat": -0.30,
    "gland": 0.42,
    "bright skin": 1.05,
    "bright fat": 0.52,
    "bright gland": 0.86,
    "bright muscle": 0.48,
    "fascia": 0.45,
    "fascia below": 0.50,
}
"""The depth at which each layer ends, and its brightness; brightness of the fasciae at the ends of fat and gland."""
MACHINE = {"gain": 0.74, "attenuation": 0.24}
FLOOR = 0.06
"""Added to the echo's power: the display shows its fourth root, much like a logarithm, which needs a floor."""
EDGE, BOUNDARY = 0.22, 0.06
"""Softness of the lesion's edge, of its quadratic form, and of the layers' ends."""


def _table() -> Table:
    modes = [(a, b) for a in range(ACROSS) for b in range(DOWN)]
    values = {("lesion", key): value for key, value in LESION.items()}
    values |= {("layers", key): value for key, value in LAYERS.items()}
    values |= {("machine", key): value for key, value in MACHINE.items()}
    values |= {(axis, f"{a} {b}"): 0.0 for axis in ("x", "y") for a, b in modes}
    factors: list[Factor] = [
        *(
            (f"deformation in {axis}, mode {a} {b}", {(axis, f"{a} {b}"): 0.05})
            for axis in ("x", "y")
            for a, b in modes
        ),
        ("lesion in x", {("lesion", "x"): 0.16}),
        ("lesion in y", {("lesion", "y"): 0.12}),
        ("width of the lesion", {("lesion", "width"): 0.06}),
        ("height of the lesion", {("lesion", "height"): 0.05}),
        ("darkness of the lesion", {("lesion", "darkness"): 0.10}),
        ("shadow of the lesion", {("lesion", "shadow"): 0.16}),
        ("end of the skin", {("layers", "skin"): 0.05}),
        ("end of the fat", {("layers", "fat"): 0.10}),
        ("end of the gland", {("layers", "gland"): 0.10}),
        ("brightness of the fat", {("layers", "bright fat"): 0.10}),
        ("brightness of the gland", {("layers", "bright gland"): 0.10}),
        ("brightness of the muscle", {("layers", "bright muscle"): 0.12}),
        ("fascia", {("layers", "fascia"): 0.18}),
        ("fascia below", {("layers", "fascia below"): 0.18}),
        ("gain", {("machine", "gain"): 0.08}),
        ("attenuation", {("machine", "attenuation"): 0.08}),
    ]
    return Table(values, factors)


TABLE = _table()


@dataclass(frozen=True)
class Speckle:
    """Two fixed complex fields, each the sum over j of i^quarters_j z(x)^lateral_j w(y)^j; z and w have modulus 1."""

    lateral: tuple[tuple[int, ...], ...]
    """[2, AXIAL + 1]"""
    quarters: tuple[tuple[int, ...], ...]
    """[2, AXIAL + 1], each wave's phase in quarter turns, 0 to 3: turns by those cost nothing."""

    def power(self, x: "Tensor", y: "Tensor") -> "Tensor":
        """The sum of both |field|^2 at the tissue's coordinates, scaled to a mean of 1."""
        across, (d, t) = _powers(x, LATERAL), _powers(y, 1)[1]
        looks = []
        for lateral, quarters in zip(self.lateral, self.quarters, strict=True):
            real = imaginary = 0 * x
            # Horner's rule in w, from the highest harmonic down
            for i, quarter in zip(reversed(lateral), reversed(quarters), strict=True):
                c, s = across[abs(i)]
                a, b = (s, c) if quarter % 2 else (c, s)
                real, imaginary = real * d - imaginary * t, real * t + imaginary * d
                # i^quarter (c + sign(lateral) i s)
                real = _plus(real, a, (1, -1, -1, 1)[quarter] * (1 if i >= 0 or quarter % 2 == 0 else -1))
                imaginary = _plus(imaginary, b, (1, 1, -1, -1)[quarter] * (1 if i >= 0 or quarter % 2 else -1))
            looks.append(real * real + imaginary * imaginary)
        return (looks[0] + looks[1]) / (2 * (AXIAL + 1))


def _plus(total: "Tensor", part: "Tensor", sign: int) -> "Tensor":
    return total + part if sign > 0 else total - part


def _powers(x: "Tensor", highest: int) -> "list[Complex]":
    """z^0 to z^highest, as real and imaginary parts, of z = ((1 + i x / 2) / |1 + i x / 2|)^6, of angle near 3 x."""
    t = 0.5 * x
    t2 = t * t
    scale = 1 / (1 + t2)
    c, s = (1 - t2) * scale, x * scale
    u, v = c * c - s * s, 2 * c * s
    z = (c * u - s * v, c * v + s * u)
    powers = [(0 * x + 1, 0 * x), z]
    for _ in range(highest - 1):
        c, s = powers[-1]
        powers.append((c * z[0] - s * z[1], c * z[1] + s * z[0]))
    return powers


def draw_speckle(rng: np.random.Generator) -> Speckle:
    """Waves of random lateral harmonics and phases, all equally strong."""
    lateral = rng.integers(-LATERAL, LATERAL + 1, (2, AXIAL + 1)).tolist()
    quarters = rng.integers(0, 4, (2, AXIAL + 1)).tolist()
    return Speckle(tuple(map(tuple, lateral)), tuple(map(tuple, quarters)))


def tissue(parameters: "Tensor", size: int) -> "tuple[Tensor, Tensor]":
    """Where the tissue in each pixel lies at rest: x and y, each [n, size, size]."""
    columns, rows = pixel_grid(size, parameters)
    modes = parameters[len(LESION) + len(LAYERS) + len(MACHINE) :].reshape(2, ACROSS, DOWN, -1, 1, 1)
    waves_x = [sine_cosine(0.5 * math.pi * a * (columns + 1))[1] for a in range(ACROSS)]
    waves_y = [sine_cosine(0.5 * math.pi * b * (rows + 1))[1] for b in range(DOWN)]
    places = []
    for place, mode in zip((columns, rows), modes, strict=True):
        for b in range(DOWN):
            along = mode[0, b] * waves_x[0]
            for a in range(1, ACROSS):
                along = along + mode[a, b] * waves_x[a]
            place = place + along * waves_y[b]  # noqa: PLW2901 - a sum in its order
        places.append(place)
    return places[0], places[1]


def draw(parameters: "Tensor", size: int, speckle: Speckle) -> "Tensor":
    """B-mode images [n, size, size], of parameters [p, n] in the order of `TABLE`."""
    scalars = parameters[: len(LESION) + len(LAYERS) + len(MACHINE), :, None, None]
    at_x, at_y, width, height, darkness, shadow, halo = scalars[: len(LESION)]
    skin, fat, gland, skin_light, fat_light, gland_light, muscle_light, fascia, below = scalars[
        len(LESION) : len(LESION) + len(LAYERS)
    ]
    gain, attenuation = scalars[len(LESION) + len(LAYERS) :]
    x, y = tissue(parameters, size)
    wavy = y + 0.09 * x * x * (1 - x) - 0.03 * x
    light = skin_light + (fat_light - skin_light) * soft_step((y - skin) / BOUNDARY)
    light = light + (gland_light - fat_light) * soft_step((wavy - fat) / BOUNDARY)
    light = light + (muscle_light - gland_light) * soft_step((wavy - gland) / BOUNDARY)
    upper, lower = (wavy - fat) / BOUNDARY, (wavy - gland) / BOUNDARY
    light = light + fascia * bell(upper * upper) + below * bell(lower * lower)

    dx, dy = (x - at_x) / width, (y - at_y) / height
    q = dx * dx + dy * dy
    inside = soft_step((1 - q) / (2 * EDGE))
    rim = (q - 1.25) / 0.35
    light = (light + halo * bell(rim * rim)) * (1 - darkness * inside)
    light = light * (1 - shadow * bell(dx * dx * dx * dx) * soft_step((dy - 0.5) / 0.5))
    light = light * gain * (1 - attenuation * (y + 1))
    echo = light * light
    image: Tensor = (echo * echo * (speckle.power(x, y) + FLOOR)).sqrt().sqrt()
    return image


def make(dimension: int, seed: int) -> FactorPhantom:
    """A breast with its own speckle."""
    speckle = draw_speckle(np.random.default_rng(seed_from(phantom="ultrasound", speckle=seed)))
    return make_phantom("ultrasound", TABLE, partial(draw, speckle=speckle), dimension, seed)


FAMILY = Family(
    name="ultrasound",
    domain="radiology",
    about="A breast with a lesion: speckle is a fixed pattern that layers carry along as the tissue is deformed.",
    maximum=len(TABLE.factors),
    make=make,
)
