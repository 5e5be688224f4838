"""Scene: textured things before a horizon, the nearer hiding the farther, in grey.

Coordinates: half image widths; x to the right, y down.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.factors import Factor, FactorPhantom, Table, make_phantom
from benchmark.synthetic.phantoms.family import Family
from benchmark.synthetic.phantoms.smooth import pixel_grid, sine_cosine, soft_step

if TYPE_CHECKING:
    from torch import Tensor

THINGS = 9
PARAMETERS = ("x", "y", "width", "height", "angle", "light", "phase", "contrast", "pitch", "light from")
"""Of a thing: centre, half axes, rotation, brightness, and of its stripes phase, contrast and density; shading."""
MOVES = {"x": 0.10, "y": 0.10, "width": 0.04, "height": 0.04, "angle": 0.30, "light": 0.14, "phase": 0.3}
"""How far the latents move each parameter of a thing."""
BACKGROUND = {"horizon": -0.15, "slope": 0.0, "sky": 0.72, "haze": -0.18, "ground": 0.42, "near": 0.14}
"""The horizon's height and slope; brightness of the sky, its change downwards; of the ground, its change forwards."""
BACKGROUND_MOVES = {"horizon": 0.12, "slope": 0.12, "sky": 0.14, "haze": 0.14, "ground": 0.12, "near": 0.12}
EDGE = 0.03
"""Softness of outlines, in half image widths: about 1 pixel of 64."""
LAYOUTS, LAYOUT_SIZE = 60, 32
"""Arrangements that are tried, and the size of the images in which what is hidden is counted."""


def draw(parameters: "Tensor", size: int) -> "Tensor":
    """Images [n, size, size] of parameters [p, n]: things from far to near, then the background."""
    x, y = pixel_grid(size, parameters)
    horizon, slope, sky, haze, ground, near = parameters[len(PARAMETERS) * THINGS :, :, None, None]
    depth = y - horizon - slope * x
    above, below = soft_step((-depth - 0.6) / 0.6), soft_step((depth - 0.6) / 0.6)
    # rolling ground: bands that narrow towards the horizon
    bands = _stripes(3.0 / (depth * depth + 0.25).sqrt() + 0.3 * x)
    earth = soft_step(depth / EDGE)
    heaven = sky + haze * (1 - above)
    image: Tensor = heaven + earth * (ground + near * below + 0.06 * bands - heaven)
    for i, thing in enumerate(parameters[: len(PARAMETERS) * THINGS].reshape(THINGS, len(PARAMETERS), -1, 1, 1)):
        mask, u, v = outline(thing, x, y, boxed=i % 3 == 1)
        _, _, _, _, _, light, phase, contrast, pitch, light_from = thing
        surface = (light - light_from * v) + contrast * _stripes(pitch * u + phase)
        image = image + mask * (surface - image)
    return image


def outline(thing: "Tensor", x: "Tensor", y: "Tensor", *, boxed: bool) -> "tuple[Tensor, Tensor, Tensor]":
    """Where a thing [parameters, n, 1, 1] is, 0 to 1, and the coordinates along its axes; each [n, size, size].

    boxed: u^4 + v^4 = 1 instead of the ellipse u^2 + v^2 = 1.
    """
    at_x, at_y, width, height, angle = thing[:5]
    sine, cosine = sine_cosine(angle)
    dx, dy = x - at_x, y - at_y
    u = (cosine / width) * dx + (sine / width) * dy
    v = (cosine / height) * dy - (sine / height) * dx
    u2, v2 = u * u, v * v
    # half of it is 1 - u^4 - v^4 where the other is 1 - u^2 - v^2, so that edges are alike
    q = 0.5 + 0.5 * (u2 * u2 + v2 * v2) if boxed else u2 + v2
    return soft_step((1 - q) * ((width * height).sqrt() / (2 * EDGE))), u, v


def _stripes(u: "Tensor") -> "Tensor":
    """Cosine of 8 arctan(u / 2): near that of 4 u, slower far away; by doubling the angle of 1 + i u / 2."""
    t2 = 0.25 * (u * u)
    c = (1 - t2) / (1 + t2)
    for _ in range(2):
        c = 2 * (c * c) - 1
    return c


def draw_layout(rng: np.random.Generator) -> NDArray[np.float64]:
    """Things [THINGS, parameters] from far to near, placed so that much of each can be seen."""
    layouts = [_random_things(rng) for _ in range(LAYOUTS)]
    return max(layouts, key=lambda things: float(visible(things).min()))


def _random_things(rng: np.random.Generator) -> NDArray[np.float64]:
    """Things of random place, size and surface; the nearer the lower and the larger."""
    nearness = np.sort(rng.uniform(0, 1, THINGS))
    long = 0.26 + 0.20 * nearness + rng.uniform(-0.05, 0.06, THINGS)
    short = long * rng.uniform(0.42, 0.6, THINGS)
    light = rng.choice([0.25, 0.35, 0.5, 0.65, 0.75], THINGS) + rng.uniform(-0.04, 0.04, THINGS)
    columns = [
        rng.uniform(-0.8, 0.8, THINGS),
        -0.55 + 1.25 * nearness + rng.uniform(-0.2, 0.2, THINGS),
        long,
        short,
        rng.choice([0.0, math.pi / 2], THINGS) + rng.uniform(-0.3, 0.3, THINGS),
        light,
        rng.uniform(-0.5, 0.5, THINGS),
        rng.uniform(0.06, 0.12, THINGS),
        rng.uniform(1.0, 2.4, THINGS),
        rng.uniform(0.04, 0.16, THINGS),
    ]
    return np.stack(columns, axis=1).round(6)


def visible(things: NDArray[np.float64]) -> NDArray[np.float64]:
    """Visible area of each thing [THINGS, parameters], in shares of the image."""
    import torch

    parameters = torch.from_numpy(things)[:, :, None, None, None]
    x, y = pixel_grid(LAYOUT_SIZE, parameters)
    free = torch.ones_like(x * y)
    areas = []
    for i in reversed(range(THINGS)):
        mask = outline(parameters[i], x, y, boxed=i % 3 == 1)[0]
        areas.append(float((free * mask).mean()))
        free = free * (1 - mask)
    return np.array(areas[::-1]).round(6)


def _table(things: NDArray[np.float64]) -> Table:
    names = [f"thing {i}" for i in range(THINGS)]
    values = {
        (name, key): float(value)
        for name, row in zip(names, things, strict=True)
        for key, value in zip(PARAMETERS, row, strict=True)
    }
    values |= {("background", key): value for key, value in BACKGROUND.items()}
    factors: list[Factor] = [(f"{key} of {name}", {(name, key): move}) for key, move in MOVES.items() for name in names]
    factors += [(f"{key} of the background", {("background", key): move}) for key, move in BACKGROUND_MOVES.items()]
    return Table(values, factors)


def make(dimension: int, seed: int) -> FactorPhantom:
    """A scene with things of its own."""
    things = draw_layout(np.random.default_rng(seed_from(phantom="scene", layout=seed)))
    return make_phantom("scene", _table(things), draw, dimension, seed)


FAMILY = Family(
    name="scene",
    domain="natural",
    about="Textured things before a horizon, the nearer hiding the farther: place, shape, light and texture vary.",
    maximum=64,
    make=make,
)
