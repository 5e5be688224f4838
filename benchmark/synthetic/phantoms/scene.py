"""Scene: trees, houses and rocks on the ground before a sky, the nearer hiding the farther, in colour.

Coordinates: half image widths; x to the right, y down.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.factors import Factor, FactorPhantom, Table, make_phantom
from benchmark.synthetic.phantoms.family import Family
from benchmark.synthetic.phantoms.smooth import pixel_grid, sine_cosine, soft_step

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("tree", "house", "rock")
THINGS = 9
PARAMETERS = (
    *("x", "y", "width", "height", "angle", "light", "phase", "contrast", "pitch", "light from"),
    *("red", "green", "blue", "warmth"),
)
"""Of a thing: centre, half axes, rotation, brightness; phase, contrast and density of its texture; how much darker the
side away from the sun is; its colour, three numbers of mean 1, and a change of it from blue to red."""
MOVES = {"x": 0.10, "y": 0.06, "width": 0.05, "height": 0.05, "angle": 0.2, "light": 0.14, "phase": 0.3, "warmth": 0.15}
"""How far the latents move each parameter of a thing."""
BACKGROUND = {"horizon": -0.15, "slope": 0.0, "sky": 0.78, "haze": -0.14, "ground": 0.42, "near": 0.10}
"""The horizon's height and slope; brightness of the sky, its change downwards; of the ground, its change forwards."""
BACKGROUND_MOVES = {"horizon": 0.10, "slope": 0.12, "sky": 0.14, "haze": 0.14, "ground": 0.12, "near": 0.12}
COLOURS = ("red", "green", "blue")
SKY = (0.80, 1.00, 1.20)
"""Overhead; at the horizon it is white."""
GROUNDS = ((0.95, 1.20, 0.85), (1.05, 1.15, 0.80), (1.20, 1.02, 0.78))
PALETTES = {
    "tree": ((0.80, 1.40, 0.80), (0.95, 1.35, 0.70), (1.30, 1.15, 0.55), (0.70, 1.30, 1.00)),
    "house": ((1.40, 0.85, 0.75), (1.15, 1.05, 0.80), (1.02, 1.00, 0.98), (0.85, 1.00, 1.15), (1.32, 1.00, 0.68)),
    "rock": ((1.08, 1.00, 0.92), (0.95, 1.00, 1.05), (1.20, 1.00, 0.80)),
}
"""Colours from which a thing's, and the ground's, are drawn."""
LIGHTS = {"tree": (0.28, 0.36, 0.44), "house": (0.44, 0.54, 0.64), "rock": (0.36, 0.46, 0.56)}
"""Brightness from which a thing's is drawn."""
AXES = {"tree": (0.55, 1.0), "house": (0.75, 0.75), "rock": (0.95, 0.5)}
"""Half axes of a thing, across and upright, as shares of its length."""
SHADOW = 0.45
"""How much darker the ground is under a thing."""
EDGE = 0.03
"""Softness of outlines, in half image widths: about 1 pixel of 64."""
LAYOUTS, LAYOUT_SIZE = 60, 32
"""Arrangements that are tried, and the size of the images in which what is hidden is counted."""


def draw(parameters: "Tensor", size: int) -> "Tensor":
    """Images [n, size, size, 3] of parameters [p, n]: things from far to near, then the background."""
    import torch

    x, y = pixel_grid(size, parameters)
    background = parameters[len(PARAMETERS) * THINGS :, :, None, None]
    channels = list(_background(background, x, y))
    things = parameters[: len(PARAMETERS) * THINGS].reshape(THINGS, len(PARAMETERS), -1, 1, 1)
    # numbers of which an image has one are computed for all things at once: operations on few numbers are all overhead
    at_x, at_y, width, height, _, light, phase, contrast, pitch, light_from, red, green, blue, warmth = things.unbind(1)
    frames = zip(*frames_of(things), strict=True)
    feet = zip(at_x, at_y, width, height, strict=True)
    surfaces = zip(light, light_from, contrast / 4, pitch / 2, phase / 2, strict=True)
    tints = zip(red + warmth, green, blue - warmth, strict=True)
    for i, (frame, foot, surface, tint) in enumerate(zip(frames, feet, surfaces, tints, strict=True)):
        mask, u, v = outline(frame, x, y, boxed=_is_boxed(i))
        left, paint = (1 - mask) * _sunlight(foot, x, y), mask * _brightness(surface, u, v)
        channels = [left * channel + shade * paint for channel, shade in zip(channels, tint, strict=True)]
    return torch.stack(channels, dim=-1)


def _sunlight(foot: "tuple[Tensor, ...]", x: "Tensor", y: "Tensor") -> "Tensor":
    """What a thing's shadow leaves of the light, [n, size, size]; of its centre, width and height.

    It lies on the ground, so it is seen from the side: three times as wide as high.
    """
    at_x, at_y, width, height = foot
    across, under = (x - at_x) / width, 3 * (y - at_y - height) / width
    away = 1 + across * across + under * under
    return 1 - SHADOW / (away * away)


def _brightness(surface: "tuple[Tensor, ...]", u: "Tensor", v: "Tensor") -> "Tensor":
    """Of a thing at the coordinates along its axes, [n, size, size].

    surface: its light, that from the sun, a quarter of its contrast, half its pitch and phase.
    """
    light, light_from, contrast, pitch, phase = surface
    texture = _stripes(pitch * u + phase) * _stripes(pitch * v)
    return light * (1 - light_from * (u + v)) + contrast * texture


def _kind(i: int) -> str:
    """What the i-th thing is."""
    return KINDS[i % len(KINDS)]


def _is_boxed(i: int) -> bool:
    return _kind(i) == "house"


def _background(parameters: "Tensor", x: "Tensor", y: "Tensor") -> "Iterator[Tensor]":
    """Red, green and blue of sky and ground, each [n, size, size]."""
    horizon, slope, sky, haze, ground, near, *colour = parameters
    depth = y - horizon - slope * x
    above, below = soft_step((-depth - 0.6) / 0.6), soft_step((depth - 0.6) / 0.6)
    # rolling ground: bands that narrow towards the horizon
    bands = _stripes(1.5 / (depth * depth + 0.25).sqrt() + 0.15 * x)
    earth = soft_step(depth / EDGE)
    heaven = sky + haze * (1 - above)
    soil = ground + near * below + 0.03 * bands
    for overhead, tint in zip(SKY, colour, strict=True):
        air = heaven * (1 + (overhead - 1) * above)
        yield air + earth * (tint * soil - air)


def frames_of(things: "Tensor") -> "tuple[Tensor, ...]":
    """The frames of things [m, parameters, n, 1, 1], each number [m, n, 1, 1].

    The centre x, y; what turns offsets from it into coordinates along the axes, in half axes; the edge's steepness.
    """
    at_x, at_y, width, height, angle = things.unbind(1)[:5]
    sine, cosine = sine_cosine(angle)
    steepness = (width * height).sqrt() / (2 * EDGE)
    return at_x, at_y, cosine / width, sine / width, cosine / height, sine / height, steepness


def outline(frame: "tuple[Tensor, ...]", x: "Tensor", y: "Tensor", *, boxed: bool) -> "tuple[Tensor, Tensor, Tensor]":
    """Where the thing of a frame is, 0 to 1, and the coordinates along its axes; each [n, size, size].

    boxed: u^4 + v^4 = 1 instead of the ellipse u^2 + v^2 = 1.
    """
    at_x, at_y, x_to_u, y_to_u, y_to_v, x_to_v, steepness = frame
    dx, dy = x - at_x, y - at_y
    u = x_to_u * dx + y_to_u * dy
    v = y_to_v * dy - x_to_v * dx
    u2, v2 = u * u, v * v
    # half of it is 1 - u^4 - v^4 where the other is 1 - u^2 - v^2, so that edges are alike
    q = 0.5 + 0.5 * (u2 * u2 + v2 * v2) if boxed else u2 + v2
    return soft_step((1 - q) * steepness), u, v


def _stripes(w: "Tensor") -> "Tensor":
    """Twice the cosine of 8 arctan w: near that of 8 w, slower far away; by doubling the angle of 1 + i w.

    2 cos 2a = (2 cos a)^2 - 2: twice a cosine takes two operations for a doubling where the cosine takes three.
    """
    r = 4 / (1 + w * w) - 2
    for _ in range(2):
        r = r * r - 2
    return r


def draw_layout(rng: np.random.Generator) -> NDArray[np.float64]:
    """Things [THINGS, parameters] from far to near, placed so that much of each can be seen."""
    layouts = [_random_things(rng) for _ in range(LAYOUTS)]
    return max(layouts, key=lambda things: float(visible(things).min()))


def _random_things(rng: np.random.Generator) -> NDArray[np.float64]:
    """Things of random place, size and surface, which stand on the ground; the nearer the lower and the larger."""
    nearness = np.sort(rng.uniform(0, 1, THINGS))
    foot = BACKGROUND["horizon"] + 0.12 + 0.85 * nearness
    rows = []
    for i in range(THINGS):
        kind = _kind(i)
        long = 0.26 + 0.20 * nearness[i] + rng.uniform(-0.05, 0.06)
        width, height = long * np.array(AXES[kind]) * rng.uniform(0.85, 1.15, 2)
        light = rng.choice(LIGHTS[kind]) + rng.uniform(-0.04, 0.04)
        texture = rng.uniform(-0.5, 0.5), rng.uniform(0.05, 0.10), rng.uniform(1.2, 2.4), rng.uniform(0.12, 0.3)
        place = rng.uniform(-0.85, 0.85), foot[i] - height
        rows.append([*place, width, height, rng.uniform(-0.1, 0.1), light, *texture, *rng.choice(PALETTES[kind]), 0.0])
    return np.array(rows).round(6)


def visible(things: NDArray[np.float64]) -> NDArray[np.float64]:
    """Visible area of each thing [THINGS, parameters], in shares of the image."""
    import torch

    parameters = torch.from_numpy(things)[:, :, None, None, None]
    x, y = pixel_grid(LAYOUT_SIZE, parameters)
    free = torch.ones_like(x * y)
    areas = []
    frames = list(zip(*frames_of(parameters), strict=True))
    for i in reversed(range(THINGS)):
        mask = outline(frames[i], x, y, boxed=_is_boxed(i))[0]
        areas.append(float((free * mask).mean()))
        free = free * (1 - mask)
    return np.array(areas[::-1]).round(6)


def _table(things: NDArray[np.float64], ground: Sequence[float]) -> Table:
    names = [f"thing {i}" for i in range(THINGS)]
    values = {
        (name, key): float(value)
        for name, row in zip(names, things, strict=True)
        for key, value in zip(PARAMETERS, row, strict=True)
    }
    values |= {("background", key): value for key, value in BACKGROUND.items()}
    values |= {("background", key): value for key, value in zip(COLOURS, ground, strict=True)}
    factors: list[Factor] = [(f"{key} of {name}", {(name, key): move}) for key, move in MOVES.items() for name in names]
    factors += [(f"{key} of the background", {("background", key): move}) for key, move in BACKGROUND_MOVES.items()]
    return Table(values, factors)


def make(dimension: int, seed: int) -> FactorPhantom:
    """A scene with things of its own."""
    rng = np.random.default_rng(seed_from(phantom="scene", layout=seed))
    things, ground = draw_layout(rng), rng.choice(GROUNDS).tolist()

    def beside(parameters: "Tensor", size: int) -> "Tensor":
        """The three channels as one row of pixels: effects of factors are means over all values."""
        return draw(parameters, size).flatten(2)

    return replace(make_phantom("scene", _table(things, ground), beside, dimension, seed), draw=draw)


FAMILY = Family(
    name="scene",
    domain="natural",
    about="Trees, houses and rocks, the nearer hiding the farther, in colour: place, shape, light and texture vary.",
    maximum=64,
    make=make,
)
