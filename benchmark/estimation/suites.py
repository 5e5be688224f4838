"""Suites: frozen, versioned lists of what is asked, one TOML file each beside this module.

With MANIFOLDBENCH_SECRET set, the same lists are asked with seeds, anatomies and dimensions that are drawn from it.
"""

import hashlib
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.data.view import View
from benchmark.errors import UserError
from benchmark.estimation.conditions import Conditions
from benchmark.estimation.phantom_blocks import PhantomBlock, check_phantoms
from benchmark.estimation.secret import OFFICIAL, VARIABLE, drawn_dimensions, read_secret
from benchmark.hashing import seed_from, sha256_of
from benchmark.submissions import describe_validation_error
from benchmark.synthetic.manifolds import MANIFOLDS
from benchmark.synthetic.phantoms import PHANTOMS
from benchmark.training.protocols import TrainingBlock

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
    phantoms: list[PhantomBlock] = []
    known: list[KnownBlock] = []
    real: list[RealBlock] = []
    training: list[TrainingBlock] = []
    """What models are asked: tasks of protocols, which bring budgets of their own."""
    dimensions: str | None = None
    """Name of another suite, whose estimates of dimension its models are compared with in findings; None: its own."""


@dataclass(frozen=True)
class Suite:
    """A suite as read: its name, content and hash."""

    name: str
    """Ends in `-official` where a secret was used, so that its results lie apart."""
    content: SuiteFile
    secret: str | None = field(default=None, repr=False)
    """What seeds, anatomies and dimensions are drawn from; it is never written anywhere."""

    @cached_property
    def sha256(self) -> str:
        """Content hash of what estimators are asked: results of different hashes are never in one mean.

        The description does not count, nor does what models are asked: their boards go by the protocol's hash.
        """
        left_out = {"description", "training", "dimensions"} | (set() if self.content.phantoms else {"phantoms"})
        content = self.content.model_dump(mode="json", exclude=left_out)
        return sha256_of(content | ({"secret_sha256": self.secret_sha256} if self.secret else {}))

    @property
    def secret_sha256(self) -> str | None:
        """Tells two secrets apart without telling either; None without one."""
        return hashlib.sha256(self.secret.encode()).hexdigest() if self.secret else None

    def seed(self, **parts: str | int) -> int:
        """Seed from named parts, and from the secret where there is one."""
        return seed_from(**parts, **({"secret": self.secret} if self.secret else {}))

    def anatomy(self, family: str, dimension: int) -> int:
        """Draws what is fixed in a phantom: 0 without a secret."""
        return self.seed(family=family, dimension=dimension, part="anatomy") if self.secret else 0

    @cached_property
    def phantoms(self) -> tuple[tuple[PhantomBlock, Conditions], ...]:
        """Every task on phantoms with the block that asks for it; dimensions are drawn where there is a secret."""
        asked = [(block, pair) for block in self.content.phantoms for pair in block.phantoms]
        drawn = {pair: pair[1] for _, pair in asked}
        if self.secret:
            allowed = {name: family.dimensions for name, family in PHANTOMS.items()}
            drawn = drawn_dimensions(drawn, allowed, self.secret)
        return tuple((block, block.conditions(pair[0], drawn[pair])) for block, pair in asked)


def suite_names() -> tuple[str, ...]:
    """Names of the suites that exist."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def suites_compared_with(name: str) -> tuple[str, ...]:
    """Names of the other suites whose models are compared with the dimensions that suite `name` estimates."""
    return tuple(other for other in suite_names() if load_suite(other).content.dimensions == name)


def load_suite(name: str) -> Suite:
    """Read a suite by name, or by the path of a TOML file of your own.

    Raises UserError for an unknown name, for a file that names an unknown manifold, phantom or key, and for a secret
    that is too short.
    """
    secret = read_secret()
    path = FOLDER / f"{name}.toml"
    if name.endswith(".toml"):
        path = Path(name)
        if path.stem in suite_names() and path.resolve().parent != FOLDER:
            raise UserError(f"{path}: {path.stem} is the name of a suite of ManifoldBench: rename the file.")
        if path.stem.endswith(OFFICIAL):
            raise UserError(
                f"{path}: names that end in {OFFICIAL} are for suites run with {VARIABLE}: rename the file."
            )
    elif name not in suite_names():
        names = ", ".join(suite_names())
        raise UserError(f'There is no suite "{name}": give {names}, or the path of a TOML file.')
    try:
        content = SuiteFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}.") from None
    except ValidationError as error:
        raise UserError(describe_validation_error(path, error, SuiteFile)) from None
    if content.dimensions is not None and content.dimensions not in suite_names():
        raise UserError(f"{path}: there is no suite {content.dimensions} to take dimensions from.")
    for block in content.known:
        unknown = [manifold for manifold in block.manifolds if manifold != "*" and manifold not in MANIFOLDS]
        if unknown:
            raise UserError(f"{path}: unknown manifold {unknown[0]}; known: {', '.join(MANIFOLDS)}.")
    check_phantoms(path, content.phantoms)
    return Suite(path.stem + (OFFICIAL if secret else ""), content, secret)


def manifolds_of(block: KnownBlock) -> tuple[str, ...]:
    """The manifolds a block names, with ["*"] spelled out."""
    if block.manifolds == ["*"]:
        return tuple(name for name, manifold in MANIFOLDS.items() if manifold.family == block.family)
    return tuple(block.manifolds)
