"""Certificates of phantoms: what they hold, what they depend on, where they are kept."""

import ast
import importlib.metadata
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.errors import UserError
from benchmark.files import write_whole
from benchmark.hashing import sha256_of, sha256_of_program
from benchmark.synthetic.phantoms import family as contract
from benchmark.synthetic.phantoms.family import Family
from benchmark.validation import describe_validation_error

FOLDER = "certificates"
"""Below the results."""
LEAST_LATENTS = 256
MEASURING = ("certify.py", "geometry.py")
"""The modules that measure, beside this one."""


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
    """The same, as a share of the median smallest singular value; refused at `certify.COLLISION_THRESHOLD`."""
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


def code_sha256(family: Family) -> str:
    """sha256 of the family's module, of those of the phantoms that it imports, and of this measurement.

    Comments and docstrings do not count.
    """
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
    measuring = {name: Path(__file__).parent / name for name in MEASURING}
    return sha256_of({name: sha256_of_program(path) for name, path in sorted((found | measuring).items())})


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


def library_versions() -> dict[str, str]:
    """Versions of the libraries that compute."""
    return {name: importlib.metadata.version(name) for name in ("numpy", "torch")}


def certificate_key(family: Family, dimension: int, *, size: int, anatomy: int, latents: int = LEAST_LATENTS) -> str:
    """sha256 of everything that decides what a certificate says: phantom, code and versions of libraries."""
    parts: dict[str, Any] = {"family": family.name, "dimension": dimension, "size": size, "anatomy": anatomy}
    return sha256_of(parts | {"latents": latents, "code": code_sha256(family), "libraries": library_versions()})


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
