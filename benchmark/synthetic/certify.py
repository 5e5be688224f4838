"""Certificates: measured evidence that a phantom has the dimension it claims, kept as JSON beside the results.

What is measured, at random latents in float64:
* rank: singular values of the Jacobian by forward-mode differentiation, checked against finite differences;
* injectivity: the smallest ratio of image distance to latent separation, over the images nearest to each other among
  many and over descents that try to make two latents give one image;
* difficulty: condition number, effective dimension, reach.
A phantom that fails is refused.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.hashing import seed_from
from benchmark.synthetic import geometry
from benchmark.synthetic.certificates import (
    FOLDER,
    LEAST_LATENTS,
    Certificate,
    certificate_key,
    certificate_path,
    code_sha256,
    library_versions,
    load_certificate,
    read_certificate,
    write_certificate,
)
from benchmark.synthetic.phantoms.family import Family, Phantom
from benchmark.synthetic.phantoms.sampling import check_size

__all__ = [
    "FOLDER",
    "Certificate",
    "certificate_key",
    "certificate_path",
    "certify",
    "code_sha256",
    "load_certificate",
    "read_certificate",
    "write_certificate",
]

RANK_THRESHOLD = 1e-6
"""The smallest singular value anywhere must be more than this share of the largest anywhere."""
COLLISION_THRESHOLD = 1e-3
"""Two latents collide if their images are closer, per separation, than this share of the median smallest singular
value."""
DIFFERENCE_THRESHOLD = 1e-4
"""The Jacobian's columns must agree with finite differences within this, relatively."""
MANY = 2048
"""Images among which the nearest are sought, at 64 x 64 pixels; fewer of larger ones."""
NEAR = 16
"""Nearest images of each that are compared with it in their latents."""
DESCENTS = 16
"""Pairs that are moved towards a collision: half of them the nearest to one, half at random."""
MARGIN = 0.01
"""How far these may leave the latents that were drawn, as a share of their width: the ends of a circle then meet."""
IN_USE = (1, 2, 4, 8, 16, 32, 64)
"""Dimensions that are certified unless told otherwise."""
SIZE_IN_USE = 64

Floats = NDArray[np.float64]


class _Stratum(NamedTuple):
    """What was measured in a piece of constant dimension."""

    rank: int
    smallest: Floats
    largest: Floats
    difference: float
    ratio: float
    pairs: int
    reach: float
    effective: float


def certify(family: Family, dimension: int, *, size: int, anatomy: int, latents: int = LEAST_LATENTS) -> Certificate:
    """Measure a phantom. Some minutes at d = 64 and 64 x 64 pixels, on one core.

    Raises UserError if it fails, with the reason, and for a dimension, size or number of latents out of range.
    """
    name = f"{family.name}-{dimension}"
    if dimension not in family.dimensions:
        allowed = family.dimensions
        raise UserError(f"{family.name} has dimensions from {allowed[0]} to {allowed[-1]}, not {dimension}.")
    check_size(size)
    if latents < LEAST_LATENTS:
        raise UserError(f"latents must be at least {LEAST_LATENTS}, not {latents}.")
    seed = seed_from(certificate=family.name, dimension=dimension, anatomy=anatomy)
    rng = np.random.default_rng(seed)
    phantom = family.make(dimension, anatomy)
    strata = [_measure(stratum, f"{name} is refused", size, latents, rng) for stratum in phantom.strata]
    low, high = (np.concatenate(parts) for parts in zip(*((s.smallest, s.largest) for s in strata), strict=True))
    injectivity, pairs = min(stratum.ratio for stratum in strata), sum(stratum.pairs for stratum in strata)
    effective = strata[0].effective
    if len(strata) > 1:  # images of two strata must not meet either
        whole = _independent(phantom, _many(size), rng)
        images = geometry.images_of(phantom, whole, size)
        injectivity = min(injectivity, float(geometry.closest_pairs(phantom, whole, images, NEAR)[1].min()))
        pairs += len(whole) * (len(whole) - 1) // 2
        effective = geometry.participation_ratio(images)
    margin = injectivity / float(np.median(low))
    if margin < COLLISION_THRESHOLD:
        raise UserError(
            f"{name} is refused: it is not injective, since two latents give images only {injectivity:.3g} apart per "
            f"separation, {margin:.3g} of the median smallest singular value, and {COLLISION_THRESHOLD:g} is allowed."
        )
    reach = min(stratum.reach for stratum in strata)
    return Certificate(
        family=family.name,
        dimension=dimension,
        size=size,
        anatomy=anatomy,
        latents=latents,
        seed=seed,
        ranks=tuple(stratum.rank for stratum in strata),
        smallest_singular_ratio=float(low.min() / high.max()),
        condition_median=float(np.median(high / low)),
        condition_max=float((high / low).max()),
        injectivity=injectivity,
        collision_margin=margin,
        pairs=pairs,
        difference_error=max(stratum.difference for stratum in strata),
        effective_dimension=effective,
        reach_bound=reach if np.isfinite(reach) else None,
        code_sha256=code_sha256(family),
        libraries=library_versions(),
        key=certificate_key(family, dimension, size=size, anatomy=anatomy, latents=latents),
    )


def _measure(phantom: Phantom, refused: str, size: int, latents: int, rng: np.random.Generator) -> _Stratum:
    """Measure a piece of constant dimension; raises UserError, beginning with `refused`, if its rank fails."""
    import torch

    at = _independent(phantom, latents, rng)
    many = _independent(phantom, _many(size), rng)
    images = geometry.images_of(phantom, many, size)
    values, reach = [], np.inf
    for _, here, jacobian in geometry.jacobian_blocks(phantom, at, size):
        # the triangular factor has the same singular values, and is small
        values.append(torch.linalg.svdvals(torch.linalg.qr(jacobian.transpose(1, 2), mode="r")[1]).numpy())
        reach = min(reach, geometry.reach_bound(here, jacobian, images[: _many(size) // 4]))
    singular = np.concatenate(values)
    if not np.isfinite(singular).all():
        raise UserError(f"{refused}: its Jacobian is not finite.")
    limit = RANK_THRESHOLD * singular.max()
    rank = int((singular > limit).sum(axis=1).min())
    if rank < phantom.dimension:
        raise UserError(
            f"{refused}: its Jacobian has rank {rank} at some latent, and the dimension is {phantom.dimension} "
            f"(smallest singular value {singular.min() / singular.max():.3g} of the largest; more than "
            f"{RANK_THRESHOLD:g} is needed)."
        )
    difference = geometry.difference_error(phantom, at[:16], size)
    if difference > DIFFERENCE_THRESHOLD:
        raise UserError(
            f"{refused}: its Jacobian deviates by {difference:.3g} from finite differences, "
            f"and {DIFFERENCE_THRESHOLD:g} is allowed."
        )
    near, ratios = geometry.closest_pairs(phantom, many, images, NEAR)
    order = np.argsort(ratios, kind="stable")
    chosen = near[np.concatenate([order[: DESCENTS // 2], rng.permutation(order)[: DESCENTS // 2]])]
    low, high = many.min(axis=0), many.max(axis=0)
    margin = MARGIN * (high - low)
    box = (low - margin, high + margin)
    descended = geometry.closest_images(phantom, many[chosen[:, 0]], many[chosen[:, 1]], size, box)
    ratio = float(min(ratios.min(), descended.min()))
    pairs = len(many) * (len(many) - 1) // 2
    effective = geometry.participation_ratio(images)
    return _Stratum(rank, singular[:, -1], singular[:, 0], difference, ratio, pairs, float(reach), effective)


def _many(size: int) -> int:
    return int(np.clip(MANY * 64**2 // size**2, 64, MANY))


def _independent(phantom: Phantom, n: int, rng: np.random.Generator) -> Floats:
    """Latents [n, columns] spread over the domain, also where a sample comes in groups."""
    drawn = phantom.latents(20 * n, rng)
    return drawn[rng.permutation(len(drawn))[:n]]
