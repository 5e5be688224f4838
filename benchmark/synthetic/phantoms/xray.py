"""X-ray: a chest radiograph, parallel line integrals of soft ellipsoids through a body in a pose.

Coordinates: half image widths; x to the right, y down, z away from the detector. The right lung is on the left.
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.chords import bead_chord, organ_chord
from benchmark.synthetic.phantoms.factors import Factor, FactorPhantom, Table, make_phantom, moved
from benchmark.synthetic.phantoms.family import Family
from benchmark.synthetic.phantoms.smooth import bell, pixel_grid, sine_cosine

if TYPE_CHECKING:
    from torch import Tensor

PARAMETERS = ("x", "y", "z", "width", "height", "depth", "angle", "bend", "density")
"""Of an ellipsoid: centre, semi-axes, rotation in the image plane, the parabola y = bend x^2 along which it is bent in
the image plane, and density, in absorption lengths a half image width."""
ORGANS: dict[str, tuple[float, ...]] = {
    "torso": (0.0, 0.75, 0.0, 0.98, 1.75, 0.55, 0.0, 0.0, 1.15),
    "right shoulder": (-0.78, -0.42, 0.1, 0.52, 0.26, 0.24, -0.45, 0.0, 0.8),
    "left shoulder": (0.78, -0.42, 0.1, 0.52, 0.26, 0.24, 0.45, 0.0, 0.8),
    "right arm": (-1.10, 0.35, 0.1, 0.20, 1.00, 0.20, 0.10, 0.0, 1.3),
    "left arm": (1.10, 0.35, 0.1, 0.20, 1.00, 0.20, -0.10, 0.0, 1.3),
    "neck": (0.0, -0.95, 0.1, 0.24, 0.45, 0.22, 0.0, 0.0, 1.1),
    "abdomen": (0.0, 1.15, 0.0, 0.86, 0.50, 0.50, 0.0, 0.0, 1.6),
    "right lung": (-0.43, 0.02, 0.0, 0.32, 0.68, 0.40, 0.10, 0.0, -1.0),
    "left lung": (0.44, 0.03, 0.0, 0.30, 0.66, 0.40, -0.10, 0.0, -1.0),
    "mediastinum": (0.01, 0.0, 0.0, 0.14, 0.85, 0.22, 0.0, 0.0, 1.2),
    "heart": (0.15, 0.42, -0.15, 0.44, 0.25, 0.28, 0.55, 0.0, 1.15),
    "right dome": (-0.44, 0.84, 0.0, 0.44, 0.34, 0.40, 0.0, 0.0, 1.7),
    "left dome": (0.46, 0.90, 0.0, 0.42, 0.34, 0.40, 0.0, 0.0, 1.6),
    "spine": (0.0, 0.4, 0.35, 0.075, 2.2, 0.10, 0.0, 0.0, 1.6),
}
RIM = 0.16
"""Width of an organ's soft rim, of s^2."""
SIDES = {"right": -1.0, "left": 1.0}
RIBS, FRONT_RIBS = 8, 5
"""Ribs on each side that are seen behind and before the lung."""
BEADS: dict[str, tuple[float, ...]] = {
    **{
        f"{side} rib {i}": (
            sign * (0.42 + 0.01 * i),
            -0.60 + 0.155 * i,
            0.25,
            0.27 + 0.035 * min(i, 4),
            0.048,
            0.06,
            sign * (0.16 + 0.03 * i),
            0.65,
            3.6,
        )
        for side, sign in SIDES.items()
        for i in range(RIBS)
    },
    **{
        f"{side} front rib {i}": (
            sign * 0.52,
            -0.42 + 0.19 * i,
            -0.30,
            0.26,
            0.042,
            0.06,
            sign * -0.50,
            -0.30,
            1.6,
        )
        for side, sign in SIDES.items()
        for i in range(FRONT_RIBS)
    },
    "right collar bone": (-0.42, -0.60, -0.3, 0.36, 0.042, 0.06, -0.20, 0.15, 4.5),
    "left collar bone": (0.42, -0.60, -0.3, 0.36, 0.042, 0.06, 0.20, 0.15, 4.5),
    "right hilum": (-0.18, 0.08, 0.0, 0.13, 0.26, 0.20, 0.30, 0.0, 1.3),
    "left hilum": (0.20, 0.04, 0.0, 0.13, 0.24, 0.20, -0.30, 0.0, 1.3),
    "aorta": (0.12, -0.24, 0.0, 0.17, 0.20, 0.20, 0.0, 0.0, 1.2),
}
POSE = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "x": 0.0, "y": 0.0, "zoom": 1.0, "exposure": 1.0}
"""Rotations about y, x and z in radians, shifts, magnification, and a factor of all densities."""
CORNERS, MARGIN = 4096, 0.03
"""Corners of the latents' box at which the places of beads are looked up, and what is added around them."""


def _factors() -> list[Factor]:
    ribs = [(f"{side} rib {i}", i, sign) for side, sign in SIDES.items() for i in range(RIBS)]
    factors: list[Factor] = [
        ("yaw", {("pose", "yaw"): 0.20}),
        ("pitch", {("pose", "pitch"): 0.20}),
        ("roll", {("pose", "roll"): 0.06}),
        ("shift in x", {("pose", "x"): 0.06}),
        ("shift in y", {("pose", "y"): 0.06}),
        ("zoom", {("pose", "zoom"): 0.06}),
        ("exposure", {("pose", "exposure"): 0.20}),
        ("width of the torso", {("torso", "width"): 0.07}),
        ("thickness of the torso", {("torso", "depth"): 0.10}),
        ("width of the neck", {("neck", "width"): 0.07}),
        ("lean of the neck", {("neck", "x"): 0.08}),
        ("width of the mediastinum", {("mediastinum", "width"): 0.05}),
        ("curve of the spine", {("spine", "angle"): 0.04}),
        ("density of the spine", {("spine", "density"): 0.5}),
        ("heart, in x", {("heart", "x"): 0.07}),
        ("heart, in y", {("heart", "y"): 0.06}),
        ("length of the heart", {("heart", "width"): 0.05}),
        ("breadth of the heart", {("heart", "height"): 0.035}),
        ("tilt of the heart", {("heart", "angle"): 0.3}),
        ("aorta", {("aorta", "x"): 0.04, ("aorta", "density"): 0.5}),
        ("spacing of the ribs", {(name, "y"): 0.016 * (i - (RIBS - 1) / 2) for name, i, _ in ribs}),
        ("slope of the ribs", {(name, "angle"): 0.12 * sign for name, _, sign in ribs}),
        ("bend of the ribs", {(name, "bend"): 0.35 for name, _, _ in ribs}),
        ("density of the ribs", {(name, "density"): 1.0 for name, _, _ in ribs}),
        ("front ribs", {(name, "y"): 0.05 for name in BEADS if "front" in name}),
    ]
    for side in SIDES:
        factors += [
            (f"width of the {side} lung", {(f"{side} lung", "width"): 0.04}),
            (f"height of the {side} lung", {(f"{side} lung", "height"): 0.08}),
            (f"{side} lung, in x", {(f"{side} lung", "x"): 0.04}),
            (f"tilt of the {side} lung", {(f"{side} lung", "angle"): 0.09}),
            (f"air in the {side} lung", {(f"{side} lung", "density"): 0.2}),
            (f"height of the {side} dome", {(f"{side} dome", "y"): 0.08}),
            (f"width of the {side} dome", {(f"{side} dome", "width"): 0.07}),
            (f"height of the {side} shoulder", {(f"{side} shoulder", "y"): 0.08}),
            (f"tilt of the {side} collar bone", {(f"{side} collar bone", "angle"): 0.14}),
            (f"{side} hilum", {(f"{side} hilum", "density"): 0.6}),
            (f"{side} arm", {(f"{side} arm", "x"): 0.08}),
        ]
    return factors


TABLE = Table(
    {(name, key): values[i] for i, key in enumerate(PARAMETERS) for name, values in (ORGANS | BEADS).items()}
    | {("pose", key): value for key, value in POSE.items()},
    _factors(),
)


def shadows(parameters: "Tensor") -> "tuple[Tensor, ...]":
    """The ellipses that ellipsoids cast along z, for parameters [p, n] in the order of `TABLE`; each [objects, n].

    Returns centres x and y; covariances xx, xy and yy, of which m^2 = v^T C^-1 v; bends; and half chords through the
    centre times density.
    """
    count = len(ORGANS) + len(BEADS)
    x, y, z, width, height, depth, angle, bend, density = parameters[: len(PARAMETERS) * count].reshape(
        len(PARAMETERS), count, -1
    )
    yaw, pitch, roll, right, down, zoom, exposure = parameters[len(PARAMETERS) * count :]
    (sin_yaw, cos_yaw), (sin_pitch, cos_pitch), (sin_roll, cos_roll) = map(sine_cosine, (yaw, pitch, roll))
    # rows of the rotation that turns the body about y, then about x, then in the image plane
    first = (cos_yaw, 0 * yaw, sin_yaw)
    second = (sin_pitch * sin_yaw, cos_pitch, -sin_pitch * cos_yaw)
    to_x = [zoom * (cos_roll * a - sin_roll * b) for a, b in zip(first, second, strict=True)]
    to_y = [zoom * (sin_roll * a + cos_roll * b) for a, b in zip(first, second, strict=True)]
    # the shadow's covariance is the image plane's block of the ellipsoid's
    sine, cosine = sine_cosine(angle)
    axes_x, axes_y = (
        (width * (to[0] * cosine + to[1] * sine), height * (to[1] * cosine - to[0] * sine), depth * to[2])
        for to in (to_x, to_y)
    )
    xx = axes_x[0] * axes_x[0] + axes_x[1] * axes_x[1] + axes_x[2] * axes_x[2]
    xy = axes_x[0] * axes_y[0] + axes_x[1] * axes_y[1] + axes_x[2] * axes_y[2]
    yy = axes_y[0] * axes_y[0] + axes_y[1] * axes_y[1] + axes_y[2] * axes_y[2]
    # a magnified body's lengths along z stay: the magnification is that of the image
    volume = zoom * zoom * width * height * depth
    half_chord = exposure * density * volume / (xx * yy - xy * xy).sqrt()
    centre_x = to_x[0] * x + to_x[1] * y + to_x[2] * z + right
    centre_y = to_y[0] * x + to_y[1] * y + to_y[2] * z + down
    return centre_x, centre_y, xx, xy, yy, bend / zoom, half_chord


def projections(parameters: "Tensor", size: int, windows: NDArray[np.float64] | None = None) -> "Tensor":
    """Line integrals of density, [n, size, size], of parameters [p, n] in the order of `TABLE`.

    windows: [beads, 4], left, top, right and bottom of the part of the image to which each bead is confined.
    """
    import torch

    centre_x, centre_y, xx, xy, yy, bend, half_chord = (
        ellipse[..., None, None] for ellipse in shadows(parameters)
    )  # each [objects, n, 1, 1]
    narrow = (yy - xy * xy / xx).sqrt()
    columns, rows = pixel_grid(size, parameters)

    def forms(part: slice, columns: "Tensor", rows: "Tensor") -> "Tensor":
        """1 - m^2, [objects, n, rows, columns]."""
        dx = columns - centre_x[part]
        line = (bend[part] * dx * dx + xy[part] / xx[part] * dx + centre_y[part]) / narrow[part]
        away = rows / narrow[part] - line
        return (1 - dx * dx / xx[part]) - away * away

    total = torch.zeros_like(parameters[0, :, None, None] * (columns + rows))
    for i in range(len(ORGANS)):
        q = forms(slice(i, i + 1), columns, rows)[0]
        total = total + half_chord[i] * organ_chord(q, RIM)

    beads = slice(len(ORGANS), None)
    origin, extent = _patches(windows, size)
    patch_columns = torch.stack([columns[..., a : a + extent[0]] for a, _ in origin])
    patch_rows = torch.stack([rows[:, b : b + extent[1]] for _, b in origin])
    parts = half_chord[beads] * bead_chord(forms(beads, patch_columns, patch_rows))
    for (left, top), part in zip(origin, parts, strict=True):
        total[:, top : top + extent[1], left : left + extent[0]] += part
    return total


def _patches(windows: NDArray[np.float64] | None, size: int) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """The left and top pixel of each bead's part of the image, and the width and height that all have."""
    if windows is None:
        return [(0, 0)] * len(BEADS), (size, size)
    edges = (windows + 1) / 2 * size
    first, last = np.floor(edges[:, :2]).astype(int), np.ceil(edges[:, 2:]).astype(int)
    extent = np.minimum((last - first).max(axis=0), size)
    first = np.clip(first, 0, size - extent)
    return [(int(left), int(top)) for left, top in first], (int(extent[0]), int(extent[1]))


def draw(parameters: "Tensor", size: int, windows: NDArray[np.float64] | None = None) -> "Tensor":
    """Radiographs [n, size, size]: the share of the rays that is absorbed, so that dense is white."""
    return 1 - bell(projections(parameters, size, windows))


def make(dimension: int, seed: int) -> FactorPhantom:
    """A phantom whose beads are drawn only where some latent can put them, which is faster."""
    import torch

    phantom = make_phantom("xray", TABLE, draw, dimension, seed)
    rng = np.random.default_rng(seed_from(phantoms="xray", corners=seed))
    corners = torch.from_numpy(rng.choice([-1.0, 1.0], (CORNERS, dimension)))
    with torch.inference_mode():
        ellipses = [part[len(ORGANS) :].numpy() for part in shadows(moved(phantom.base, phantom.effects, corners))]
    x, y, xx, _, yy, bend, _ = ellipses
    sag = bend * xx
    low = np.stack([x - np.sqrt(xx), y - np.sqrt(yy) + np.minimum(sag, 0)]).min(axis=2)
    high = np.stack([x + np.sqrt(xx), y + np.sqrt(yy) + np.maximum(sag, 0)]).max(axis=2)
    windows = np.concatenate([low - MARGIN, high + MARGIN]).T
    return FactorPhantom(
        dimension, phantom.base, phantom.effects, phantom.names, partial(draw, windows=windows.round(3))
    )


FAMILY = Family(
    name="xray",
    domain="radiology",
    about="A chest radiograph: exact line integrals through soft ellipsoids, moved by pose, shape and density.",
    maximum=len(TABLE.factors),
    make=make,
)
