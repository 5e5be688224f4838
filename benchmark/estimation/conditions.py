"""What a task on phantoms varies, and the name that tells it to people: `phantom/ellipses-16@N=1000,bits=8`."""

import re
from dataclasses import dataclass
from typing import Literal

SIZE = 64
"""Pixels a side, where a suite says no other."""
LOCAL = ("strata",)
"""Families whose points differ in dimension: there is no single truth, so they are scored point by point."""
GROUPED = ("slices",)
"""Families whose images come in groups, as the slices of one patient do."""

_NAME = re.compile(
    r"(?:phantom|local)/(?P<family>[a-z]+)-(?P<dimension>\d+)@N=(?P<n>\d+)(?:,size=(?P<size>\d+))?"
    r"(?:,bits=(?P<bits>8))?(?:,noise=(?P<noise>[a-z]+):(?P<level>[0-9.e+-]+))?(?P<groups>,groups)?"
)


@dataclass(frozen=True, slots=True)
class Conditions:
    """A phantom and how it is sampled; the defaults are the plain case that the others are compared with."""

    family: str
    dimension: int
    n: int
    size: int = SIZE
    """Pixels a side."""
    bits: Literal[8, 32] = 32
    noise: str = "none"
    noise_level: float = 0.0
    groups: bool = False
    """Whether neighbours of the same group are passed over in the graph."""

    @property
    def kind(self) -> Literal["phantom", "local"]:
        """`local` where each point has a truth of its own."""
        return "local" if self.family in LOCAL else "phantom"

    @property
    def plain(self) -> bool:
        """Whether nothing but family, dimension and N differs from the default."""
        return self == Conditions(self.family, self.dimension, self.n)

    @property
    def name(self) -> str:
        """The task's name; what is at its default is left out."""
        parts = [f"N={self.n}"]
        if self.size != SIZE:
            parts.append(f"size={self.size}")
        if self.bits == 8:
            parts.append("bits=8")
        if self.noise != "none":
            parts.append(f"noise={self.noise}:{self.noise_level:g}")
        if self.groups:
            parts.append("groups")
        return f"{self.kind}/{self.family}-{self.dimension}@{','.join(parts)}"


def conditions_of(task: str) -> Conditions | None:
    """The conditions that a task's name tells; None for the name of another kind of task."""
    found = _NAME.fullmatch(task)
    if not found:
        return None
    return Conditions(
        family=found["family"],
        dimension=int(found["dimension"]),
        n=int(found["n"]),
        size=int(found["size"] or SIZE),
        bits=8 if found["bits"] else 32,
        noise=found["noise"] or "none",
        noise_level=float(found["level"] or 0),
        groups=bool(found["groups"]),
    )
