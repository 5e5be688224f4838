"""An official evaluation: what is asked is drawn from a secret, so that nobody can tune to the public tasks."""

import math
import os
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from benchmark.errors import UserError
from benchmark.hashing import seed_from

VARIABLE = "MANIFOLDBENCH_SECRET"
OFFICIAL = "-official"
"""Ends the name of a suite that was asked with a secret."""
SHORTEST = 16
"""Characters of a secret: its hash is published with the results, and a short one could be guessed from it."""


def read_secret() -> str | None:
    """The secret of the environment, None where there is none.

    Raises UserError, which does not show it, for one that is too short.
    """
    secret = os.environ.get(VARIABLE)
    if not secret:
        return None
    if len(secret) < SHORTEST:
        raise UserError(f"{VARIABLE} must have at least {SHORTEST} characters, not {len(secret)}.")
    return secret


def drawn_dimensions(
    asked: Iterable[tuple[str, int]], allowed: Mapping[str, Collection[int]], secret: str
) -> dict[tuple[str, int], int]:
    """The dimension that is asked in place of each public one: (family, public dimension) -> dimension.

    Each is drawn log-uniformly from d / sqrt(2) to d sqrt(2), and is then the nearest dimension (on the log scale) that
    the family allows and that no other of its draws has taken. allowed: the dimensions of each family, as many as are
    asked at least.
    """
    drawn: dict[tuple[str, int], int] = {}
    taken: set[tuple[str, int]] = set()
    for family, dimension in sorted(set(asked)):
        rng = np.random.default_rng(seed_from(secret=secret, family=family, dimension=dimension, part="dimension"))
        wanted = math.log(dimension) + rng.uniform(-0.5, 0.5) * math.log(2)
        free = [d for d in allowed[family] if (family, d) not in taken]
        chosen = min(free, key=lambda d: (abs(math.log(d) - wanted), d))
        taken.add((family, chosen))
        drawn[family, dimension] = chosen
    return drawn
