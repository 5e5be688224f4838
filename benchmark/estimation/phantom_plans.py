"""Tasks on phantoms: rendered images whose dimension is known, each with the certificate of its phantom."""

import importlib.metadata
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np

from benchmark.estimation.certificates import refusal
from benchmark.estimation.conditions import Conditions
from benchmark.estimation.phantom_blocks import PhantomBlock
from benchmark.estimation.plans import Cloud, Part, Plan, Truth, room_of
from benchmark.estimation.suites import Suite
from benchmark.hashing import sha256_of, sha256_of_file
from benchmark.synthetic import manifolds, phantoms
from benchmark.synthetic.phantoms import channels_of, sample_phantom


def phantom_plans(suite: Suite) -> Iterator[Plan]:
    """The tasks on phantoms that a suite asks for."""
    for block, conditions in suite.phantoms:
        yield _plan(block, conditions, suite)


def _plan(block: PhantomBlock, conditions: Conditions, suite: Suite) -> Plan:
    family, dimension = conditions.family, conditions.dimension
    anatomy = suite.anatomy(family, dimension)
    parts = []
    for index in range(block.seeds):
        # The same latents whatever the conditions, so that only these differ between the tasks of an axis.
        seed = suite.seed(phantom=family, dimension=dimension, repeat=index)
        key = sha256_of({"phantom": asdict(conditions), "seed": seed, "anatomy": anatomy, "code": _code()})
        parts.append(Part(f"seed-{index}", key, _sampler(conditions, seed, anatomy), _room(conditions)))
    truth = Truth(
        name=conditions.name,
        kind=conditions.kind,
        family=family,
        dimension=float(dimension) if conditions.kind == "phantom" else None,
    )
    return Plan(truth, tuple(parts), lambda results: refusal(results, family, dimension, conditions.size, anatomy))


def _room(conditions: Conditions) -> Callable[[], int]:
    def room() -> int:
        values = conditions.size**2 * channels_of(conditions.family)
        return room_of(conditions.n, values * conditions.bits // 8)

    return room


def _sampler(conditions: Conditions, seed: int, anatomy: int) -> Callable[[], Cloud]:
    def cloud() -> Cloud:
        images = sample_phantom(
            conditions.family,
            conditions.dimension,
            conditions.n,
            size=conditions.size,
            seed=seed,
            anatomy=anatomy,
            bits=conditions.bits,
            noise=conditions.noise,
            noise_level=conditions.noise_level,
        )
        return Cloud(
            np.ascontiguousarray(images.pixels.reshape(conditions.n, -1)),
            images.groups if conditions.groups else None,
            images.local_dimensions if conditions.kind == "local" else None,
        )

    return cloud


@cache
def _code() -> str:
    """sha256 of what renders: the modules of phantoms, and the libraries they call."""
    folder = Path(phantoms.__file__).parent
    files = {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in sorted(folder.rglob("*.py"))}
    libraries = {name: importlib.metadata.version(name) for name in ("torch", "numpy")}
    # whose noise is scaled as that of manifolds
    return sha256_of({"files": files, "manifolds": sha256_of_file(Path(manifolds.__file__)), "libraries": libraries})
