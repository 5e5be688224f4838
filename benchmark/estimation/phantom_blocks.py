"""What a suite's file may ask on phantoms."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmark.errors import UserError
from benchmark.estimation.conditions import GROUPED, SIZE, Conditions
from benchmark.synthetic.phantoms import PHANTOMS
from benchmark.synthetic.phantoms.sampling import LARGEST, SMALLEST

EVERY = ["*"]


class PhantomBlock(BaseModel):
    """Tasks on phantoms, one for each family and dimension, each sampled with several seeds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    families: list[str] = Field(min_length=1)
    """Names of `benchmark.synthetic.phantoms`; ["*"] stands for all, each at those dimensions that it can have."""
    dimensions: list[int] = Field(min_length=1)
    n: int = Field(ge=3)
    seeds: int = Field(ge=1)
    size: int = Field(SIZE, ge=SMALLEST, le=LARGEST)
    """Pixels a side."""
    bits: Literal[8, 32] = 32
    noise: Literal["none", "gaussian", "rician", "poisson"] = "none"
    noise_level: float = Field(0.0, ge=0.0)
    """As `benchmark.synthetic.phantoms.noise` defines it for each kind of noise."""
    groups: bool = False
    """Pass over neighbours of the same group (patient) in the graph. The points are those of the task without it, so an
    estimator that asks for no graph sees no difference."""

    @property
    def phantoms(self) -> tuple[tuple[str, int], ...]:
        """Families and dimensions, with ["*"] spelled out."""
        names = tuple(PHANTOMS) if self.families == EVERY else tuple(self.families)
        return tuple((name, d) for name in names for d in self.dimensions if d in PHANTOMS[name].dimensions)

    def conditions(self, family: str, dimension: int) -> Conditions:
        """How this block samples a phantom."""
        return Conditions(family, dimension, self.n, self.size, self.bits, self.noise, self.noise_level, self.groups)


def check_phantoms(path: Path, blocks: Sequence[PhantomBlock]) -> None:
    """Raise UserError, naming file and field, for phantoms that cannot be made, or are asked twice in the same way."""
    asked: set[str] = set()
    for number, block in enumerate(blocks, 1):
        place = f"{path}: phantoms, block {number}"
        for family in block.families if block.families != EVERY else []:
            if family not in PHANTOMS:
                raise UserError(f"{place}: families must be of {', '.join(PHANTOMS)}, not {family}.")
            allowed = PHANTOMS[family].dimensions
            for dimension in block.dimensions:
                if dimension not in allowed:
                    raise UserError(
                        f"{place}: dimensions of {family} must be from {allowed[0]} to {allowed[-1]}, not {dimension}."
                    )
        if (block.noise == "none") != (block.noise_level == 0):
            raise UserError(
                f"{place}: noise_level is {block.noise_level:g} and noise is {block.noise}: set both or none."
            )
        for family, dimension in block.phantoms:
            if block.groups and family not in GROUPED:
                raise UserError(f"{place}: groups is for {', '.join(GROUPED)}, and {family} has no groups.")
            name = block.conditions(family, dimension).name
            if name in asked:
                raise UserError(f"{place}: {name} is asked twice: remove one.")
            asked.add(name)
