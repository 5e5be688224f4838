"""Families of phantoms: each renders what it says, with the dimension it says."""

import re

import numpy as np
import pytest
import torch

from benchmark.hashing import sha256_of_array
from benchmark.paths import REPOSITORY
from benchmark.synthetic.geometry import images_of, jacobian_blocks
from benchmark.synthetic.phantoms import PHANTOMS, sample_phantom
from benchmark.synthetic.phantoms.periodic import places
from benchmark.synthetic.phantoms.sampling import render_pixels
from benchmark.synthetic.phantoms.slices import PER_PATIENT
from benchmark.synthetic.phantoms.strata import stratum_dimensions

ELEVEN = ("ellipses", "warp", "mr", "xray", "ct", "ultrasound", "periodic", "strata", "slices", "scene", "decoder")
COLOUR = {"scene": (3,)}
"""The last axis of images in colour; the others are grey."""
HASHES = {
    "ellipses": "5eed585feb588e650e466768e871ec3d747e5c9dec7e371757a644e2c78aaf36",
    "warp": "f4317a8a7e16c70e69af88de4b916ce5995cb50331c73b4744d03ffbe69f84e8",
    "mr": "22ccd494015d4069e5232d6385f1bd0febaf03c675f9440e4142e9e368718e0a",
    "periodic": "0fe5a40325999b00ae98d77151b60be8369922660b1f0f53f7ccca6e0fa6c76e",
    "strata": "f4702e44ddf0ed412e8f7343b106f9ac7047f09639eba3c948a32de8975a9b0b",
    "slices": "11002ffe7cb61c4ccbc366d41e2044e38315c7a79defe9eb28bdaca238f376a6",
}
"""sha256 of 8 images of 32 x 32 pixels at dimension 4."""


def few(family, d, n, seed=0):
    """Independent latents of a phantom's strata: pairs of phantom and latents [n, d]."""
    phantom = family.make(d, 0)
    rng = np.random.default_rng(seed)
    return [(s, s.latents(40 * n, rng)[rng.permutation(40 * n)[:n]]) for s in phantom.strata]


def test_the_register_lists_every_family_by_its_name():
    assert tuple(PHANTOMS) == ELEVEN
    for name, family in PHANTOMS.items():
        assert family.name == name
        assert family.domain in {"radiology", "natural"}
        assert family.about.endswith(".")
        assert 4 in family.dimensions


def test_the_documentation_lists_every_family_with_its_dimensions():
    text = (REPOSITORY / "docs" / "phantoms.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+)-(\d+) \|$", text, re.MULTILINE)
    found = {name: range(int(low), int(high) + 1) for name, low, high in rows}
    assert found == {name: family.dimensions for name, family in PHANTOMS.items()}


@pytest.mark.parametrize("family", PHANTOMS.values(), ids=lambda family: family.name)
class TestEveryFamily:
    def test_images_have_the_shape_and_the_grey_values_of_images(self, family):
        sample = sample_phantom(family.name, 4, 9, size=28)
        assert sample.pixels.shape == (9, 28, 28, *COLOUR.get(family.name, ()))
        assert sample.pixels.dtype == np.float32
        assert np.isfinite(sample.pixels).all()
        assert -26 < sample.pixels.min() < 64
        assert 128 < sample.pixels.max() < 300
        assert sample.local_dimensions.mean() == 4
        assert len(sample.latents) == 9

    @pytest.mark.parametrize("d", [2, 7])
    def test_the_jacobian_has_rank_d(self, family, d):
        for phantom, latents in few(family, d, 4):
            for _, _, jacobian in jacobian_blocks(phantom, latents, 32):
                values = torch.linalg.svdvals(jacobian)
                assert values.shape[1] == phantom.dimension
                assert (values[:, -1] > 1e-4 * values[:, 0]).all()

    def test_the_largest_dimension_can_be_made_and_its_latents_all_move_the_image(self, family):
        d = family.maximum
        for phantom, latents in few(family, d, 1):
            assert phantom.dimension <= 64
            steps = np.repeat(latents, phantom.dimension, axis=0) + 0.01 * np.eye(phantom.dimension)
            moved = np.linalg.norm(images_of(phantom, steps, 28) - images_of(phantom, latents, 28), axis=1)
            assert moved.min() > 0.02 * np.median(moved)

    def test_dtype_follows_the_latents(self, family):
        phantom, latents = few(family, 4, 3)[0]
        double = phantom.render(torch.from_numpy(latents), 28)
        single = phantom.render(torch.from_numpy(latents).float(), 28)
        assert (double.dtype, single.dtype) == (torch.float64, torch.float32)
        assert (double - single).abs().max() < 1e-3

    def test_a_larger_image_shows_the_same(self, family):
        phantom, latents = few(family, 4, 2)[0]
        small = phantom.render(torch.from_numpy(latents), 32)
        large = phantom.render(torch.from_numpy(latents), 96)
        large = large.unflatten(2, (32, 3)).unflatten(1, (32, 3)).mean(dim=(2, 4))
        assert np.corrcoef(small.flatten(), large.flatten())[0, 1] > 0.97

    def test_images_do_not_depend_on_those_beside_them(self, family):
        phantom, latents = few(family, 4, 5)[0]
        together = render_pixels(phantom, latents, 32)
        assert all((render_pixels(phantom, latents[i : i + 1], 32)[0] == together[i]).all() for i in range(5))

    def test_the_anatomy_decides_what_is_fixed(self, family):
        one, same, other = (family.make(4, anatomy) for anatomy in (1, 1, 2))
        latents = one.latents(2, np.random.default_rng(0))
        assert (render_pixels(one, latents, 28) == render_pixels(same, latents, 28)).all()
        assert (render_pixels(one, latents, 28) != render_pixels(other, latents, 28)).any()


@pytest.mark.parametrize("name", HASHES)
def test_the_bytes_are_those_of_every_machine(name):
    assert sha256_of_array(sample_phantom(name, 4, 8, size=32).pixels) == HASHES[name]


@pytest.mark.parametrize("name", ["ellipses", "warp", "mr"])
def test_latents_move_the_image_alike(name):
    phantom = PHANTOMS[name].make(16, 3)
    steps = 0.5 * np.eye(16)
    moved = np.linalg.norm(images_of(phantom, steps, 32) - images_of(phantom, -steps, 32), axis=1)
    assert moved.max() < 1.02 * moved.min()


def test_periodic_closes_after_a_full_turn_and_not_before():
    phantom = PHANTOMS["periodic"].make(1, 0)
    turns = np.linspace(-np.pi, np.pi, 37)[:, None]
    images = images_of(phantom, turns, 32)
    away = np.linalg.norm(images - images[0], axis=1)
    assert away[-1] < 1e-9
    assert away[1:-1].min() > 0.5
    assert phantom.separation(np.array([[3.0]]), np.array([[-3.0]])) == pytest.approx(2 * np.pi - 6)
    latents = phantom.latents(1000, np.random.default_rng(0))
    assert -np.pi <= latents.min() < -3
    assert 3 < latents.max() < np.pi


@pytest.mark.parametrize("count", range(1, 9))
def test_limbs_of_periodic_lie_in_the_image_and_apart(count):
    x, y, radius = places(count).T
    assert (np.hypot(x, y) + radius).max() < 1
    gaps = np.hypot(x - x[:, None], y - y[:, None]) - radius - radius[:, None]
    assert gaps[~np.eye(count, dtype=bool)].min(initial=1) > 0


@pytest.mark.parametrize("mean", [2, 3, 4, 8, 16, 32, 37])
def test_strata_have_the_mean_they_claim(mean):
    parts = stratum_dimensions(mean)
    assert sum(parts) == 3 * mean
    assert 1 <= parts[0] <= parts[1] < parts[2] <= 64


def test_strata_tell_the_dimension_of_each_image():
    sample = sample_phantom("strata", 7, 30, size=28)
    assert sorted(sample.local_dimensions) == 10 * [3] + 10 * [6] + 10 * [12]
    for latents, d in zip(sample.latents, sample.local_dimensions, strict=True):
        assert (latents[1 : 1 + d] != 0).all()
        assert (latents[1 + d :] == 0).all()
    assert sample.groups is None


def test_slices_come_in_patients_of_neighbouring_positions():
    sample = sample_phantom("slices", 5, 50, size=28)
    assert sample.groups.tolist() == [i // PER_PATIENT for i in range(50)]
    first = sample.latents[:PER_PATIENT]
    assert (first[:, 1:] == first[0, 1:]).all()
    np.testing.assert_allclose(np.diff(first[:, 0]), 0.05)
    assert np.abs(sample.latents).max() <= 1


def test_a_slice_of_an_ellipsoid_shrinks_towards_its_end():
    phantom = PHANTOMS["slices"].make(2, 0)
    latents = np.array([[0.0, 0.0], [1.0, 0.0]])
    middle, top = render_pixels(phantom, latents, 64)
    lung = (slice(24, 40), slice(40, 52))
    assert (top[lung] < 40).sum() > (middle[lung] < 40).sum() + 20
