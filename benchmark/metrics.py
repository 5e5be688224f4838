"""What a score is called and how it is read, for every track."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """How a score is read."""

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher", "zero"]
    about: str
