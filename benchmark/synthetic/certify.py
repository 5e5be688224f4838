"""Certificates: measured evidence that a phantom has the dimension it claims, kept as JSON beside the results.

What is measured, at random latents in float64:
* rank: singular values of the Jacobian by forward-mode differentiation, checked against finite differences;
* injectivity: the smallest ratio of image distance to latent separation, over the images nearest to each other among
  many and over descents that try to make two latents give one image;
* difficulty: condition number, effective dimension, reach.
A phantom that fails is refused.
"""

import ast
import importlib.metadata
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.errors import UserError
from benchmark.hashing import seed_from, sha256_of, sha256_of_file
from benchmark.results import write_whole
from benchmark.synthetic import geometry
from benchmark.synthetic.phantoms import family as contract
from benchmark.synthetic.phantoms.family import Family, Phantom
from benchmark.synthetic.phantoms.sampling import check_size
from benchmark.validation import describe_validation_error

FOLDER = "certificates"
"""Below the results."""
LEAST_LATENTS = 256
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


class Certificate(BaseModel):
    """What was measured of a phantom that passed. Distances are Euclidean, of pixels in 0..1."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    family: str
    dimension: int
    size: int
    """Pixels a side."""
    anatomy: int
    """Seed of the anatomy."""
    latents: int
    """Random latents at which the Jacobian was taken, in each stratum."""
    seed: int
    """Of all that was drawn."""
    ranks: tuple[int, ...]
    """Smallest numerical rank in each stratum, which is its dimension."""
    smallest_singular_ratio: float
    """Smallest singular value at any latent, as a share of the largest at any latent."""
    condition_median: float
    """Condition number of the Jacobian, median over latents."""
    condition_max: float
    injectivity: float
    """Smallest image distance per latent separation that was found."""
    collision_margin: float
    """The same, as a share of the median smallest singular value; refused at `COLLISION_THRESHOLD`."""
    pairs: int
    """Pairs of images that were compared."""
    difference_error: float
    """Largest relative deviation of the Jacobian's columns from finite differences."""
    effective_dimension: float
    """Participation ratio of the images' principal variances."""
    reach_bound: float | None
    """Upper bound on the reach, from pairs of images and tangent spaces; None if all lie in these: a flat phantom."""
    code_sha256: str
    """Of the family's module and those it imports from the phantoms, and of this measurement."""
    libraries: dict[str, str]
    """Versions of torch and numpy."""
    key: str
    """See `certificate_key`."""


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
        libraries=_libraries(),
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


def code_sha256(family: Family) -> str:
    """sha256 of the family's module, of those of the phantoms that it imports, and of this measurement."""
    function = family.make.func if isinstance(family.make, partial) else family.make
    folder = Path(contract.__file__).parent
    own = folder / f"{family.name}.py"
    first = own if own.is_file() else Path(str(sys.modules[function.__module__].__file__))
    found: dict[str, Path] = {}
    waiting = [first]
    while waiting:
        path = waiting.pop()
        if path.name not in found:
            found[path.name] = path
            waiting += [folder / f"{name}.py" for name in _imported(path) if (folder / f"{name}.py").is_file()]
    measuring = {path.name: path for path in (Path(__file__), Path(geometry.__file__))}
    return sha256_of({name: sha256_of_file(path) for name, path in sorted((found | measuring).items())})


def _imported(path: Path) -> list[str]:
    """Names of the phantoms' modules that a module imports."""
    package = contract.__name__.rpartition(".")[0]
    names = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}."):
            names.append(str(node.module).rpartition(".")[2])
    return names


def _libraries() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("numpy", "torch")}


def certificate_key(family: Family, dimension: int, *, size: int, anatomy: int, latents: int = LEAST_LATENTS) -> str:
    """sha256 of everything that decides what a certificate says: phantom, code and versions of libraries."""
    parts: dict[str, Any] = {"family": family.name, "dimension": dimension, "size": size, "anatomy": anatomy}
    return sha256_of(parts | {"latents": latents, "code": code_sha256(family), "libraries": _libraries()})


def certificate_path(root: Path, family: str, dimension: int, size: int) -> Path:
    """Where a certificate lies below the results folder."""
    return root / FOLDER / f"{family}-{dimension}-{size}.json"


def write_certificate(root: Path, certificate: Certificate) -> Path:
    """Write a certificate below the results folder, whole or not at all; the path.

    Raises UserError if it cannot be written.
    """
    path = certificate_path(root, certificate.family, certificate.dimension, certificate.size)
    write_whole(path, json.dumps(certificate.model_dump(mode="json"), indent=1) + "\n")
    return path


def read_certificate(path: Path) -> Certificate:
    """Read a certificate, whatever code it is of.

    Raises UserError for a file that is no certificate.
    """
    try:
        return Certificate.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        raise UserError(describe_validation_error(path, error, Certificate)) from None


def load_certificate(
    root: Path, family: Family, dimension: int, *, size: int, anatomy: int, latents: int = LEAST_LATENTS
) -> Certificate | None:
    """The stored certificate of a phantom; None if there is none, or none of this code and these libraries.

    Raises UserError for a file that is no certificate.
    """
    path = certificate_path(root, family.name, dimension, size)
    if not path.is_file():
        return None
    certificate = read_certificate(path)
    wanted = certificate_key(family, dimension, size=size, anatomy=anatomy, latents=latents)
    return certificate if certificate.key == wanted else None
