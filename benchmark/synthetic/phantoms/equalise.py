"""Ranges of factors, set so that each moves the image alike."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

SIZE = 32
"""Pixels a side of the images that effects are measured on."""

Floats = NDArray[np.float64]


def mean_effects(render: "Callable[[Tensor, int], Tensor]", count: int) -> Floats:
    """How much each of `count` latents moves the image over the middle half of its range, per unit: root mean square.

    Rounded to four digits: a sum may differ in its last bits between machines, and what is drawn must not.
    """
    import torch

    steps = 0.5 * torch.eye(count, dtype=torch.float64)
    with torch.inference_mode():
        change = render(torch.cat([steps, -steps]), SIZE).numpy()
    moved = np.sqrt(((change[:count] - change[count:]) ** 2).mean(axis=(1, 2)))
    return np.array([float(f"{value:.4g}") for value in moved])


def choose(effects: Floats, dimension: int, rng: np.random.Generator, weakest: float) -> tuple[int, ...]:
    """Draw `dimension` of the factors, in random order, among those of at least `weakest` times the median effect."""
    strong = np.flatnonzero(effects >= weakest * np.median(effects))
    return tuple(int(factor) for factor in rng.permutation(strong)[:dimension])


def equalised(ranges: Floats, effects: Floats) -> tuple[float, ...]:
    """Ranges divided by their effects, so that all move the image as the weakest does: none leaves its given range."""
    return tuple(float(value) for value in ranges * effects.min() / effects)
