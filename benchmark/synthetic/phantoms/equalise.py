"""Ranges of factors, set so that each moves the image alike."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    Render = Callable[[Tensor, int], Tensor]

SIZE = 32
"""Pixels a side of the images that effects are measured on."""

BLOCK = 24

Floats = NDArray[np.float64]
Ranges = tuple[float, ...]


def mean_effects(render: "Render", count: int) -> Floats:
    """How much each of `count` latents moves the image over the middle half of its range, per unit: root mean square.

    render: latents and a size to images [n, rows, columns].
    Rounded to four digits: a sum may differ in its last bits between machines, and what is drawn must not.
    """
    import torch

    steps = 0.5 * torch.eye(count, dtype=torch.float64)
    with torch.inference_mode():
        # in small blocks, which stay in a core's cache
        blocks = zip(torch.split(steps, BLOCK), torch.split(-steps, BLOCK), strict=True)
        change = torch.cat([render(ahead, SIZE) - render(behind, SIZE) for ahead, behind in blocks]).numpy()
    moved = np.sqrt((change**2).mean(axis=(1, 2)))
    return np.array([float(f"{value:.4g}") for value in moved])


def choose(effects: Floats, dimension: int, rng: np.random.Generator, weakest: float) -> tuple[int, ...]:
    """Draw `dimension` of the factors, in random order, among those of at least `weakest` times the median effect."""
    strong = np.flatnonzero(effects >= weakest * np.median(effects))
    return tuple(int(factor) for factor in rng.permutation(strong)[:dimension])


def equalised(render_of: "Callable[[Ranges], Render]", ranges: Floats, effects: Floats) -> Ranges:
    """Ranges divided by their effects, so that all move the image as the weakest does: none leaves its given range.

    render_of makes the renderer of ranges; effects were measured at the given ones. What remains, since an effect is
    not quite in proportion to its range, is mended by a second round.
    """
    for _ in range(2):
        ranges = ranges * effects.min() / effects
        effects = mean_effects(render_of(tuple(ranges.tolist())), len(ranges))
    return tuple((ranges * effects.min() / effects).tolist())
