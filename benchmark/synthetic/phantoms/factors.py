"""Phantoms given by a table of parameters and by named factors that move them.

A latent moves one factor, a factor moves one or several parameters linearly, and a family's `draw` makes images of the
parameters. The ranges of the factors are then equalised, so that each latent moves the image about equally far.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.equalise import mean_effects
from benchmark.synthetic.phantoms.family import BoxPhantom

if TYPE_CHECKING:
    from torch import Tensor

    Draw = Callable[[Tensor, int], Tensor]

Key = tuple[str, str]
"""Object and parameter."""
Factor = tuple[str, Mapping[Key, float]]
"""Name, and the largest change of each parameter it moves, at latent 1."""

LEAST_SCALE, LARGEST_SCALE = 0.3, 1.5
"""Equalising multiplies the range that a table names by no less and no more, so that anatomy stays plausible."""
PROBE_SIZE, CURVED = 32, 1e-3
"""Pixels a side of the images on which factors are told straight from curved, and how far from straight is curved."""
ANATOMY_SPREAD = 0.6
"""The fixed anatomy differs from the table by up to this share of every factor's range."""
DIGITS = 6
"""Decimals that parameters are rounded to: sums differ in their last bits between machines, images must not."""


@dataclass(frozen=True)
class Table:
    """Parameters of a family's objects and the factors that move them."""

    values: Mapping[Key, float]
    factors: Sequence[Factor]

    def __post_init__(self) -> None:
        unknown = {key for _, changes in self.factors for key in changes} - set(self.values)
        if unknown:
            raise ValueError(f"factors move parameters that are not in the table: {sorted(unknown)}")

    @property
    def base(self) -> NDArray[np.float64]:
        """The parameters, [p], in the order of `values`."""
        return np.array(list(self.values.values()), dtype=np.float64)

    @property
    def effects(self) -> NDArray[np.float64]:
        """The change of each parameter by each factor, [factors, p]."""
        column = {key: i for i, key in enumerate(self.values)}
        matrix = np.zeros((len(self.factors), len(column)))
        for row, (_, changes) in zip(matrix, self.factors, strict=True):
            for key, change in changes.items():
                row[column[key]] = change
        return matrix


@dataclass(frozen=True, eq=False)
class FactorPhantom(BoxPhantom):
    """A phantom whose latents move parameters linearly."""

    base: NDArray[np.float64]
    """[p]"""
    effects: NDArray[np.float64]
    """[d, p], the change of each parameter at latent 1."""
    names: tuple[str, ...]
    """What each latent moves."""
    draw: "Draw"
    """Parameters [p, n] and a size to images [n, size, size], in colour [n, size, size, 3]."""

    def render(self, latents: "Tensor", size: int) -> "Tensor":
        """Latents [n, d] to images of `draw`."""
        return self.draw(moved(self.base, self.effects, latents), size)


def moved(base: NDArray[np.float64], effects: NDArray[np.float64], latents: "Tensor") -> "Tensor":
    """The parameters [p, n] at latents [n, d], summed in the factors' order so that bytes agree everywhere."""
    import torch

    parameters = torch.from_numpy(base).to(latents)[:, None]
    for j, effect in enumerate(effects):
        parameters = parameters + torch.from_numpy(effect).to(latents)[:, None] * latents[:, j]
    return parameters


def make_phantom(family: str, table: Table, draw: "Draw", dimension: int, seed: int) -> FactorPhantom:
    """A phantom of `dimension` of the table's factors; the seed draws which, and the anatomy they start from.

    At least one of them moves the image along a curve: images that are a flat piece would be no test.
    """
    rng = np.random.default_rng(seed_from(family=family, anatomy=seed))
    effects = table.effects
    base = (table.base + ANATOMY_SPREAD * rng.uniform(-1, 1, len(effects)) @ effects).round(DIGITS)
    order = rng.permutation(len(effects))
    first = np.argmax(is_curved(base, effects, draw)[order])
    order = np.concatenate([order[[first]], np.delete(order, first)])
    chosen = np.sort(order[:dimension])
    effects = equalised(base, effects, draw)[chosen]
    names = tuple(table.factors[j][0] for j in chosen)
    return FactorPhantom(dimension, base, effects, names, draw)


def is_curved(base: NDArray[np.float64], effects: NDArray[np.float64], draw: "Draw") -> NDArray[np.bool_]:
    """Whether each factor moves the image along a curve, [factors]: the middle of two images is not that between."""
    import torch

    steps = np.eye(len(effects))
    latents = torch.from_numpy(np.concatenate([steps, -steps, np.zeros((1, len(effects)))]))
    with torch.inference_mode():
        images = draw(moved(base, effects, latents), PROBE_SIZE).flatten(1).numpy()
    plus, minus = images[: len(effects)], images[len(effects) : -1]
    off = np.abs(plus + minus - 2 * images[-1]).max(axis=1)
    return np.asarray(off > CURVED * np.abs(plus - minus).max(axis=1))


def equalised(base: NDArray[np.float64], effects: NDArray[np.float64], draw: "Draw") -> NDArray[np.float64]:
    """Effects [factors, p] scaled so that each factor moves the image as far as the typical one, within limits."""
    norms = mean_effects(lambda latents, size: draw(moved(base, effects, latents), size), len(effects))
    scales = np.clip(np.exp(np.mean(np.log(norms))) / norms, LEAST_SCALE, LARGEST_SCALE)
    return np.asarray((effects * scales[:, None]).round(DIGITS))
