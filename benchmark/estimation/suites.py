"""Suites: frozen, versioned lists of what is asked, one TOML file each beside this module."""

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.data.view import View
from benchmark.errors import UserError
from benchmark.hashing import sha256_of
from benchmark.submissions import describe_validation_error
from benchmark.synthetic.manifolds import MANIFOLDS

FOLDER = Path(__file__).parent / "suites"

Copies = Literal["removed", "kept"]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KnownBlock(_Frozen):
    """Tasks with a known truth: manifolds, each sampled with several seeds."""

    family: str
    """Family of the tasks on the board; a manifold keeps its own truth."""
    manifolds: list[str]
    """Names of `benchmark.synthetic.manifolds`; ["*"] stands for the whole family."""
    n: int = Field(ge=3)
    seeds: int = Field(ge=1)
    noise: float = Field(0.0, ge=0.0)
    """eta: noise of standard deviation eta * median(r10) / sqrt(2 D) on each coordinate."""


class RealBlock(_Frozen):
    """Tasks on real images, scored by consistency: the whole, disjoint halves, half the resolution."""

    views: list[View]
    splits: int = Field(ge=0)
    """How many times the sample is split into two disjoint halves."""
    resolutions: bool = True
    """Ask for half the size too, with and without rounding to 8 bits."""
    copies: Copies = "removed"
    """`kept` as in the papers' code: each image ignores its own copies and sees those of others."""


class Budget(_Frozen):
    """What one sample may use."""

    wall_seconds: float
    cpu_seconds: float
    memory_gib: float


class SuiteFile(_Frozen):
    """The content of a suite's TOML file."""

    version: str
    description: str
    budget: Budget
    known: list[KnownBlock] = []
    real: list[RealBlock] = []


@dataclass(frozen=True)
class Suite:
    """A suite as read: its name, content and hash."""

    name: str
    content: SuiteFile

    @cached_property
    def sha256(self) -> str:
        """Content hash: results of different hashes are never in one mean. The description does not count."""
        return sha256_of(self.content.model_dump(mode="json", exclude={"description"}))


def suite_names() -> tuple[str, ...]:
    """Names of the suites that exist."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_suite(name: str) -> Suite:
    """Read a suite by name, or by the path of a TOML file of your own.

    Raises UserError for an unknown name, and for a file that names an unknown manifold or key.
    """
    path = FOLDER / f"{name}.toml"
    if name.endswith(".toml"):
        path = Path(name)
        if path.stem in suite_names() and path.resolve().parent != FOLDER:
            raise UserError(f"{path}: {path.stem} is the name of a suite of ManifoldBench: rename the file.")
    elif name not in suite_names():
        names = ", ".join(suite_names())
        raise UserError(f'There is no suite "{name}": give {names}, or the path of a TOML file.')
    try:
        content = SuiteFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}.") from None
    except ValidationError as error:
        raise UserError(describe_validation_error(path, error, SuiteFile)) from None
    for block in content.known:
        unknown = [manifold for manifold in block.manifolds if manifold != "*" and manifold not in MANIFOLDS]
        if unknown:
            raise UserError(f"{path}: unknown manifold {unknown[0]}; known: {', '.join(MANIFOLDS)}.")
    return Suite(path.stem, content)


def manifolds_of(block: KnownBlock) -> tuple[str, ...]:
    """The manifolds a block names, with ["*"] spelled out."""
    if block.manifolds == ["*"]:
        return tuple(name for name, manifold in MANIFOLDS.items() if manifold.family == block.family)
    return tuple(block.manifolds)
