"""Projections: closed forms against sums, a scanner that is linear and gives back what it saw, and carried speckle."""

import numpy as np
import pytest
import torch

from benchmark.synthetic.phantoms import ct, ultrasound, xray
from benchmark.synthetic.phantoms.chords import bead_chord, bead_density, organ_chord, organ_density


def draws(phantom, n, seed=0):
    return phantom.latents(n, np.random.default_rng(seed))


def line_integral(density, m2):
    """Sum of density(m2 + t^2) over fine steps of t, of -2 to 2."""
    steps = 40_000
    t = (torch.arange(steps, dtype=torch.float64) + 0.5) * 4 / steps - 2
    return density(m2[:, None] + t * t).sum(1) * 4 / steps


@pytest.mark.parametrize("rim", [0.05, 0.16, 0.3])
def test_the_chord_of_an_organ_is_the_integral_of_its_density(rim):
    m2 = torch.linspace(0, 1.5, 61, dtype=torch.float64)
    summed = line_integral(lambda s2: organ_density(s2, rim), m2)
    torch.testing.assert_close(organ_chord(1 - m2, rim), summed, rtol=0, atol=2e-7)


def test_the_chord_of_a_bead_is_the_integral_of_its_density():
    m2 = torch.linspace(0, 1.5, 61, dtype=torch.float64)
    torch.testing.assert_close(bead_chord(1 - m2), line_integral(bead_density, m2), rtol=0, atol=2e-7)


def test_an_organ_is_full_inside_its_rim_and_nothing_outside():
    s2 = torch.tensor([0.0, 0.5, 0.83, 1.17, 2.0], dtype=torch.float64)
    expected = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(organ_density(s2, 0.16), expected, rtol=0, atol=1e-12)


def test_a_radiograph_is_the_sum_of_densities_along_the_rays():
    """The whole body, turned, on a fine grid in space: no shadow, covariance or chord is used."""
    phantom = xray.FAMILY.make(xray.FAMILY.maximum, 0)
    parameters = xray.moved(phantom.base, phantom.effects, torch.from_numpy(draws(phantom, 1)))
    size, steps = 32, 2000
    count = len(xray.ORGANS) + len(xray.BEADS)
    yaw, pitch, roll, right, down, zoom, exposure = parameters[9 * count :, 0].numpy()
    turn_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    turn_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    turn = turn_z @ turn_x @ turn_y
    centres = (2 * np.arange(size) + 1) / size - 1
    depth = ((np.arange(steps) + 0.5) / steps * 2 - 1) * 1.6
    total = np.zeros((size, size))
    for i, values in enumerate(parameters[: 9 * count, 0].reshape(9, count).numpy().T):
        x, y, z, width, height, deep, angle, bend, density = values
        u, v = [np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0]
        shape = sum(a * a * np.outer(axis, axis) for a, axis in ((width, u), (height, v), (deep, [0, 0, 1])))
        precision = np.linalg.inv(turn @ shape @ turn.T)
        middle = turn @ [x, y, z]
        dy, dx = np.meshgrid((centres - down) / zoom - middle[1], (centres - right) / zoom - middle[0], indexing="ij")
        dy = dy - bend * dx * dx
        flat = precision[0, 0] * dx * dx + 2 * precision[0, 1] * dx * dy + precision[1, 1] * dy * dy
        slope = 2 * (precision[0, 2] * dx + precision[1, 2] * dy)
        dz = depth - middle[2]
        s2 = torch.from_numpy(flat[..., None] + slope[..., None] * dz + precision[2, 2] * dz * dz)
        inside = organ_density(s2, xray.RIM) if i < len(xray.ORGANS) else bead_density(s2)
        total += exposure * density * inside.sum(-1).numpy() * 3.2 / steps
    np.testing.assert_allclose(xray.projections(parameters, size)[0].numpy(), total, rtol=0, atol=2e-4)


@pytest.mark.parametrize("dimension", [4, 47])
def test_beads_stay_inside_the_windows_that_are_drawn(dimension):
    phantom = xray.make(dimension, 1)
    corners = torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], (64, dimension)))
    parameters = xray.moved(phantom.base, phantom.effects, corners)
    torch.testing.assert_close(phantom.render(corners, 64), xray.draw(parameters, 64), rtol=0, atol=1e-12)


def test_a_radiograph_is_brighter_where_more_is_absorbed():
    phantom = xray.make(16, 0)
    image = phantom.render(torch.zeros(1, 16, dtype=torch.float64), 64)[0]
    spine, lung, air = image[30, 32], image[30, 18], image[1, 2]
    assert spine > lung + 0.2 > air + 0.2


def test_a_sinogram_is_the_integral_over_lines_of_the_slice():
    """The slice's density summed over lines in steps of a 2,000th."""
    size = 32
    parameters = torch.from_numpy(ct.TABLE.base)[:, None]
    exact = ct.sinogram(parameters, size)[0].numpy()
    count = len(ct.ORGANS) + len(ct.BEADS)
    steps = (np.arange(4000) + 0.5) / 1000 - 2
    cosine, sine = ct._directions(size)
    for view, detector in ((0, 16), (3, 5), (7, 20), (15, 28), (21, 11), (29, 16)):
        offset = (2 * detector + 1) / size - 1
        at_x, at_y = offset * cosine[view] - steps * sine[view], offset * sine[view] + steps * cosine[view]
        total = 0.0
        for i, (x, y, width, height, angle, density) in enumerate(ct.TABLE.base.reshape(6, count).T):
            dx, dy = at_x - x, at_y - y
            u = (dx * np.cos(angle) + dy * np.sin(angle)) / width
            v = (dy * np.cos(angle) - dx * np.sin(angle)) / height
            s2 = torch.from_numpy(u * u + v * v)
            inside = organ_density(s2, ct.RIM) if i < len(ct.ORGANS) else bead_density(s2)
            total += density * float(inside.sum()) / 1000
        assert exact[detector, view] == pytest.approx(total, abs=2e-5)


@pytest.mark.parametrize(("size", "tolerance"), [(64, 0.01), (128, 0.005)])
def test_a_disc_is_reconstructed_at_its_value(size, tolerance):
    offsets = (2 * torch.arange(size, dtype=torch.float64) + 1 - size) / size
    radius, value, views = 0.5, 0.7, ct.views_of(size)
    chord = value * radius * organ_chord(1 - (offsets / radius) ** 2, 0.2)
    image = ct.filtered_back_projection(chord[None, :, None].expand(1, size, views))[0].numpy()
    x, y = np.meshgrid(offsets.numpy(), offsets.numpy())
    r = np.hypot(x, y)
    assert image[r < 0.35].mean() == pytest.approx(value, abs=tolerance * value)
    assert np.abs(image[r < 0.35] - value).max() < 3 * tolerance
    assert abs(image[(r > 0.65) & (r < 0.95)].mean()) < tolerance
    assert (image[r > 1] == 0).all()


def test_back_projection_is_linear():
    rng = np.random.default_rng(0)
    a, b = torch.from_numpy(rng.normal(size=(2, 3, 64, ct.views_of(64))))
    mixed = ct.filtered_back_projection(2.5 * a - 0.5 * b)
    apart = 2.5 * ct.filtered_back_projection(a) - 0.5 * ct.filtered_back_projection(b)
    torch.testing.assert_close(mixed, apart, rtol=0, atol=1e-11)


def test_a_large_image_reads_the_same_places_as_a_kept_table_would():
    size = ct.CACHED_SIZE + 16
    read = list(ct._all_places(size))
    assert len(read) == ct.views_of(size)
    for view in (0, 50, len(read) - 1):
        assert torch.equal(read[view], ct._places(size, view))


def test_reconstructions_show_streaks_that_the_slice_does_not_have():
    phantom = ct.FAMILY.make(16, 0)
    image = phantom.render(torch.zeros(1, 16, dtype=torch.float64), 64)[0].numpy()
    y, x = np.mgrid[:64, :64] * 2 / 63 - 1
    air = image[(y < -0.75) & (np.hypot(x, y) < 0.97)]
    assert 0.002 < air.std() < 0.05
    assert air.mean() == pytest.approx(ct.AIR, abs=0.01)


def test_speckle_moves_with_the_tissue():
    """A shift of the tissue by a pixel shifts the speckle by a pixel: it is a pattern, not noise."""
    speckle = ultrasound.draw_speckle(np.random.default_rng(3))
    base = torch.from_numpy(ultrasound.TABLE.base)[:, None]
    row = list(ultrasound.TABLE.values).index(("y", "0 0"))
    moved = base.clone()
    moved[row] = -2 * 2 / 64
    powers = [speckle.power(*ultrasound.tissue(part, 64))[0] for part in (base, moved)]
    torch.testing.assert_close(powers[1][2:], powers[0][:-2], rtol=0, atol=1e-11)
    assert float(powers[0].std()) > 0.3
    assert not torch.allclose(powers[0], powers[1], atol=0.3)


def test_speckle_is_the_power_of_a_sum_of_waves():
    speckle = ultrasound.draw_speckle(np.random.default_rng(1))
    x, y = np.random.default_rng(2).uniform(-1, 1, (2, 50))
    z, w = (((1 + 0.5j * part) / np.abs(1 + 0.5j * part)) ** 6 for part in (x, y))
    power = np.zeros(50)
    for lateral, quarters in zip(speckle.lateral, speckle.quarters, strict=True):
        waves = [1j**q * z**i * w**j for j, (i, q) in enumerate(zip(lateral, quarters, strict=True))]
        power += np.abs(sum(waves)) ** 2 / 24
    assert len(waves) == 12
    np.testing.assert_allclose(speckle.power(*map(torch.from_numpy, (x, y))).numpy(), power, rtol=0, atol=1e-12)


def test_the_same_tissue_gives_the_same_speckle_and_another_breast_does_not():
    phantoms = [ultrasound.make(4, anatomy) for anatomy in (0, 0, 1)]
    first, again, other = (phantom.render(torch.zeros(1, 4, dtype=torch.float64), 48) for phantom in phantoms)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.1)


def test_a_lesion_is_dark_and_casts_a_shadow():
    parameters = torch.from_numpy(ultrasound.TABLE.base)[:, None]
    without = parameters.clone()
    keys = list(ultrasound.TABLE.values)
    for key in ("darkness", "shadow", "halo"):
        without[keys.index(("lesion", key))] = 0
    speckle = ultrasound.draw_speckle(np.random.default_rng(0))
    seen, plain = (ultrasound.draw(part, 64, speckle)[0] for part in (parameters, without))
    ratio = (seen / plain).numpy()
    assert ratio[31:34, 32:36].max() < 0.35
    assert 0.5 < ratio[52:56, 31:36].mean() < 0.75
    assert ratio[52:56, :8].min() > 0.97


@pytest.mark.parametrize("family", [xray.FAMILY, ct.FAMILY, ultrasound.FAMILY], ids=lambda family: family.name)
def test_each_latent_moves_another_thing(family):
    phantom = family.make(family.maximum, 0)
    assert len(set(phantom.names)) == phantom.dimension
