"""Noise: each level means what is written."""

import numpy as np
import pytest
from scipy.spatial import KDTree

from benchmark.errors import UserError
from benchmark.synthetic.phantoms.noise import NOISES, add_noise, gaussian_sigma


def flat(value, n=60):
    return np.full((n, 32, 32), value, dtype=np.float32)


def rng():
    return np.random.default_rng(0)


def test_gaussian_moves_two_images_apart_by_about_the_tenth_neighbours_distance():
    pixels = rng().normal(100, 10, (300, 8, 8)).astype(np.float32)
    points = pixels.reshape(300, -1).astype(np.float64)
    tenth = KDTree(points).query(points, k=[11])[0]
    assert gaussian_sigma(pixels, 0.5) == pytest.approx(0.5 * np.median(tenth) / np.sqrt(2 * 64))
    added = add_noise(pixels, "gaussian", 0.5, rng()) - pixels
    assert added.std() == pytest.approx(gaussian_sigma(pixels, 0.5), rel=0.02)
    assert np.linalg.norm(added[0] - added[1]) == pytest.approx(0.5 * np.median(tenth), rel=0.3)


def test_rician_is_the_magnitude_of_a_complex_image():
    black, white = (add_noise(flat(value), "rician", 0.05, rng()) for value in (0, 255))
    sigma = 0.05 * 255
    assert black.min() >= 0
    assert black.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.01)  # Rayleigh
    assert (white**2).mean() == pytest.approx(255**2 + 2 * sigma**2, rel=1e-3)
    assert white.std() == pytest.approx(sigma, rel=0.02)


def test_poisson_counts_photons():
    white, grey = (add_noise(flat(value), "poisson", 0.1, rng()) for value in (255, 63.75))
    photon = 255 * 0.1**2
    assert white.mean() == pytest.approx(255, rel=1e-3)
    assert white.std() == pytest.approx(0.1 * 255, rel=0.02)
    assert grey.std() == pytest.approx(0.1 * 255 / 2, rel=0.02)
    np.testing.assert_allclose(white / photon, np.rint(white / photon), atol=1e-3)
    assert (add_noise(flat(-1), "poisson", 0.1, rng()) == 0).all()


@pytest.mark.parametrize("noise", NOISES)
def test_level_0_changes_nothing(noise):
    assert (add_noise(flat(9), noise, 0, rng()) == 9).all()


@pytest.mark.parametrize("noise", ["rician", "poisson"])
def test_the_images_of_a_larger_sample_get_the_same_noise(noise):
    few, many = (add_noise(flat(99, n), noise, 0.1, rng()) for n in (300, 320))
    assert (few[:256] == many[:256]).all()


@pytest.mark.parametrize(
    ("noise", "level", "words"),
    [
        ("none", 0.5, "noise_level is 0.5, and noise is none"),
        ("rician", -1, "must be a finite number, 0 or more, not -1"),
        ("rician", np.inf, "must be a finite number, 0 or more, not inf"),
        ("poisson", 1.5, "poisson must be at most 1"),
        ("snow", 0.5, 'There is no noise "snow"'),
    ],
)
def test_mistakes_are_told(noise, level, words):
    with pytest.raises(UserError, match=words):
        add_noise(flat(9), noise, level, rng())


def test_gaussian_needs_a_tenth_neighbour():
    with pytest.raises(UserError, match="n must be more than 10, not 10"):
        add_noise(flat(9, 10), "gaussian", 0.5, rng())
