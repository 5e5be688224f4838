"""ManifoldBench: a benchmark and leaderboard of intrinsic-dimension estimators on radiology and natural images.

For notebooks: `from benchmark import estimate_dimension, neighbor_graph` (docs/api.md).
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.api import estimate_dimension, neighbor_graph

__all__ = ["estimate_dimension", "neighbor_graph"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The functions for notebooks, imported when they are first asked for: the command line needs none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("benchmark.api"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
