"""The geometry of a renderer's images near and far: its Jacobian, how close two images come, reach.

Images are vectors of their pixels in 0..1, distances are Euclidean. Everything is float64 and in bounded memory.
"""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.synthetic.phantoms.family import Phantom

if TYPE_CHECKING:
    from torch import Tensor

MEMORY_NUMBERS = 2**23
"""Numbers in the largest array: 64 MiB."""
STEP = 1e-5
"""Of finite differences, in latents."""
DESCENT_STEPS = 6
"""Of `closest_images`: near a collision a step roughly squares the distance."""
BLOCK_PIXELS = 2**15 - 1
"""Pixels rendered at once, as in `benchmark.synthetic.phantoms.sampling`."""
SAME = 1e-3
"""Latents closer than this share of the domain's width are one place, where a ratio says no more than the Jacobian."""

DUAL_PIXELS = 2**17
"""Pixels and directions differentiated at once: more cost memory, and fewer cost calls."""

Floats = NDArray[np.float64]


def images_of(phantom: Phantom, latents: Floats, size: int) -> Floats:
    """Render latents [n, columns] as vectors [n, D] of all their values."""
    import torch

    block = max(1, BLOCK_PIXELS // size**2)
    with torch.inference_mode():
        parts = [
            phantom.render(torch.from_numpy(latents[start : start + block]), size).flatten(1).numpy()
            for start in range(0, len(latents), block)
        ]
    return np.concatenate(parts)


def jacobian_blocks(phantom: Phantom, latents: Floats, size: int) -> "Iterator[tuple[slice, Tensor, Tensor]]":
    """Blocks of latents [n, d] with their images [b, D] and Jacobians [b, d, D], by forward-mode differentiation."""
    import torch

    block = _rows(latents.shape[1], size)
    for start in range(0, len(latents), block):
        part = slice(start, min(start + block, len(latents)))
        yield part, *jacobians(phantom, torch.from_numpy(latents[part]), size)


def jacobians(phantom: Phantom, latents: "Tensor", size: int) -> "tuple[Tensor, Tensor]":
    """Images [n, D] and Jacobians [n, d, D] at latents [n, d]: a direction at a time, over all rows at once."""
    import torch

    n, d = latents.shape
    directions = torch.eye(d, dtype=latents.dtype)[:, None].expand(d, n, d)

    def images(at: "Tensor") -> "Tensor":
        return phantom.render(at, size).flatten(1)

    def along(direction: "Tensor") -> "Tensor":
        change: Tensor = torch.func.jvp(images, (latents,), (direction,))[1]
        return change

    chunk = max(1, DUAL_PIXELS // (n * size**2))
    with torch.no_grad(), warnings.catch_warnings():
        # torch scripts its own rules of differentiation when the first one is needed
        warnings.filterwarnings("ignore", message="`torch.jit.script`", category=FutureWarning)
        return images(latents), torch.func.vmap(along, out_dims=1, chunk_size=chunk)(directions)


def _rows(d: int, size: int) -> int:
    """Latents whose Jacobians are taken at once."""
    return max(1, DUAL_PIXELS // (d * size**2))


def difference_error(phantom: Phantom, latents: Floats, size: int) -> float:
    """Largest relative deviation of a column of the Jacobian from central differences, at latents [n, d]."""
    worst = 0.0
    for part, _, jacobian in jacobian_blocks(phantom, latents, size):
        for j in range(latents.shape[1]):
            step = np.zeros(latents.shape[1])
            step[j] = STEP
            ahead, behind = (images_of(phantom, latents[part] + way * step, size) for way in (1, -1))
            column = jacobian[:, j].numpy()
            deviation = np.linalg.norm((ahead - behind) / (2 * STEP) - column, axis=1)
            # a column of zeros is the rank's matter
            worst = max(worst, float((deviation / np.maximum(np.linalg.norm(column, axis=1), 1e-12)).max()))
    return worst


def closest_pairs(phantom: Phantom, latents: Floats, images: Floats, near: int) -> tuple[NDArray[np.int64], Floats]:
    """For each image [n, D] the one of smallest ratio of distance to latent separation: of its nearest, and of others.

    `near` of each are compared; the others are those that follow in order, so the latents [n, columns] come in random
    order, and more of them than `near`.

    Returns pairs [n, 2] and ratios [n], of distances that are differences, not products, and so exact.
    """
    centred = images - images.mean(axis=0)
    squares = (centred**2).sum(axis=1)
    pairs, ratios = [], []
    block = max(1, MEMORY_NUMBERS // max(len(images), 2 * near * images.shape[1]))
    for start in range(0, len(images), block):
        rows = np.arange(start, min(start + block, len(images)))
        rough = squares[rows, None] + squares - 2 * centred[rows] @ centred.T
        rough[np.arange(len(rows)), rows] = np.inf
        others = (rows[:, None] + np.arange(1, near + 1)) % len(images)
        found = np.concatenate([np.argpartition(rough, near, axis=1)[:, :near], others], axis=1)
        distances = np.linalg.norm(images[rows, None] - images[found], axis=2)
        apart = phantom.separation(np.repeat(latents[rows], 2 * near, axis=0), latents[found.ravel()])
        ratio = distances / apart.reshape(found.shape)
        best = ratio.argmin(axis=1)[:, None]
        pairs.append(np.column_stack([rows, np.take_along_axis(found, best, axis=1)]))
        ratios.append(np.take_along_axis(ratio, best, axis=1)[:, 0])
    return np.concatenate(pairs), np.concatenate(ratios)


def closest_images(phantom: Phantom, targets: Floats, starts: Floats, size: int, box: tuple[Floats, Floats]) -> Floats:
    """Ratio of image distance to separation, [m], after moving `starts` so that their images come to the targets'.

    targets, starts: latents [m, d]; box: the least and the largest value [d] of each latent.
    Where a phantom is injective the way ends at the target, and what counts is how near a collision it passed; else it
    may end at another latent with the same image, where the ratio is near 0.
    """
    block = _rows(targets.shape[1], size)
    parts = [slice(begin, begin + block) for begin in range(0, len(targets), block)]
    return np.concatenate([_descend(phantom, targets[part], starts[part], size, box) for part in parts])


def _descend(phantom: Phantom, targets: Floats, starts: Floats, size: int, box: tuple[Floats, Floats]) -> Floats:
    """`closest_images` for a block: damped Gauss-Newton steps (Levenberg 1944), clipped to the box."""
    import torch

    wanted = torch.from_numpy(images_of(phantom, targets, size))
    ratios = np.full(len(targets), np.inf)
    damping = torch.full((len(targets), 1, 1), 1e-2, dtype=torch.float64)
    at, trial = torch.from_numpy(starts), torch.from_numpy(starts)
    low, high = (torch.from_numpy(side) for side in box)
    images, jacobian = jacobians(phantom, trial, size)
    rest = wanted - images
    for _ in range(DESCENT_STEPS):
        apart = phantom.separation(at.numpy(), targets)
        far = apart > SAME * float((high - low).norm())
        ratios[far] = np.minimum(ratios[far], rest.norm(dim=1).numpy()[far] / apart[far])
        products = jacobian @ jacobian.transpose(1, 2)
        scale = products.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
        ridge = (damping * scale + 1e-30) * torch.eye(products.shape[1], dtype=torch.float64)
        step = torch.linalg.solve(products + ridge, jacobian @ rest[:, :, None])[:, :, 0]
        trial = torch.minimum(torch.maximum(at + step, low), high)
        images, tried = jacobians(phantom, trial, size)
        better = ((wanted - images).norm(dim=1) < rest.norm(dim=1))[:, None]
        at, rest = torch.where(better, trial, at), torch.where(better, wanted - images, rest)
        jacobian = torch.where(better[:, :, None], tried, jacobian)
        damping = torch.where(better[:, :, None], damping / 4, damping * 8)
    return ratios


def reach_bound(images: "Tensor", jacobian: "Tensor", others: Floats) -> float:
    """The smallest |y - x|^2 / (2 dist(y - x, T_x)) over images x [b, D] with Jacobians [b, d, D] and others y [m, D].

    The reach is the infimum over all pairs (Federer 1959, theorem 4.18), so a sample bounds it from above
    (Aamari et al. 2019).
    """
    import torch

    y = torch.from_numpy(others)
    smallest = np.inf
    for image, tangents in zip(images, jacobian, strict=True):
        basis = torch.linalg.qr(tangents.T)[0]
        squared = ((y - image) ** 2).sum(dim=1)
        across = (squared - ((y @ basis - image @ basis) ** 2).sum(dim=1)).clamp_min(0).sqrt()
        # nearer to the tangent space than this, rounding decides how near
        clear = (squared > 1e-8) & (across > 1e-4 * squared.sqrt())
        if clear.any():
            smallest = min(smallest, float((squared[clear] / (2 * across[clear])).min()))
    return smallest


def participation_ratio(images: Floats) -> float:
    """The effective dimension (sum of variances)^2 / sum of their squares, over principal axes of images [n, D]."""
    centred = images - images.mean(axis=0)
    gram = centred @ centred.T
    return float(np.trace(gram) ** 2 / (gram**2).sum())
