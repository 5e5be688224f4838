"""Samples of phantoms: images drawn by seed, the same bytes for the same arguments everywhere."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.family import Phantom
from benchmark.synthetic.phantoms.noise import NOISES, add_noise

SMALLEST, LARGEST = 28, 512
"""Pixels a side."""
WHITE = 255.0
BLOCK_PIXELS = {"cpu": 2**18, "cuda": 2**22}
"""Pixels rendered at once: few enough for a processor's cache, and what keeps a GPU busy."""


@dataclass(frozen=True, slots=True)
class PhantomImages:
    """A sample and the truth about it."""

    pixels: NDArray[np.float32] | NDArray[np.uint8]
    """[n, size, size], or [n, size, size, 3] in colour, 0 black to 255 white: float32, or uint8 for 8 bits."""
    latents: NDArray[np.float64]
    """[n, columns]: where on its manifold each image lies."""
    local_dimensions: NDArray[np.int64]
    """[n]"""
    groups: NDArray[np.int64] | None
    """[n], the patient of each image; None where images are independent."""


def sample_phantom(
    family: str,
    dimension: int,
    n: int,
    *,
    size: int = 64,
    seed: int = 0,
    anatomy: int = 0,
    bits: Literal[8, 32] = 32,
    noise: str = "none",
    noise_level: float = 0.0,
    device: str = "cpu",
) -> PhantomImages:
    """Draw n images of a phantom.

    seed draws the latents and the noise, anatomy what is fixed: shapes, and which of their factors vary.
    bits: 8 rounds half to even and clips to 0..255, after the noise; 32 leaves float32.
    noise, noise_level: see `benchmark.synthetic.phantoms.noise`. The images below the noise are those without it.
    device: where torch renders, "cpu" or "cuda".

    Raises UserError for an unknown family or noise, and for a number outside its range.
    """
    phantom = phantom_of(family, dimension, anatomy)
    if n < 1:
        raise UserError(f"n must be at least 1, not {n}.")
    check_size(size)
    if bits not in {8, 32}:
        raise UserError(f"bits must be 8 or 32, not {bits}.")
    if noise not in NOISES:
        raise UserError(f'There is no noise "{noise}"; known: {", ".join(NOISES)}.')
    rng = np.random.default_rng(seed_from(phantom=family, dimension=dimension, draw=seed))
    latents = phantom.latents(n, rng)
    pixels = render_pixels(phantom, latents, size, device)
    rng = np.random.default_rng(seed_from(phantom=family, dimension=dimension, noise=noise, draw=seed))
    pixels = add_noise(pixels, noise, noise_level, rng)
    return PhantomImages(
        pixels if bits == 32 else to_8_bits(pixels),
        latents,
        phantom.local_dimensions(latents),
        phantom.groups(latents),
    )


def phantom_of(family: str, dimension: int, anatomy: int = 0) -> Phantom:
    """The phantom of a family.

    Raises UserError for an unknown family, and a dimension that it cannot have.
    """
    from benchmark.synthetic.phantoms import PHANTOMS

    if family not in PHANTOMS:
        raise UserError(f'There is no phantom family "{family}"; known: {", ".join(PHANTOMS)}.')
    allowed = PHANTOMS[family].dimensions
    if dimension not in allowed:
        raise UserError(f"{family} has dimensions from {allowed[0]} to {allowed[-1]}, not {dimension}.")
    return PHANTOMS[family].make(dimension, anatomy)


@cache
def channels_of(family: str) -> int:
    """How many values a pixel of the family has: 1, or 3 in colour. Raises as `phantom_of` does."""
    import torch

    from benchmark.synthetic.phantoms import PHANTOMS

    phantom = phantom_of(family, PHANTOMS[family].minimum)
    latents = phantom.latents(1, np.random.default_rng(0))
    return phantom.render(torch.from_numpy(latents), SMALLEST)[0, 0, 0].numel()


def check_size(size: int) -> None:
    """Raise UserError unless images can have this size."""
    if not SMALLEST <= size <= LARGEST:
        raise UserError(f"size must be from {SMALLEST} to {LARGEST} pixels, not {size}.")


def render_pixels(
    phantom: Phantom, latents: NDArray[np.float64], size: int, device: str = "cpu"
) -> NDArray[np.float32]:
    """Images of latents [n, columns], [n, size, size] or [n, size, size, 3] float32, 255 being white.

    Computed in float32, in blocks of images, on a processor as many at a time as torch has threads: no pixel depends on
    the size of a block, nor on the number of threads. The difference from float64 is below 0.002 grey levels.
    """
    import torch

    kind = torch.device(device).type
    images = max(1, BLOCK_PIXELS.get(kind, BLOCK_PIXELS["cuda"]) // size**2)
    _keep_freed_memory()
    with torch.inference_mode():
        shape = phantom.render(torch.from_numpy(latents[:1]), size).shape[1:]
    pixels = np.empty((len(latents), *shape), dtype=np.float32)

    def render(start: int) -> None:
        part = slice(start, start + images)
        with torch.inference_mode():
            rendered = phantom.render(torch.from_numpy(latents[part]).to(device, torch.float32), size)
            pixels[part] = (rendered * WHITE).cpu().numpy()

    with _single_threads() as threads, ThreadPoolExecutor(threads if kind == "cpu" else 1) as pool:
        list(pool.map(render, range(0, len(latents), images)))
    return pixels


@contextmanager
def _single_threads() -> Iterator[int]:
    """Operations of torch that run in one thread each; gives how many threads they had.

    A thread for each block leaves no work between operations to a single core, as threads within operations do.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def _keep_freed_memory() -> None:
    """Spare the system from handing out the memory of every operation anew, which takes longer than the operation.

    glibc returns what is freed until it has seen a block freed that is larger: up to 32 MiB, mallopt(3).
    """
    np.empty(2**25 - 2**16, dtype=np.uint8)


def to_8_bits(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round half to even and clip to 0..255."""
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
