"""Line integrals of soft ellipses and ellipsoids, in closed form.

An ellipsoid's density is a function of s^2, the quadratic form that is 1 on its surface. Along a line whose least s^2
is m^2, s^2 = m^2 + t^2 with t the way along the line in units of the half chord through the centre, so the line
integral is that half chord times A(m^2) = int f(m^2 + t^2) dt: Abel's transform of the density.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

NOTHING = 1e-9
"""Stands for 0 under a square root, whose derivative is infinite there; to the power of 2.5 it is 3e-23."""
BEAD_CHORD = 0.9817477042468103
"""int (1 - t^2)_+^(5/2) dt = B(1/2, 7/2) = 5 pi / 16."""


def organ_density(s2: "Tensor", rim: float) -> "Tensor":
    """1 inside s^2 < 1 - rim, 0 outside s^2 > 1 + rim, once continuously differentiable between.

    The second divided difference of (1 - s^2)_+^2 over a step of `rim`.
    """
    q = 1 - s2
    parts = [(q + shift).clamp_min(0) for shift in (rim, 0, -rim)]
    return (parts[0] ** 2 - 2 * parts[1] ** 2 + parts[2] ** 2) / (2 * rim * rim)


def organ_chord(q: "Tensor", rim: float) -> "Tensor":
    """Line integral of `organ_density` at q = 1 - m^2, in half chords: 2 sqrt(q) deep inside, 0 for q < -rim.

    int (q - t^2)_+^2 dt = 16/15 q_+^(5/2), so it is twice continuously differentiable: its Jacobian has no infinite
    entry at the rim, where the chord of a hard ellipsoid has.
    """
    outer, middle, inner = _power(q + rim), _power(q), _power(q - rim)
    return (outer - 2 * middle + inner) * (8 / 15 / rim**2)


def _power(q: "Tensor") -> "Tensor":
    """q_+^(5/2)."""
    q = q.clamp_min(NOTHING)
    return q * q * q.sqrt()


def bead_density(s2: "Tensor") -> "Tensor":
    """(1 - s^2)_+^(5/2): a soft object without a core, 0 from s^2 = 1 on."""
    q = (1 - s2).clamp_min(NOTHING)
    return q * q * q.sqrt()


def bead_chord(q: "Tensor") -> "Tensor":
    """Line integral of `bead_density` at q = 1 - m^2, in half chords: B(1/2, 7/2) q_+^3."""
    q = q.clamp_min(0)
    return BEAD_CHORD * (q * q * q)
