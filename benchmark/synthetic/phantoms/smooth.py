"""Smooth functions made of +, -, *, / and square roots alone, and the grid of pixels.

IEEE 754 fixes the result of each of these operations to the last bit, while exp and sin differ between processors: so
an image made of them has the same bytes everywhere. Nothing here sums over many terms, whose order could differ.
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

PI = math.pi
SERIES = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(10, -1, -1))
"""Coefficients of the odd powers of sine, from x^21 to x."""


def pixel_grid(size: int, like: "Tensor") -> "tuple[Tensor, Tensor]":
    """Pixel centres in [-1, 1]: x [1, 1, size] to the right, y [1, size, 1] downwards, as `like` in dtype, device."""
    import torch

    centres = (2 * torch.arange(size, dtype=like.dtype, device=like.device) + 1 - size) / size
    return centres[None, None, :], centres[None, :, None]


def soft_step(t: "Tensor") -> "Tensor":
    """A smooth step from 0 to 1, 1/2 at t = 0, slope 1/2 there; within 0.1 % of its ends for |t| > 2.5.

    (1 + w / sqrt(1 + w^2)) / 2 with w = t + t^3, analytic and strictly increasing.
    """
    w = t + t * t * t
    return 0.5 + 0.5 * (w / (1 + w * w).sqrt())


def bell(q: "Tensor") -> "Tensor":
    """A bump: about exp(-q) for q >= 0, 1 at 0: (1 + q / 8)^-8."""
    r = 1 + q * 0.125
    r = r * r
    r = r * r
    return 1 / (r * r)


def sine(angle: "Tensor") -> "Tensor":
    """Sine of angles up to some thousand, within 1e-13: Taylor's series about the nearest half turn."""
    halves = (angle / PI).round().detach()
    r = angle - halves * PI
    r2 = r * r
    total = SERIES[0] * r2 + SERIES[1]
    for coefficient in SERIES[2:]:
        total = total * r2 + coefficient
    # 1 at an even number of half turns, -1 at an odd one
    sign = 1 - 2 * (halves - 2 * (halves / 2).floor())
    value: Tensor = total * (sign * r)
    return value


def sine_cosine(angle: "Tensor") -> "tuple[Tensor, Tensor]":
    """Sine and cosine, see `sine`."""
    return sine(angle), sine(angle + PI / 2)
