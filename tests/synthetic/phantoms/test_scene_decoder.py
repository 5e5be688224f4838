"""Natural-looking phantoms and contact sheets: full rank, things that hide each other, the same bytes everywhere."""

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.errors import UserError
from benchmark.synthetic.phantoms import decoder, scene
from benchmark.synthetic.phantoms.contact_sheet import contact_sheet, write_sheets
from benchmark.synthetic.phantoms.factors import Table, equalised, is_curved, make_phantom
from benchmark.synthetic.phantoms.sampling import phantom_of, render_pixels, to_8_bits


def draws(phantom, n, seed=0):
    return phantom.latents(n, np.random.default_rng(seed))


@pytest.fixture
def things():
    """Parameters [p, 1] of a scene of grey things that lie far outside, and each thing's as a table to be changed."""
    parameters = torch.zeros(len(scene.PARAMETERS) * scene.THINGS + len(scene.BACKGROUND) + 3, dtype=torch.float64)
    table = parameters[: len(scene.PARAMETERS) * scene.THINGS].reshape(scene.THINGS, -1)
    for name, value in {"x": 50.0, "width": 0.01, "height": 0.01, "red": 1.0, "green": 1.0, "blue": 1.0}.items():
        table[:, scene.PARAMETERS.index(name)] = value
    return parameters[:, None], table


def place(thing, **values):
    for name, value in ({"x": 0.0, "width": 0.4, "height": 0.3} | values).items():
        thing[scene.PARAMETERS.index(name)] = value


def middle(parameters):
    return scene.draw(parameters, 64)[0, 32, 32].tolist()


def test_a_nearer_thing_hides_a_farther_one(things):
    """Two equal things in one place: only the later one's light is seen."""
    parameters, table = things
    place(table[3], light=0.9)
    place(table[6], light=0.2)
    assert middle(parameters) == pytest.approx([0.2, 0.2, 0.2], abs=1e-4)
    table[6, 0] = 50.0
    assert middle(parameters) == pytest.approx([0.9, 0.9, 0.9], abs=1e-4)


def test_a_thing_has_its_colour_and_warmth_moves_it_from_blue_to_red(things):
    parameters, table = things
    place(table[0], light=0.5, red=0.8, green=1.4, blue=0.8)
    assert middle(parameters) == pytest.approx([0.4, 0.7, 0.4], abs=1e-4)
    place(table[0], warmth=0.2)
    assert middle(parameters) == pytest.approx([0.5, 0.7, 0.3], abs=1e-4)


def test_a_thing_casts_a_shadow_on_the_ground_below_it_alone(things):
    parameters, table = things
    parameters[-3:] = 1.0
    parameters[len(scene.PARAMETERS) * scene.THINGS + list(scene.BACKGROUND).index("ground")] = 0.5
    without = scene.draw(parameters, 64)[0]
    place(table[0], y=0.0, light=0.5)
    lit = scene.draw(parameters, 64)[0] / without
    foot = round(32 + 32 * 0.3)
    assert lit[foot + 1, 32].max() < 0.7
    assert lit[foot - 4, 0].min() > lit[foot + 1, 32].max() + 0.2
    assert lit[0].min() > 0.95


def test_grounds_and_things_have_colours_of_mean_one():
    """So that brightness is told by the light alone."""
    colours = [*scene.GROUNDS, scene.SKY, *(colour for palette in scene.PALETTES.values() for colour in palette)]
    assert [sum(colour) / 3 for colour in colours] == pytest.approx([1.0] * len(colours))


@pytest.mark.parametrize("seed", range(5))
def test_no_thing_of_a_scene_is_hidden(seed):
    things = scene.draw_layout(np.random.default_rng(seed))
    assert scene.visible(things).min() > 0.01  # 41 pixels of 64 x 64


def test_a_decoder_interpolates_one_picture_to_any_size():
    phantom = decoder.make(8, 0)
    latents = torch.from_numpy(draws(phantom, 2))
    half, whole, twice = (phantom.render(latents, size) for size in (32, 64, 128))
    joined = whole.reshape(2, 32, 2, 32, 2).mean(dim=(2, 4))
    assert float((half - joined).abs().max()) < 0.08
    assert float((twice.reshape(2, 64, 2, 64, 2).mean(dim=(2, 4)) - whole).abs().max()) < 0.12


def test_a_decoder_doubles_as_torch_interpolates():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 8, 8)))
    doubled = decoder._doubled(decoder._doubled(x, 2), 3)
    reference = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(doubled, reference, rtol=0, atol=1e-14)
    resized = decoder._resized(decoder._resized(x, 13, 2), 13, 3)
    reference = torch.nn.functional.interpolate(x, size=13, mode="bilinear", align_corners=False)
    torch.testing.assert_close(resized, reference, rtol=0, atol=1e-12)


def test_a_decoders_weights_are_orthogonal():
    phantom = decoder.make(16, 0)
    for mixture in phantom.mixtures:
        gram = mixture @ mixture.T
        np.testing.assert_allclose(gram, gram[0, 0] * np.eye(len(gram)), atol=1e-4)
    gram = phantom.first @ phantom.first.T
    off = gram - np.diag(np.diag(gram))
    assert np.abs(off).max() < 1e-4 * gram.max()


def test_a_table_refuses_a_factor_of_an_unknown_parameter():
    with pytest.raises(ValueError, match="lung"):
        Table({("heart", "x"): 0.0}, [("lung", {("lung", "x"): 0.1})])


def two_halves(parameters, size):
    """The left half of the image is the square of parameter 0, the right half is parameter 1."""
    image = torch.zeros(parameters.shape[1], size, size, dtype=parameters.dtype)
    image[:, :, : size // 2] = (parameters[0] * parameters[0])[:, None, None]
    image[:, :, size // 2 :] = parameters[1][:, None, None]
    return image


HALVES = Table({("a", "x"): 1.0, ("b", "x"): 0.5}, [("a", {("a", "x"): 0.1}), ("b", {("b", "x"): 0.1})])


def test_the_effects_of_factors_are_equalised():
    base, effects = HALVES.base, HALVES.effects
    assert effects.tolist() == [[0.1, 0], [0, 0.1]]
    # at latent 1/2 the first moves its half twice as far as the second
    scaled = equalised(base, effects, two_halves)
    assert scaled == pytest.approx(np.diag([0.1 / np.sqrt(2), 0.1 * np.sqrt(2)]), rel=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_the_first_factor_is_curved(seed):
    assert is_curved(HALVES.base, HALVES.effects, two_halves).tolist() == [True, False]
    assert make_phantom("test", HALVES, two_halves, 1, seed).names == ("a",)
    assert make_phantom("test", HALVES, two_halves, 2, seed).names == ("a", "b")


def test_a_sheet_shows_anatomies_in_rows_and_latents_in_columns():
    sheet = contact_sheet("scene", 5, columns=3, rows=2, size=32, seed=4)
    assert sheet.shape == (64, 96, 3)
    assert sheet.dtype == np.uint8
    below = contact_sheet("scene", 5, columns=3, rows=1, size=32, seed=5)
    assert sheet[:32].tobytes() == contact_sheet("scene", 5, columns=3, rows=1, size=32, seed=4).tobytes()
    assert not np.array_equal(sheet[32:], sheet[:32])
    assert below.shape == (32, 96, 3)


def test_a_sheet_of_an_unknown_family_is_refused():
    with pytest.raises(UserError, match="scene"):
        contact_sheet("unicorns", 5)
    with pytest.raises(UserError, match="512"):
        contact_sheet("scene", 5, size=600)


@pytest.mark.parametrize(("family", "mode"), [(decoder.FAMILY, "L"), (scene.FAMILY, "RGB")], ids=["grey", "colour"])
def test_sheets_are_written_as_png(family, mode, tmp_path, monkeypatch):
    import benchmark.synthetic.phantoms as package

    monkeypatch.setattr(package, "PHANTOMS", {family.name: family})
    (path,) = write_sheets(tmp_path / "sheets")
    with Image.open(path) as image:
        assert (path.name, image.size, image.mode) == (f"{family.name}.png", (512, 256), mode)
        assert np.array_equal(np.asarray(image), contact_sheet(family.name, 16))


def test_a_smaller_decoder_is_drawn_from_the_same_weights():
    small, large = phantom_of("decoder", 2, 3), phantom_of("decoder", 3, 3)
    cosines = (small.first * large.first[:2]).sum(axis=1) / (
        np.linalg.norm(small.first, axis=1) * np.linalg.norm(large.first[:2], axis=1)
    )
    assert cosines == pytest.approx([1, 1], abs=1e-6)
    assert np.array_equal(small.mixtures[0], large.mixtures[0])


def test_eight_bits_of_a_decoder_use_the_whole_range():
    pixels = to_8_bits(render_pixels(decoder.make(16, 0), draws(decoder.make(16, 0), 16), 64))
    assert pixels.min() < 40
    assert pixels.max() > 215
