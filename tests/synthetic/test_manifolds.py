"""Manifolds: the points lie where their equations say, and depend on the seed alone."""

import hashlib
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from scipy.spatial import KDTree
from scipy.special import polygamma

from benchmark.errors import UserError
from benchmark.neighbors import first_copies, neighbor_graph
from benchmark.synthetic.manifolds import MANIFOLDS, sample_manifold

TABLE = {
    "M1_Sphere": (10, 11),
    "M2_Affine_3to5": (3, 5),
    "M3_Nonlinear_4to6": (4, 6),
    "M4_Nonlinear": (4, 8),
    "M5a_Helix1d": (1, 3),
    "M5b_Helix2d": (2, 3),
    "M6_Nonlinear": (6, 36),
    "M7_Roll": (2, 3),
    "M8_Nonlinear": (12, 72),
    "M9_Affine": (20, 20),
    "M10a_Cubic": (10, 11),
    "M10b_Cubic": (17, 18),
    "M10c_Cubic": (24, 25),
    "M10d_Cubic": (70, 71),
    "M11_Moebius": (2, 3),
    "M12_Norm": (20, 20),
    "M13a_Scurve": (2, 3),
    "M13b_Spiral": (1, 13),
    "Mbeta": (10, 40),
    "Mn1_Nonlinear": (18, 72),
    "Mn2_Nonlinear": (24, 96),
    "Mp1_Paraboloid": (3, 12),
    "Mp2_Paraboloid": (6, 21),
    "Mp3_Paraboloid": (9, 30),
}
"""Dimension and ambient dimension as Campadelli et al. 2015 list them."""


def digest(name, seed=5, noise=0.1):
    return hashlib.sha256(sample_manifold(name, 60, seed, noise).tobytes()).hexdigest()


def test_the_classic_ones_are_those_of_the_table_and_of_the_library():
    from skdim.datasets import BenchmarkManifolds

    classic = {name: m for name, m in MANIFOLDS.items() if m.family == "classic"}
    assert {name: (m.dimension, m.ambient_dimension) for name, m in classic.items()} == TABLE
    truth = BenchmarkManifolds(random_state=0).truth
    assert {name: (row.iloc[0], row.iloc[1]) for name, row in truth.iterrows()} == TABLE


@pytest.mark.parametrize("name", MANIFOLDS)
def test_shape_type_and_no_copies(name):
    manifold = MANIFOLDS[name]
    points = sample_manifold(name, 500, 1)
    assert points.shape == (500, manifold.ambient_dimension)
    assert points.dtype == np.float64
    assert np.isfinite(points).all()
    assert len(first_copies(points)[0]) == 500
    assert manifold.name == name
    assert manifold.family in {"classic", "topology", "mixture"}
    assert 1 <= manifold.dimension <= manifold.ambient_dimension
    assert manifold.source


@pytest.mark.parametrize("name", MANIFOLDS)
def test_seed_decides_everything(name):
    assert digest(name) == digest(name)
    assert digest(name) != digest(name, seed=6)
    assert sample_manifold(name, 1, 0).shape == (1, MANIFOLDS[name].ambient_dimension)


def test_another_process_draws_the_same_bytes():
    """Another hash seed, number of threads and order of sums: what Python or the linear algebra could leak."""
    code = (
        "import hashlib, sys; from benchmark.synthetic.manifolds import MANIFOLDS, sample_manifold\n"
        "for name in MANIFOLDS: print(hashlib.sha256(sample_manifold(name, 60, 5, 0.1).tobytes()).hexdigest())"
    )
    algebra = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Nehalem"}
    environment = os.environ | {"PYTHONHASHSEED": "4711"} | algebra
    finished = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert finished.stdout.split() == [digest(name) for name in MANIFOLDS]


def test_importing_is_cheap():
    code = "import sys, benchmark.synthetic.manifolds; print('skdim' in sys.modules, 'pandas' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert finished.stdout.split() == ["False", "False"]


def test_global_generators_are_left_alone():
    np.random.seed(3)  # noqa: NPY002
    random.seed(3)
    first = [digest(name) for name in MANIFOLDS]
    states = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    assert first == [digest(name) for name in MANIFOLDS]
    np.random.seed(3)  # noqa: NPY002
    assert states == (np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002


@pytest.mark.parametrize("name", ["M1_Sphere", "M7_Roll", "Mn2_Nonlinear", "Grassmann_7_3"])
def test_noise_is_measured_against_the_tenth_neighbour(name):
    base = sample_manifold(name, 1000, 2)
    added = sample_manifold(name, 1000, 2, noise=0.3) - base
    tenth = np.median(neighbor_graph(base, 10).distances[:, -1])
    sigma = 0.3 * tenth / np.sqrt(2 * base.shape[1])
    assert added.std() == pytest.approx(sigma, rel=4 / np.sqrt(2 * added.size))  # four standard errors
    assert abs(added.mean()) < 4 * sigma / np.sqrt(added.size)
    moved = np.linalg.norm(added[::2] - added[1::2], axis=1)
    assert np.sqrt(np.mean(moved**2)) == pytest.approx(0.3 * tenth, rel=0.1)
    half = sample_manifold(name, 1000, 2, noise=0.15) - base
    np.testing.assert_allclose(half, added / 2, atol=1e-12 * np.abs(base).max())


@pytest.mark.parametrize("name", ["M1_Sphere", "Stiefel_5_2"])
def test_noise_is_independent_of_the_points(name):
    """Noise drawn from the points' own generator would repeat the numbers that the points are made of."""
    base = sample_manifold(name, 2000, 3)
    added = sample_manifold(name, 2000, 3, noise=0.2) - base
    correlation = np.corrcoef(base.T, added.T)[: base.shape[1], base.shape[1] :]
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)


@pytest.mark.parametrize("name", ["M1_Sphere", "FlatTorus_5"])
def test_points_on_spheres(name):
    points = sample_manifold(name, 200, 0)
    squares = points**2 if name == "M1_Sphere" else points[:, :5] ** 2 + points[:, 5:] ** 2
    sums = squares.sum(axis=1) if name == "M1_Sphere" else squares
    np.testing.assert_allclose(sums, 1, rtol=1e-12)


def test_torus_lies_on_its_equation_and_is_uniform_in_area():
    x, y, z = sample_manifold("Torus_2", 20_000, 0).T
    across = np.hypot(x, y) - 1
    np.testing.assert_allclose(across**2 + z**2, 0.25**2, rtol=1e-10)
    # by Pappus, the half away from the axis has 1/2 + r / (pi R) of the area
    outer = 0.5 + 0.25 / np.pi
    assert np.mean(across > 0) == pytest.approx(outer, abs=4 * np.sqrt(outer * (1 - outer) / 20_000))


def test_product_is_a_sphere_and_a_roll():
    points = sample_manifold("Product_Sphere4_Roll2", 300, 0)
    sphere, roll = points[:, :5], points[:, 5:]
    np.testing.assert_allclose(np.linalg.norm(sphere, axis=1), 1, rtol=1e-12)
    radius = 10 * np.hypot(roll[:, 0], roll[:, 2])  # the roll's radius is its angle
    np.testing.assert_allclose(10 * roll[:, 0], radius * np.cos(radius), atol=1e-10)
    assert np.abs(np.corrcoef(points.T)[:5, 5:]).max() < 4 / np.sqrt(300)


@pytest.mark.parametrize(("name", "m", "p"), [("Stiefel_5_2", 5, 2), ("Stiefel_8_3", 8, 3)])
def test_stiefel_points_are_orthonormal_frames(name, m, p):
    frames = sample_manifold(name, 200, 0).reshape(-1, m, p)
    np.testing.assert_allclose(frames.transpose(0, 2, 1) @ frames, np.broadcast_to(np.eye(p), (200, p, p)), atol=1e-13)
    assert MANIFOLDS[name].dimension == m * p - p * (p + 1) // 2


@pytest.mark.parametrize(("name", "m", "p"), [("Grassmann_4_2", 4, 2), ("Grassmann_7_3", 7, 3)])
def test_grassmann_points_are_projections(name, m, p):
    projections = sample_manifold(name, 200, 0).reshape(-1, m, m)
    np.testing.assert_allclose(projections @ projections, projections, atol=1e-13)
    np.testing.assert_allclose(projections, projections.transpose(0, 2, 1), atol=1e-13)
    np.testing.assert_allclose(np.trace(projections, axis1=1, axis2=2), p, rtol=1e-12)
    assert MANIFOLDS[name].dimension == p * (m - p)


def test_rotations_are_rotations_and_uniform():
    rotations = sample_manifold("Rotations_3", 5000, 0).reshape(-1, 3, 3)
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (5000, 3, 3)), atol=1e-13
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1, rtol=1e-12)
    # the angle of a uniform rotation has E cos = -1/2, so the trace 1 + 2 cos is 0 in the mean and 1 in the mean square
    traces = np.trace(rotations, axis1=1, axis2=2)
    assert abs(traces.mean()) < 4 / np.sqrt(5000)
    assert np.mean(traces**2) == pytest.approx(1, abs=4 * np.sqrt(2 / 5000))


@pytest.mark.parametrize("spread", [0.0, 0.2, 0.35])
@pytest.mark.parametrize("d", [10, 70])
def test_scale_mixtures_span_a_plane_and_spread_in_amplitude(d, spread):
    name = f"ScaleMixture_{d}_{round(100 * spread):02d}"
    points = sample_manifold(name, 4000, 0)
    values = np.linalg.svd(points[:500], compute_uv=False)
    assert (values > 1e-10 * values[0]).sum() == d == MANIFOLDS[name].dimension
    # ln |x|^2 = 2 spread z + ln chi^2_d has the variance 4 spread^2 + trigamma(d / 2)
    variance = np.var(2 * np.log(np.linalg.norm(points, axis=1)))
    assert variance == pytest.approx(4 * spread**2 + polygamma(1, d / 2), rel=0.12)


LOW = [name for name, m in MANIFOLDS.items() if m.dimension <= 4 or (m.family == "topology" and m.dimension <= 7)]


@pytest.mark.parametrize("name", LOW)
def test_low_dimensions_are_seen_in_many_points(name):
    """With 10,000 points the pooled MLE is good to 6 %: one dimension more or less would show."""
    points = sample_manifold(name, 10_000, 0)
    distances = KDTree(points).query(points, k=11)[0][:, 1:]
    estimate = 9 * len(points) / np.log(distances[:, -1:] / distances[:, :-1]).sum()
    assert estimate == pytest.approx(MANIFOLDS[name].dimension, rel=0.06)


def test_last_faces_of_the_cube_get_fewer_points():
    """A trap of the generator that the documentation tells: M10d has 142 faces, and three of them stay empty."""
    points = sample_manifold("M10d_Cubic", 2500, 0)
    faces = np.concatenate([(points == 0).sum(axis=0), (points == 1).sum(axis=0)])
    assert faces.sum() == 2500
    assert (faces == 0).sum() == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("M1_Spere", 10, 0), r'There is no manifold "M1_Spere"; known: M1_Sphere, '),
        (("M1_Sphere", 0, 0), r"n must be at least 1, not 0\."),
        (("M1_Sphere", -5, 0), r"n must be at least 1, not -5\."),
        (("M1_Sphere", 50, 0, -0.1), r"noise must be a finite number, 0 or more, not -0\.1\."),
        (("M1_Sphere", 50, 0, float("nan")), r"noise must be a finite number, 0 or more, not nan\."),
        (("M1_Sphere", 10, 0, 0.1), r"so n must be more than 10, not 10\."),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        sample_manifold(*arguments)
