"""Noise on phantoms, in three kinds; the level says how strong, and 0 is none at all.

* gaussian  level is eta: sigma = eta * median(r10) / sqrt(2 D) on each of the D pixels, with r10 the distance of an
            image to its tenth neighbour in the sample. Two images move apart by about eta * r10, so the same eta
            disturbs every phantom alike (Huang, Chen & Chung 2026).
* rician    the magnitude of a complex image with Gaussian noise in both channels, as in MR (Gudbjartsson & Patz 1995):
            |x + a + i b|; level is the standard deviation of a and b as a share of white.
* poisson   photon counts, as in X-ray imaging: white expects 1 / level^2 photons, so level is the standard deviation
            of a white pixel as a share of white; a pixel of value x has sqrt(x / 255) of it.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.synthetic.manifolds import NOISE_NEIGHBOR, noise_sigma

WHITE = 255.0
BLOCK = 256
"""Images that noise is drawn for at once: bounds the memory, and fixes no number that is drawn."""

Pixels = NDArray[np.float32]


def add_noise(pixels: Pixels, noise: str, level: float, rng: np.random.Generator) -> Pixels:
    """Images [n, H, W, ...] in 0..255 with noise of a kind of `NOISES`; with level 0 the same images.

    Raises UserError for an unknown kind, a level that is negative or not finite, a level without a kind, a Poisson
    level above 1, and Gaussian noise on too few images for a tenth neighbour.
    """
    if noise not in NOISES:
        raise UserError(f'There is no noise "{noise}"; known: {", ".join(NOISES)}.')
    if not 0 <= level < np.inf:
        raise UserError(f"noise_level must be a finite number, 0 or more, not {level}.")
    if level == 0:
        return pixels
    if noise == "none":
        raise UserError(f"noise_level is {level}, and noise is none: leave the level at 0, or name a kind of noise.")
    return KINDS[noise](pixels, level, rng)


def gaussian_sigma(pixels: Pixels, eta: float) -> float:
    """The standard deviation on each pixel that eta means on these images [n, H, W, ...].

    Raises UserError for too few images for a tenth neighbour.
    """
    from benchmark.neighbors import neighbor_graph

    if len(pixels) <= NOISE_NEIGHBOR:
        raise UserError(
            f"gaussian noise is scaled by the tenth neighbour, so n must be more than {NOISE_NEIGHBOR}, "
            f"not {len(pixels)}."
        )
    flat = pixels.reshape(len(pixels), -1)
    tenth = neighbor_graph(flat, NOISE_NEIGHBOR).distances[:, -1]
    return noise_sigma(tenth, flat.shape[1], eta)


def _gaussian(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    sigma = gaussian_sigma(pixels, level)
    return _in_blocks(pixels, lambda block: block + sigma * rng.standard_normal(block.shape))


def _rician(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    sigma = level * WHITE

    def magnitude(block: NDArray[np.float64]) -> NDArray[np.float64]:
        real, imaginary = sigma * rng.standard_normal((2, *block.shape))
        return np.asarray(np.sqrt((block + real) ** 2 + imaginary**2))

    return _in_blocks(pixels, magnitude)


def _poisson(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    if level > 1:
        raise UserError(f"noise_level of poisson must be at most 1, which is one photon in a white pixel, not {level}.")
    photon = WHITE * level**2
    # a renderer may undershoot black by a little, and no pixel expects fewer than no photons
    return _in_blocks(pixels, lambda block: np.asarray(photon * rng.poisson(np.maximum(block, 0.0) / photon)))


def _in_blocks(pixels: Pixels, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Pixels:
    """Apply a function of float64 images block by block."""
    noisy = np.empty_like(pixels)
    for start in range(0, len(pixels), BLOCK):
        noisy[start : start + BLOCK] = change(pixels[start : start + BLOCK].astype(np.float64))
    return noisy


KINDS: Mapping[str, Callable[[Pixels, float, np.random.Generator], Pixels]] = {
    "gaussian": _gaussian,
    "rician": _rician,
    "poisson": _poisson,
}
"""What adds each kind of noise."""
NOISES = ("none", *KINDS)
"""Every kind of noise by name."""
