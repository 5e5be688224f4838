"""Manifolds: point clouds whose dimension is known, drawn by seed.

Families:
* classic   the 24 manifolds of Hein & Audibert (ICML 2005) and Campadelli et al. (Mathematical Problems in Engineering
            2015), from scikit-dimension's generators. M10a-d are surfaces of cubes, so they have edges, and their last
            faces are sampled less; M13b is a spiral whose turns lie 6.3 apart.
* topology  spaces that are not flat pieces: tori, products, Stiefel and Grassmann manifolds, rotations.
* mixture   Gaussian scale mixtures: every point has an amplitude of its own (Huang, Chen & Chung 2026).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.hashing import seed_from
from benchmark.neighbors import neighbor_graph

Points = NDArray[np.float64]

NOISE_NEIGHBOR = 10
"""Noise is measured against the distance of this neighbour."""


@dataclass(frozen=True, slots=True)
class Manifold:
    """A generator of points and the truth about them."""

    name: str
    family: str
    dimension: int
    ambient_dimension: int
    draw: Callable[[int, Generator], Points]
    """n and a generator to [n, D] points."""
    about: str


def sample_manifold(name: str, n: int, seed: int, noise: float = 0.0) -> Points:
    """Draw n points of a manifold, [n, D] float64, the same for the same arguments in every process.

    noise: eta; adds isotropic Gaussian noise of standard deviation eta * median(r10) / sqrt(2 D) to each coordinate,
        where r10 is the distance to the tenth neighbour: the same eta disturbs every manifold alike (Huang, Chen &
        Chung 2026). The points below the noise are those of noise = 0.

    Raises UserError for an unknown name, n < 1, a negative noise, or noise with too few points for a tenth neighbour.
    """
    if name not in MANIFOLDS:
        raise UserError(f'There is no manifold "{name}"; known: {", ".join(MANIFOLDS)}.')
    if n < 1:
        raise UserError(f"n must be at least 1, not {n}.")
    if not noise >= 0:
        raise UserError(f"noise must be 0 or more, not {noise}.")
    if noise and n <= NOISE_NEIGHBOR:
        raise UserError(f"noise is scaled by the tenth neighbour, so n must be more than {NOISE_NEIGHBOR}, not {n}.")
    manifold = MANIFOLDS[name]
    points = manifold.draw(n, np.random.default_rng(seed_from(manifold=name, draw=seed)))
    if noise:
        spacing = np.median(neighbor_graph(points, NOISE_NEIGHBOR).distances[:, -1])
        sigma = noise * spacing / np.sqrt(2 * points.shape[1])
        generator = np.random.default_rng(seed_from(manifold=name, noise=seed))
        points = points + sigma * generator.standard_normal(points.shape)
    return points


def _classic(name: str, d: int, ambient: int, n: int, generator: Generator) -> Points:
    from skdim.datasets import BenchmarkManifolds  # imports pandas and scikit-learn: not at start-up

    # generate() needs both dimensions; without them it draws with defaults that do not exist for every name.
    library = BenchmarkManifolds(random_state=int(generator.integers(2**32)))
    return np.asarray(library.generate(name=name, n=n, dim=ambient, d=d), dtype=np.float64)


def _sphere(d: int, n: int, generator: Generator) -> Points:
    """Uniform on the unit sphere S^d, [n, d + 1]."""
    normal = generator.standard_normal((n, d + 1))
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


def _flat_torus(d: int, n: int, generator: Generator) -> Points:
    """Uniform on the product of d unit circles, [n, 2 d]: curvature nowhere, boundary nowhere."""
    angles = generator.uniform(0, 2 * np.pi, (n, d))
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def _torus(major: float, minor: float, n: int, generator: Generator) -> Points:
    """Uniform in area on the torus in three dimensions, [n, 3], by rejection on the angle of the tube."""
    tube = np.empty(0)
    while len(tube) < n:
        angle, height = generator.uniform(0, 2 * np.pi, 2 * n), generator.uniform(0, 1, 2 * n)
        tube = np.append(tube, angle[height * (major + minor) < major + minor * np.cos(angle)])
    tube = tube[:n]
    around = generator.uniform(0, 2 * np.pi, n)
    radius = major + minor * np.cos(tube)
    return np.column_stack([radius * np.cos(around), radius * np.sin(around), minor * np.sin(tube)])


def _swiss_roll(n: int, generator: Generator) -> Points:
    """A rolled sheet, [n, 3], of sides comparable with a unit sphere's."""
    turn = 1.5 * np.pi * (1 + 2 * generator.random(n))
    return np.column_stack([turn * np.cos(turn), 21 * generator.random(n), turn * np.sin(turn)]) / 10


def _product(
    first: Callable[[int, Generator], Points], second: Callable[[int, Generator], Points], n: int, generator: Generator
) -> Points:
    """Independent points of two manifolds side by side: dimensions add."""
    return np.concatenate([first(n, generator), second(n, generator)], axis=1)


def _frames(rows: int, columns: int, n: int, generator: Generator) -> Points:
    """Uniform orthonormal frames, [n, rows, columns]: QR of Gaussian matrices, with R's diagonal made positive."""
    q, r = np.linalg.qr(generator.standard_normal((n, rows, columns)))
    return np.asarray(q * np.sign(np.einsum("nii->ni", r))[:, None, :])


def _stiefel(rows: int, columns: int, n: int, generator: Generator) -> Points:
    """V(p, R^m): orthonormal p-frames, flattened; dimension m p - p (p + 1) / 2 (Edelman, Arias & Smith 1998)."""
    return _frames(rows, columns, n, generator).reshape(n, -1)


def _grassmann(rows: int, columns: int, n: int, generator: Generator) -> Points:
    """Gr(p, R^m): projections onto random p-planes, flattened; dimension p (m - p)."""
    frames = _frames(rows, columns, n, generator)
    return np.asarray(frames @ frames.transpose(0, 2, 1)).reshape(n, -1)


def _rotations(size: int, n: int, generator: Generator) -> Points:
    """SO(m): uniform rotation matrices, flattened; dimension m (m - 1) / 2."""
    matrices = _frames(size, size, n, generator)
    matrices[np.linalg.det(matrices) < 0, :, 0] *= -1
    return matrices.reshape(n, -1)


def _scale_mixture(d: int, ambient: int, spread: float, n: int, generator: Generator) -> Points:
    """Gaussian points of dimension d, each scaled by exp(spread * z): amplitudes differ as contrast does in images."""
    amplitude = np.exp(spread * generator.standard_normal((n, 1)))
    basis = _frames(ambient, d, 1, generator)[0]
    return np.asarray(amplitude * generator.standard_normal((n, d)) @ basis.T)


_CLASSIC = (
    ("M1_Sphere", 10, 11, "sphere"),
    ("M2_Affine_3to5", 3, 5, "affine space"),
    ("M3_Nonlinear_4to6", 4, 6, "concentrated figure, easily taken for three-dimensional"),
    ("M4_Nonlinear", 4, 8, "nonlinear manifold"),
    ("M5a_Helix1d", 1, 3, "helix around a ring"),
    ("M5b_Helix2d", 2, 3, "helicoid"),
    ("M6_Nonlinear", 6, 36, "nonlinear manifold"),
    ("M7_Roll", 2, 3, "Swiss roll"),
    ("M8_Nonlinear", 12, 72, "highly curved manifold"),
    ("M9_Affine", 20, 20, "cube, full-dimensional"),
    ("M10a_Cubic", 10, 11, "surface of a cube"),
    ("M10b_Cubic", 17, 18, "surface of a cube"),
    ("M10c_Cubic", 24, 25, "surface of a cube"),
    ("M10d_Cubic", 70, 71, "surface of a cube"),
    ("M11_Moebius", 2, 3, "Moebius band, ten times twisted"),
    ("M12_Norm", 20, 20, "isotropic Gaussian"),
    ("M13a_Scurve", 2, 3, "S-shaped sheet"),
    ("M13b_Spiral", 1, 13, "spiral"),
    ("Mbeta", 10, 40, "nonuniform density"),
    ("Mn1_Nonlinear", 18, 72, "nonlinear embedding of high dimension"),
    ("Mn2_Nonlinear", 24, 96, "nonlinear embedding of high dimension"),
    ("Mp1_Paraboloid", 3, 12, "paraboloid, heavy tails"),
    ("Mp2_Paraboloid", 6, 21, "paraboloid, heavy tails"),
    ("Mp3_Paraboloid", 9, 30, "paraboloid, heavy tails"),
)

_TOPOLOGY = (
    Manifold("Torus_2", "topology", 2, 3, partial(_torus, 1.0, 0.25), "torus, uniform in area"),
    Manifold("FlatTorus_5", "topology", 5, 10, partial(_flat_torus, 5), "product of five circles"),
    Manifold("FlatTorus_10", "topology", 10, 20, partial(_flat_torus, 10), "product of ten circles"),
    Manifold(
        "Product_Sphere4_Roll2",
        "topology",
        6,
        8,
        partial(_product, partial(_sphere, 4), _swiss_roll),
        "product of a 4-sphere and a Swiss roll",
    ),
    Manifold("Stiefel_5_2", "topology", 7, 10, partial(_stiefel, 5, 2), "orthonormal 2-frames in five dimensions"),
    Manifold("Stiefel_8_3", "topology", 18, 24, partial(_stiefel, 8, 3), "orthonormal 3-frames in eight dimensions"),
    Manifold("Grassmann_4_2", "topology", 4, 16, partial(_grassmann, 4, 2), "planes in four dimensions"),
    Manifold("Grassmann_7_3", "topology", 12, 49, partial(_grassmann, 7, 3), "3-planes in seven dimensions"),
    Manifold("Rotations_3", "topology", 3, 9, partial(_rotations, 3), "rotations of space"),
)

_MIXTURE = tuple(
    Manifold(
        f"ScaleMixture_{d}_{round(100 * spread):02d}",
        "mixture",
        d,
        2 * d,
        partial(_scale_mixture, d, 2 * d, spread),
        f"Gaussian points, amplitudes spread by {spread:g} on the log scale",
    )
    for d in (10, 70)
    for spread in (0.0, 0.2, 0.35)
)

MANIFOLDS: Mapping[str, Manifold] = {
    manifold.name: manifold
    for manifold in (
        *(Manifold(name, "classic", d, D, partial(_classic, name, d, D), about) for name, d, D, about in _CLASSIC),
        *_TOPOLOGY,
        *_MIXTURE,
    )
}
"""Every manifold by name."""
