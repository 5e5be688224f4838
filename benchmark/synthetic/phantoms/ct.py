"""CT: an axial slice of an abdomen, reconstructed by filtered back-projection from exact parallel-beam projections.

The scanner grows with the image: as many detectors as pixels a side, and 15 views over half a turn for every 16 of
them, so that streaks stay visible. The reconstruction is a fixed linear map: ramp filter, linear interpolation to
`FINER` times as many places, sum over the views in their order. Its sums are of elements, one after the other, so
neither threads nor the processor change a bit.
"""

import math
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.synthetic.phantoms.chords import bead_chord, organ_chord
from benchmark.synthetic.phantoms.factors import Factor, Table, make_phantom
from benchmark.synthetic.phantoms.family import Family
from benchmark.synthetic.phantoms.smooth import sine_cosine

if TYPE_CHECKING:
    from torch import Tensor

PARAMETERS = ("x", "y", "width", "height", "angle", "density")
"""Of an ellipse: centre and semi-axes in half image widths, rotation, and what it adds to the image."""
ORGANS: dict[str, tuple[float, ...]] = {
    "body": (0.0, 0.0, 0.88, 0.70, 0.0, 0.24),
    "wall": (0.0, 0.0, 0.80, 0.62, 0.0, 0.16),
    "cavity": (0.0, -0.07, 0.71, 0.49, 0.0, -0.14),
    "liver": (-0.36, -0.08, 0.32, 0.36, 0.35, 0.19),
    "spleen": (0.54, 0.10, 0.11, 0.22, 0.30, 0.19),
    "stomach": (0.30, -0.24, 0.27, 0.14, -0.35, 0.14),
    "right kidney": (-0.34, 0.30, 0.13, 0.10, 0.6, 0.20),
    "left kidney": (0.35, 0.28, 0.13, 0.10, -0.6, 0.22),
    "right muscle": (-0.22, 0.46, 0.17, 0.10, 0.2, 0.08),
    "left muscle": (0.22, 0.46, 0.17, 0.10, -0.2, 0.08),
    "vertebra": (0.0, 0.34, 0.13, 0.11, 0.0, 0.32),
}
RIM = 0.2
"""Width of an organ's soft rim, of s^2."""
BEADS: dict[str, tuple[float, ...]] = {
    "canal": (0.0, 0.47, 0.07, 0.06, 0.0, -0.24),
    "spinous process": (0.0, 0.56, 0.05, 0.10, 0.0, 0.40),
    "aorta": (0.06, 0.17, 0.09, 0.09, 0.0, 0.34),
    "vena cava": (-0.11, 0.16, 0.10, 0.08, 0.1, 0.24),
    "pancreas": (0.08, -0.02, 0.22, 0.08, -0.3, 0.22),
    "bowel 1": (0.42, -0.02, 0.13, 0.10, 0.4, 0.22),
    "bowel 2": (0.20, 0.06, 0.11, 0.11, 0.0, 0.22),
    "bowel 3": (0.05, -0.34, 0.15, 0.09, 0.2, 0.22),
    "gas": (0.33, -0.31, 0.15, 0.08, -0.2, -0.40),
    "gall bladder": (-0.17, -0.20, 0.10, 0.12, 0.4, -0.18),
    **{
        f"{side} rib {i}": (sign * x, y, 0.10, 0.045, sign * angle, 0.62)
        for side, sign in (("right", -1.0), ("left", 1.0))
        for i, (x, y, angle) in enumerate(
            ((0.42, -0.54, 0.40), (0.68, -0.33, 0.85), (0.80, 0.02, 1.50), (0.69, 0.34, -0.85), (0.46, 0.53, -0.40))
        )
    },
    "table": (0.0, 0.83, 0.48, 0.04, 0.0, 0.30),
}
AIR = 0.08
"""Brightness of air, so that streaks below it are seen."""
FINER = 4
"""Places between two detectors to which filtered projections are interpolated; a pixel reads the nearest."""
CACHED_SIZE = 128
"""The largest image whose places are kept: for 512 x 512 pixels they would fill 800 MB."""


def _factors() -> list[Factor]:
    ribs = [name for name in BEADS if "rib" in name]
    everything = [*ORGANS, *BEADS]
    inside = [name for name in everything if name not in {"body", "wall", "table", *ribs}]
    factors: list[Factor] = [
        ("shift in x", {(name, "x"): 0.05 for name in everything if name != "table"}),
        ("shift in y", {(name, "y"): 0.05 for name in everything if name != "table"}),
        ("height of the table", {("table", "y"): 0.05}),
        ("width of the body", {("body", "width"): 0.06}),
        ("height of the body", {("body", "height"): 0.05}),
        ("width of the wall", {("wall", "width"): 0.04}),
        ("height of the wall", {("wall", "height"): 0.04}),
        ("width of the cavity", {("cavity", "width"): 0.05}),
        ("height of the cavity", {("cavity", "height"): 0.05}),
        ("organs in y", {(name, "y"): 0.04 for name in inside}),
        ("ribs", {(name, "x"): 0.04 * math.copysign(1, BEADS[name][0]) for name in ribs}),
        ("density of the ribs", {(name, "density"): 0.16 for name in ribs}),
        ("contrast in the vessels", {(name, "density"): 0.09 for name in ("aorta", "vena cava")}),
    ]
    for name in ("liver", "spleen", "stomach", "right kidney", "left kidney"):
        _, _, width, height, _, density = ORGANS[name]
        factors += [
            (f"{name} in x", {(name, "x"): 0.06}),
            (f"{name} in y", {(name, "y"): 0.06}),
            (f"width of the {name}", {(name, "width"): 0.15 * width}),
            (f"height of the {name}", {(name, "height"): 0.15 * height}),
            (f"density of the {name}", {(name, "density"): 0.2 * density}),
        ]
    # no angle where the axes could become equal: that of a circle moves nothing
    factors += [(f"angle of the {name}", {(name, "angle"): 0.3}) for name in ("spleen", "stomach")]
    for name in ("vertebra", "aorta", "pancreas", "bowel 1", "bowel 2", "bowel 3", "gas", "gall bladder"):
        factors.append((f"{name} in x", {(name, "x"): 0.06}))
    factors.append(("density of the vertebra", {("vertebra", "density"): 0.08}))
    return factors


TABLE = Table(
    {(name, key): values[i] for i, key in enumerate(PARAMETERS) for name, values in (ORGANS | BEADS).items()},
    _factors(),
)


def views_of(size: int) -> int:
    """The number of views, evenly over half a turn."""
    return size - size // 16


@lru_cache(maxsize=16)
def _directions(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosine and sine of each view's angle, rounded so that they agree on every machine."""
    angles = [math.pi * view / views_of(size) for view in range(views_of(size))]
    return np.array([math.cos(a) for a in angles]).round(12), np.array([math.sin(a) for a in angles]).round(12)


def sinogram(parameters: "Tensor", size: int) -> "Tensor":
    """Exact line integrals, [n, detectors, views], of parameters [p, n] in the order of `TABLE`.

    Detector j of `size` measures along the line x cos + y sin = (2 j + 1) / size - 1.
    """
    import torch

    count = len(ORGANS) + len(BEADS)
    x, y, width, height, angle, density = parameters.reshape(len(PARAMETERS), count, -1, 1, 1)
    cosine, sine = (torch.from_numpy(part).to(parameters) for part in _directions(size))
    offsets = ((2 * torch.arange(size, dtype=parameters.dtype, device=parameters.device) + 1 - size) / size)[:, None]
    sin_angle, cos_angle = sine_cosine(angle)
    along = width * (cosine * cos_angle + sine * sin_angle)
    across = height * (sine * cos_angle - cosine * sin_angle)
    sharpness = 1 / (along * along + across * across).sqrt()  # [objects, n, 1, views]
    middle = (x * cosine + y * sine) * sharpness
    weight = density * width * height * sharpness
    total = torch.zeros_like(middle[0] * offsets)
    for i in range(count):
        m = offsets * sharpness[i] - middle[i]
        q = 1 - m * m
        total = total + weight[i] * (organ_chord(q, RIM) if i < len(ORGANS) else bead_chord(q))
    return total


def filtered_back_projection(projections: "Tensor") -> "Tensor":
    """Reconstruct images [n, size, size] from projections [n, size, views]; linear, and 0 outside the unit circle."""
    import torch

    n, size, views = projections.shape
    fine = _refine(_ramp(projections)).permute(2, 1, 0).contiguous()  # [views, places, n]
    inside = _circle(size)
    total = torch.zeros_like(fine[0, :1]).expand(len(inside), n).clone()
    for view, places in enumerate(_all_places(size)):
        total += fine[view].index_select(0, places.to(fine.device))
    image = torch.zeros_like(total[:1]).expand(size * size, n).clone()
    image = image.index_copy(0, inside.to(fine.device), total * (math.pi / views))
    return image.permute(1, 0).reshape(n, size, size)


def _ramp(projections: "Tensor") -> "Tensor":
    """The ramp filter, sampled as by Ramachandran & Lakshminarayanan (PNAS 1971), along dim 1 of [n, size, views].

    With detectors tau = 2 / size apart: 1 / (4 tau) at lag 0, -1 / (pi^2 k^2 tau) at odd lags k, 0 at even ones.
    """
    size = projections.shape[1]
    filtered = projections * (size / 8)
    for lag in range(1, size, 2):
        shifted = projections * (size / (-2 * math.pi**2 * lag**2))
        filtered[:, lag:] += shifted[:, :-lag]
        filtered[:, :-lag] += shifted[:, lag:]
    return filtered


def _refine(filtered: "Tensor") -> "Tensor":
    """Interpolate linearly between detectors: [n, size, views] to [n, FINER (size - 1) + 1, views]."""
    import torch

    step = (filtered[:, 1:] - filtered[:, :-1]) / FINER
    parts = [filtered[:, :-1] + step * k for k in range(FINER)]
    between = torch.stack(parts, dim=2).flatten(1, 2)
    return torch.cat([between, filtered[:, -1:]], dim=1)


@lru_cache(maxsize=16)
def _grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Centres x, y of the pixels whose every projection falls between the outermost detectors, and their numbers."""
    centres = (2 * np.arange(size) + 1 - size) / size
    y, x = np.meshgrid(centres, centres, indexing="ij")
    inside = np.flatnonzero(x * x + y * y <= (1 - 1 / size) ** 2)
    return x.ravel()[inside], y.ravel()[inside], inside


def _circle(size: int) -> "Tensor":
    """The numbers of the pixels that are reconstructed, [pixels]."""
    import torch

    return torch.from_numpy(_grid(size)[2])


def _places(size: int, view: int) -> "Tensor":
    """Where each pixel reads a view's refined projection, [pixels]."""
    import torch

    x, y, _ = _grid(size)
    cosine, sine = _directions(size)
    places = np.rint(((x * cosine[view] + y * sine[view] + 1) * size - 1) / 2 * FINER).astype(np.int32)
    return torch.from_numpy(np.clip(places, 0, FINER * (size - 1)))


@lru_cache(maxsize=4)
def _kept_places(size: int) -> "tuple[Tensor, ...]":
    return tuple(_places(size, view) for view in range(views_of(size)))


def _all_places(size: int) -> "Iterator[Tensor]":
    """`_places` of every view."""
    yield from _kept_places(size) if size <= CACHED_SIZE else (_places(size, view) for view in range(views_of(size)))


def draw(parameters: "Tensor", size: int) -> "Tensor":
    """Reconstructed slices [n, size, size]."""
    return AIR + filtered_back_projection(sinogram(parameters, size))


FAMILY = Family(
    name="ct",
    domain="radiology",
    about="A slice of an abdomen from filtered back-projection of exact projections, with its organs' place and shape.",
    maximum=len(TABLE.factors),
    make=partial(make_phantom, "ct", TABLE, draw),
)
