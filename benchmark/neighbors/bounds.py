"""What the arithmetic of the graph rests on: where integers stay exact, and how far rounded products can be off.

For real numbers, the distance of rows x_i, x_j is searched through z = s (x - c), with c near the mean and s a power of
2 such that |z| <= 1, rounded to the working precision of unit roundoff u: z^. With n_i = |z^_i|^2 and the computed
product p of z^_i and z^_j, the true s^2 |x_i - x_j|^2 is at least

    (1 - e) (n_i + n_j) - 2 p - a,        e = 1.01 (g(C + q) + 8 u + g64(D + 2)),      a = 32 D h

where g(m) = m u / (1 - m u), the bound on m roundings in any order (Higham, Accuracy and Stability of Numerical
Algorithms, section 3.1; g64 with the u of float64), D columns are summed C at a time in q parts, and h is the smallest
normal number. The terms of e: the products, 2 |z^_i| |z^_j| <= n_i + n_j; the rounding of z, which moves a distance by
at most u (|z_i| + |z_j|) and its square by 4 u (n_i + n_j); the two additions of the expression, 3 u (n_i + n_j);
and the squared norms, summed in float64. Underflow, also where it is flushed to zero, is below a. `lower_bound_terms`
gives b_i = (1 - e) n_i - a / 2, so that the computed b_i + b_j - 2 p never exceeds the true squared distance: a pair
whose value is beyond that of all candidates needs no look.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT_COLUMNS = 1024
"""Products of values in [-128, 127] over so many columns are at most 2^24, up to which float32 holds all integers."""

INT32_COLUMNS = 131_064
"""128^2 times so many columns is below 2^31; a multiple of 8."""

UINT32_COLUMNS = 66_051
"""255^2 times so many columns is below 2^32: squared distances of bytes fit 32 bits."""

REAL_COLUMNS = 1024
"""Real columns summed in one product: fewer tighten the bound, more are faster."""

LANES = 32
"""Partial sums of a direct distance (`benchmark.neighbors.direct`): its order of summation is fixed by it."""


def gamma(roundings: int, unit_roundoff: float) -> float:
    """Bound on the relative error of so many successive roundings; inf where the theory ends."""
    product = roundings * unit_roundoff
    return product / (1 - product) if product < 1 else math.inf


def lower_bound_terms(squared_norms: NDArray[np.float64], columns: int, dtype: type[np.floating]) -> NDArray[Any]:
    """The b_i of the bound above, [n], in the working precision.

    squared_norms: [n] float64, of the rounded rows. columns: D. dtype: float32 or float64.
    """
    working = np.finfo(dtype)
    unit = float(working.eps) / 2
    parts = math.ceil(columns / REAL_COLUMNS)
    relative = gamma(min(columns, REAL_COLUMNS) + parts, unit) + 8 * unit + gamma(columns + 2, 2.0**-53)
    terms = (1 - 1.01 * relative) * squared_norms - 16 * columns * float(working.tiny)
    return np.nextafter(terms.astype(dtype), dtype(-np.inf))


def direct_relative_error(columns: int) -> float:
    """Bound on the relative error of a squared distance by direct differences in float64, summed in `LANES` lanes."""
    return gamma(math.ceil(columns / LANES) + int(math.log2(LANES)) + 4, 2.0**-53)
