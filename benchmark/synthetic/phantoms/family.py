"""What a phantom family is: smooth renderers of images whose dimension is known.

A phantom is a map g from latents in R^d to images of size x size pixels, in closed form, whose Jacobian has rank d at
every latent and which gives two latents two images. Its images then form a manifold of dimension d.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Domain = Literal["radiology", "natural"]


class Phantom(Protocol):
    """A renderer with its anatomy fixed. Implementations are frozen dataclasses."""

    @property
    def dimension(self) -> int:
        """The dimension d of its images; the mean of the local dimensions where those differ."""

    @property
    def strata(self) -> "tuple[Phantom, ...]":
        """The pieces of constant dimension, each a phantom; (self,) where there is one."""

    def latents(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw n latents, [n, d]."""

    def render(self, latents: "Tensor", size: int) -> "Tensor":
        """Latents [n, d] to images [n, size, size], in colour [n, size, size, 3], about 0..1.

        Differentiable; of the latents' dtype and device.
        """

    def separation(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distances [m] between the latents a and b, both [m, d]: 0 only where they are the same."""

    def local_dimensions(self, latents: NDArray[np.float64]) -> NDArray[np.int64]:
        """The dimension at each latent, [n]."""

    def groups(self, latents: NDArray[np.float64]) -> NDArray[np.int64] | None:
        """The group (patient) of each image, [n]; None where images are independent."""


@dataclass(frozen=True)
class BoxPhantom:
    """What most phantoms share: latents uniform in [-1, 1]^d, Euclidean distances, one dimension, no groups."""

    dimension: int

    @property
    def strata(self) -> tuple[Phantom, ...]:
        """One piece."""
        return (self,)

    def latents(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw n latents uniformly in [-1, 1]^d, [n, d]."""
        return rng.uniform(-1.0, 1.0, (n, self.dimension))

    def render(self, latents: "Tensor", size: int) -> "Tensor":
        """Latents [n, d] to images [n, size, size], in colour [n, size, size, 3]."""
        raise NotImplementedError

    def separation(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Euclidean distances [m] between latents a and b, both [m, d]."""
        return np.asarray(np.sqrt(((a - b) ** 2).sum(axis=1)))

    def local_dimensions(self, latents: NDArray[np.float64]) -> NDArray[np.int64]:
        """The same d at each latent, [n]."""
        return np.full(len(latents), self.dimension, dtype=np.int64)

    def groups(self, latents: NDArray[np.float64]) -> NDArray[np.int64] | None:  # noqa: ARG002 - others need them
        """None: the images are independent."""
        return None


@dataclass(frozen=True)
class Family:
    """A kind of phantom, made at any dimension from `minimum` to `maximum`."""

    name: str
    domain: Domain
    about: str
    """One sentence: what is seen, and what the latents move."""
    maximum: int
    """The largest d."""
    make: Callable[[int, int], Phantom]
    """Dimension and seed to a phantom; the seed draws the fixed anatomy and which of its factors vary."""
    minimum: int = 1
    """The smallest d."""

    @property
    def dimensions(self) -> range:
        """Every dimension that can be made."""
        return range(self.minimum, self.maximum + 1)
