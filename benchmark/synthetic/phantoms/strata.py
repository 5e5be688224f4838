"""Strata: three persons of whom more and more factors vary, so the dimension differs between images.

A third of the images each is of about 3/7, 6/7 and 12/7 of the mean dimension, which is the phantom's `dimension`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms import ellipses
from benchmark.synthetic.phantoms.family import Family, Phantom

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]


def stratum_dimensions(mean: int) -> tuple[int, int, int]:
    """Three dimensions, about in proportion 1 : 2 : 4, whose mean is exactly `mean`; mean is 2 or more."""
    low, middle = max(1, round(3 * mean / 7)), round(6 * mean / 7)
    return low, middle, 3 * mean - low - middle


@dataclass(frozen=True)
class StrataPhantom:
    """Latents [n, 1 + largest dimension]: the number of the stratum, its own latents, zeros."""

    dimension: int
    """The mean of the three."""
    strata: tuple[Phantom, ...]

    def latents(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n latents, as evenly over the strata as n allows, in random order."""
        numbers = rng.permutation(np.arange(n) % len(self.strata))
        latents = np.zeros((n, 1 + max(stratum.dimension for stratum in self.strata)))
        latents[:, 0] = numbers
        for number, stratum in enumerate(self.strata):
            here = numbers == number
            latents[here, 1 : 1 + stratum.dimension] = stratum.latents(int(here.sum()), rng)
        return latents

    def render(self, latents: "Tensor", size: int) -> "Tensor":
        """Latents to images [n, size, size]."""
        import torch

        images = torch.zeros(len(latents), size, size, dtype=latents.dtype, device=latents.device)
        for number, stratum in enumerate(self.strata):
            rows = torch.nonzero(latents[:, 0] == number)[:, 0]
            images = images.index_copy(0, rows, stratum.render(latents[rows, 1 : 1 + stratum.dimension], size))
        return images

    def separation(self, a: Floats, b: Floats) -> Floats:
        """Euclidean distances [m] of latents; those of two strata are at least 1 apart."""
        return np.asarray(np.sqrt(((a - b) ** 2).sum(axis=1)))

    def local_dimensions(self, latents: Floats) -> NDArray[np.int64]:
        """The dimension of each latent's stratum, [n]."""
        return np.array([stratum.dimension for stratum in self.strata])[latents[:, 0].astype(np.int64)]

    def groups(self, latents: Floats) -> NDArray[np.int64] | None:  # noqa: ARG002 - others need them
        """None: the images are independent."""
        return None


def make(dimension: int, seed: int) -> StrataPhantom:
    """Three persons drawn by seed, of mean dimension `dimension`."""
    persons = [seed_from(phantom="strata", anatomy=seed, stratum=number) for number in range(3)]
    parts = zip(stratum_dimensions(dimension), persons, strict=True)
    return StrataPhantom(dimension, tuple(ellipses.make(part, person) for part, person in parts))


FAMILY = Family(
    name="strata",
    domain="radiology",
    about="Slices of three abdomens of which 1 : 2 : 4 times as many factors vary: the dimension is the mean of three.",
    minimum=2,
    maximum=37,
    make=make,
)
