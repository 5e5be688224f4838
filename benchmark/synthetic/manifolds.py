"""Manifolds: point clouds whose dimension is known, drawn by seed.

Families:
* classic   the 24 manifolds that Campadelli et al. (2015) collected, from scikit-dimension's generators. Traps: M10a-d
            are surfaces of cubes, so they have edges, and their faces are filled in order, so the last ones get fewer
            points (with n = 2500, three of the 142 faces of M10d get none). M13b is a spiral whose turns lie 6.3
            apart, while the tenth neighbour of 2,500 points on it is as far along the curve: more neighbours, or
            much noise, see a second turn. M5b's turns lie 3.1 apart, its points' tenth neighbours 3.6.
* topology  spaces that are not flat pieces: tori, products, Stiefel and Grassmann manifolds, rotations.
* mixture   Gaussian scale mixtures: every point has an amplitude of its own.

All randomness comes from a generator made of the manifold's name and the seed; numpy's global state is not touched.
A task must have the same points, and so the same sha256, everywhere; but libraries of linear algebra sum in an order
that depends on the processor and the threads. So sums are written out here, in a fixed order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import KDTree

from benchmark.errors import UserError
from benchmark.hashing import seed_from

Points = NDArray[np.float64]

NOISE_NEIGHBOR = 10
"""Noise is measured against the distance of this neighbour."""
DIGITS = 6
"""Decimals of points that scikit-dimension makes with matrix products: far below their distances."""


@dataclass(frozen=True, slots=True)
class Manifold:
    """A generator of points and the truth about them."""

    name: str
    family: str
    """`classic`, `topology` or `mixture`."""
    dimension: int
    """The truth."""
    ambient_dimension: int
    """D, the number of coordinates."""
    draw: Callable[[int, Generator], Points]
    """n and a generator to [n, D] points."""
    about: str
    source: str
    """The paper that defines it or gives its dimension."""


def sample_manifold(name: str, n: int, seed: int, noise: float = 0.0) -> Points:
    """Draw n points of a manifold, [n, D] float64, the same for the same arguments in every process.

    noise: eta; adds isotropic Gaussian noise of standard deviation eta * median(r10) / sqrt(2 D) to each coordinate,
        where r10 is the distance to the tenth neighbour: two points move apart by about eta * r10, so the same eta
        disturbs every manifold alike (Huang, Chen & Chung 2026). The points below the noise are those of noise = 0.

    Raises UserError for an unknown name, n < 1, a noise that is negative or not finite, or noise with too few points
    for a tenth neighbour.
    """
    if name not in MANIFOLDS:
        raise UserError(f'There is no manifold "{name}"; known: {", ".join(MANIFOLDS)}.')
    if n < 1:
        raise UserError(f"n must be at least 1, not {n}.")
    if not 0 <= noise < np.inf:
        raise UserError(f"noise must be a finite number, 0 or more, not {noise}.")
    if noise and n <= NOISE_NEIGHBOR:
        raise UserError(f"noise is scaled by the tenth neighbour, so n must be more than {NOISE_NEIGHBOR}, not {n}.")
    points = MANIFOLDS[name].draw(n, np.random.default_rng(seed_from(manifold=name, draw=seed)))
    if not noise:
        return points
    # the tree counts each point as its own first neighbour
    tenth = KDTree(points).query(points, k=[NOISE_NEIGHBOR + 1])[0]
    sigma = noise_sigma(tenth, points.shape[1], noise)
    generator = np.random.default_rng(seed_from(manifold=name, noise=seed))
    return np.asarray(points + sigma * generator.standard_normal(points.shape))


def noise_sigma(tenth: NDArray[np.float64], ambient_dimension: int, eta: float) -> float:
    """Standard deviation eta * median(r10) / sqrt(2 D) of Gaussian noise scaled by neighbour spacing.

    tenth: r10, each point's distance to its tenth neighbour. Source: Huang, Chen & Chung 2026.
    """
    return float(eta * np.median(tenth) / np.sqrt(2 * ambient_dimension))


def _library_seed(generator: Generator) -> int:
    """A seed for scikit-dimension, whose generators know numpy's older random state only."""
    return int(generator.integers(2**32))


def _classic(name: str, d: int, ambient: int, n: int, generator: Generator) -> Points:
    from skdim.datasets import BenchmarkManifolds

    # generate() needs both dimensions; without them it draws with defaults that do not exist for every name.
    library = BenchmarkManifolds(random_state=_library_seed(generator))
    points = np.asarray(library.generate(name=name, n=n, dim=ambient, d=d), dtype=np.float64)
    # and no -0, whose sign differs too
    return np.asarray(points.round(DIGITS) + 0.0) if name in _OF_PRODUCTS else points


def _torus(major: float, minor: float, n: int, generator: Generator) -> Points:
    """Uniform in area on the torus in three dimensions, [n, 3]."""
    from skdim.datasets import torus

    return np.asarray(torus(n, r1=major, r2=minor, random_state=_library_seed(generator)))


def _swiss_roll(n: int, generator: Generator) -> Points:
    """The Swiss roll M7, [n, 3], at a scale comparable with a unit sphere's."""
    return _classic("M7_Roll", 2, 3, n, generator) / 10


def _sphere(d: int, n: int, generator: Generator) -> Points:
    """Uniform on the unit sphere S^d, [n, d + 1]."""
    normal = generator.standard_normal((n, d + 1))
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


def _flat_torus(d: int, n: int, generator: Generator) -> Points:
    """Uniform on the product of d unit circles, [n, 2 d]: curvature nowhere, boundary nowhere."""
    angles = generator.uniform(0, 2 * np.pi, (n, d))
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def _sphere_and_roll(n: int, generator: Generator) -> Points:
    """Independent points of the unit 4-sphere and of the Swiss roll side by side, [n, 8]: dimensions add."""
    return np.concatenate([_sphere(4, n, generator), _swiss_roll(n, generator)], axis=1)


def _product(a: Points, b: Points) -> Points:
    """Matrix products [n, l, c] x [n, c, m] -> [n, l, m], summed over c in order."""
    total = np.zeros((len(a), a.shape[1], b.shape[2]))
    for c in range(a.shape[2]):
        total += a[:, :, c, None] * b[:, None, c]
    return total


def _frames(rows: int, columns: int, n: int, generator: Generator) -> Points:
    """Uniform orthonormal frames, [n, rows, columns]: Gaussian matrices, orthonormalised by Gram and Schmidt.

    Each column is projected twice, which is enough for full precision (Giraud et al. 2005).
    """
    frames = generator.standard_normal((n, rows, columns))
    for j in range(columns):
        before, column = frames[:, :, :j], frames[:, :, j, None]
        for _ in range(2 if j else 0):
            column = column - _product(before, _product(before.transpose(0, 2, 1), column))
        frames[:, :, j, None] = column / np.sqrt(_product(column.transpose(0, 2, 1), column))
    return frames


def _stiefel(rows: int, columns: int, n: int, generator: Generator) -> Points:
    """V(p, R^m): orthonormal p-frames, flattened; dimension m p - p (p + 1) / 2 (Edelman, Arias & Smith 1998)."""
    return _frames(rows, columns, n, generator).reshape(n, -1)


def _grassmann(rows: int, columns: int, n: int, generator: Generator) -> Points:
    """Gr(p, R^m): projections onto random p-planes, flattened; dimension p (m - p)."""
    frames = _frames(rows, columns, n, generator)
    return _product(frames, frames.transpose(0, 2, 1)).reshape(n, -1)


def _rotations(size: int, n: int, generator: Generator) -> Points:
    """SO(m): uniform rotation matrices, flattened; dimension m (m - 1) / 2."""
    matrices = _frames(size, size, n, generator)
    matrices[np.linalg.det(matrices) < 0, :, 0] *= -1
    return matrices.reshape(n, -1)


def _scale_mixture(d: int, ambient: int, spread: float, n: int, generator: Generator) -> Points:
    """Gaussian points of a random d-plane, [n, D], each scaled by exp(spread * z) with z standard normal.

    Amplitudes differ as contrast does between images: this breaks estimators that compare the density of neighbours.
    """
    amplitude = np.exp(spread * generator.standard_normal((n, 1)))
    basis = _frames(ambient, d, 1, generator)[0]
    return np.asarray(_product((amplitude * generator.standard_normal((n, d)))[None], basis.T[None])[0])


_HEIN = "Hein & Audibert, ICML 2005; Campadelli et al., Mathematical Problems in Engineering 2015"
_TORI = "Diaconis, Holmes & Shahshahani, Sampling from a manifold, 2013"
_MATRICES = "Edelman, Arias & Smith, SIAM Journal on Matrix Analysis and Applications 1998"
_SCALES = "Huang, Chen & Chung 2026"

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
    ("Mp1_Paraboloid", 3, 12, "paraboloid, multivariate Burr distribution"),
    ("Mp2_Paraboloid", 6, 21, "paraboloid, multivariate Burr distribution"),
    ("Mp3_Paraboloid", 9, 30, "paraboloid, multivariate Burr distribution"),
)

_OF_PRODUCTS = frozenset({"M2_Affine_3to5", "Mn1_Nonlinear", "Mn2_Nonlinear"})

_TOPOLOGY = (
    Manifold("Torus_2", "topology", 2, 3, partial(_torus, 1.0, 0.25), "torus, uniform in area", _TORI),
    Manifold("FlatTorus_5", "topology", 5, 10, partial(_flat_torus, 5), "product of five circles", _TORI),
    Manifold("FlatTorus_10", "topology", 10, 20, partial(_flat_torus, 10), "product of ten circles", _TORI),
    Manifold("Product_Sphere4_Roll2", "topology", 6, 8, _sphere_and_roll, "4-sphere times Swiss roll", _HEIN),
    Manifold("Stiefel_5_2", "topology", 7, 10, partial(_stiefel, 5, 2), "2-frames in five dimensions", _MATRICES),
    Manifold("Stiefel_8_3", "topology", 18, 24, partial(_stiefel, 8, 3), "3-frames in eight dimensions", _MATRICES),
    Manifold("Grassmann_4_2", "topology", 4, 16, partial(_grassmann, 4, 2), "planes in four dimensions", _MATRICES),
    Manifold("Grassmann_7_3", "topology", 12, 49, partial(_grassmann, 7, 3), "3-planes in seven dimensions", _MATRICES),
    Manifold("Rotations_3", "topology", 3, 9, partial(_rotations, 3), "rotations of space", _MATRICES),
)

_MIXTURE = tuple(
    Manifold(
        f"ScaleMixture_{d}_{round(100 * spread):02d}",
        "mixture",
        d,
        2 * d,
        partial(_scale_mixture, d, 2 * d, spread),
        f"Gaussian points, amplitudes spread by {spread:g} on the log scale",
        _SCALES,
    )
    for d in (10, 70)
    for spread in (0.0, 0.2, 0.35)
)

MANIFOLDS: Mapping[str, Manifold] = {
    manifold.name: manifold
    for manifold in (
        *(
            Manifold(name, "classic", d, D, partial(_classic, name, d, D), about, _HEIN)
            for name, d, D, about in _CLASSIC
        ),
        *_TOPOLOGY,
        *_MIXTURE,
    )
}
"""Every manifold by name."""
