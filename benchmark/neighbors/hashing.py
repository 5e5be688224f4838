"""The compiled part of the search for copies."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.neighbors.compiling import compiled


@compiled
def weigh(values: NDArray[Any], weights: NDArray[np.uint64], out: NDArray[np.uint64]) -> None:
    """Into out [n] the sums, modulo 2^64, of the rows of unsigned values [n, D] times weights [D]."""
    for r in range(len(values)):
        row = values[r]
        total = np.uint64(0)
        for c in range(len(row)):
            total += np.uint64(row[c]) * weights[c]
        out[r] = total
