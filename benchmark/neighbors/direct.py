"""Squared distances by direct differences in float64, summed in a fixed order.

Column c is added to the partial sum c mod `LANES`, and the partial sums are added in pairs, the upper half to the
lower, until one is left. No Gram identity, which cancels; no fused multiply-add; no library that may choose another
order: the same bits for every block size, number of threads and device.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.neighbors.bounds import LANES
from benchmark.neighbors.compiling import compiled


@compiled
def direct_squared(
    points: NDArray[Any], rows: NDArray[np.int64], others: NDArray[np.int64], out: NDArray[np.float64]
) -> None:
    """Squared distances of points[rows[r]] and points[others[r, c]] into out[r, c]; inf where others is -1.

    points: [N, D] float32 or float64. rows: [m]; others, out: [m, n].
    """
    columns = points.shape[1]
    whole = columns - columns % LANES
    lanes = np.empty(LANES)
    for r in range(others.shape[0]):
        left = points[rows[r]]
        for c in range(others.shape[1]):
            if others[r, c] < 0:
                out[r, c] = np.inf
                continue
            right = points[others[r, c]]
            lanes[:] = 0.0
            for start in range(0, whole, LANES):
                a = left[start : start + LANES]
                b = right[start : start + LANES]
                for lane in range(LANES):
                    difference = np.float64(a[lane]) - np.float64(b[lane])
                    lanes[lane] += difference * difference
            for lane in range(columns - whole):
                difference = np.float64(left[whole + lane]) - np.float64(right[whole + lane])
                lanes[lane] += difference * difference
            width = LANES
            while width > 1:
                width //= 2
                for lane in range(width):
                    lanes[lane] += lanes[lane + width]
            out[r, c] = lanes[0]
