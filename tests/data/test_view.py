"""Views: the same images for the same words, on every machine."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pydantic import ValidationError

from benchmark.data import view as view_module
from benchmark.data.view import View, render
from benchmark.errors import UserError

DIGITS = View(dataset="digits")


def with_(**fields) -> View:
    return View.model_validate(DIGITS.model_dump() | fields)


def test_without_words_it_is_the_whole_split():
    rendered = render(with_(selection="first"))
    assert rendered.pixels.shape == (1797, 8, 8, 1)
    assert rendered.pixels.dtype == np.uint8
    assert rendered.pixels.max() == 16
    assert rendered.counts == {0: 178, 1: 182, 2: 177, 3: 183, 4: 181, 5: 182, 6: 181, 7: 179, 8: 174, 9: 180}
    assert rendered.sha256 == with_(selection="first").sha256()


def test_a_smaller_random_sample_is_part_of_a_larger_one():
    small, large = render(with_(count=10)), render(with_(count=100))
    assert large.rows[:10].tolist() == small.rows.tolist()
    assert len(set(large.rows.tolist())) == 100
    assert render(with_(count=10, seed=1)).rows.tolist() != small.rows.tolist()
    np.testing.assert_array_equal(render(with_(selection="first")).pixels[small.rows], small.pixels)


def test_a_random_sample_is_the_same_in_every_process():
    code = "from benchmark.data.view import *\nv = render(View(dataset='digits', count=5))\n"
    code += "print(v.rows.tolist(), v.sha256)"
    out = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    rendered = render(with_(count=5))
    assert out == {f"{rendered.rows.tolist()} {rendered.sha256}\n"}
    assert rendered.rows.tolist() == [1542, 446, 1756, 782, 469]


def test_classes_by_label_and_by_name():
    assert render(with_(classes=[3])).counts == {3: 183}
    np.testing.assert_array_equal(render(with_(classes=["3", 5])).rows, render(with_(classes=[3, 5])).rows)
    assert set(render(with_(classes=[3, 5], count=20)).labels.tolist()) == {3, 5}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"classes": [12]}, "no image has the label 12"),
        ({"classes": ["twelve"]}, 'digits has no class "twelve"; it has 0, 1, 2'),
        ({"count": 1798}, "digits train: 1798 images asked for, and there are 1797"),
        ({"split": "test"}, 'digits has no split "test"'),
        ({"source_size": 28}, "digits has no images of 28 pixels"),
        ({"dataset": "digit"}, 'no dataset "digit". Did you mean digits'),
    ],
)
def test_what_is_not_there_is_named(fields, sentence):
    with pytest.raises(UserError, match=sentence):
        render(with_(**fields))


@pytest.mark.parametrize("fields", [{"colour": 3}, {"count": 0}, {"size": 0}, {"channels": 2}, {"scaling": "max"}])
def test_unknown_words_are_refused(fields):
    with pytest.raises(ValidationError):
        with_(**fields)


def test_every_word_is_in_the_hash():
    changes = [
        {"count": 5},
        {"selection": "first"},
        {"seed": 1},
        {"classes": [1]},
        {"scaling": "image-max"},
        {"channels": 3},
        {"size": 4},
        {"rounding": "none"},
    ]
    hashes = {with_(**change).sha256() for change in changes}
    assert len(hashes | {DIGITS.sha256()}) == len(changes) + 1


def test_the_hash_is_that_of_the_pixels_too(tiny, write_tiny):
    before = View(dataset="tiny").sha256()
    write_tiny(seed=1)
    assert View(dataset="tiny").sha256() != before


@given(arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3]))))
def test_image_maximum_scaling_is_that_of_the_papers(pixels):
    """Img * 255 / img.max() in float64, truncated; an all-black image stays."""
    expected = [image if not image.any() else (image * 255.0 / image.max()).astype(np.uint8) for image in pixels]
    np.testing.assert_array_equal(view_module._scaled_by_maximum(pixels), expected)


def test_scaling_of_real_images():
    scaled = render(with_(scaling="image-max", count=50)).pixels
    assert (scaled.max(axis=(1, 2, 3)) == 255).all()


def test_one_channel_is_repeated_and_three_are_weighed():
    grey, colour = render(with_(count=5)).pixels, render(with_(count=5, channels=3)).pixels
    assert colour.shape == (5, 8, 8, 3)
    np.testing.assert_array_equal(colour, np.repeat(grey, 3, axis=-1))
    np.testing.assert_array_equal(view_module._luma(colour), grey)
    pure = np.eye(3, dtype=np.uint8)[None] * 255
    assert view_module._luma(pure[:, :, None, :].reshape(1, 3, 1, 3)).ravel().tolist() == [76, 150, 29]


def test_resizing_is_bilinear_and_antialiased():
    """Pillow's own filter, which antialiases as well, gives the same up to its 8-bit weights."""
    native = render(with_(count=20, scaling="image-max")).pixels
    for size in (4, 5, 13):
        resized = render(with_(count=20, scaling="image-max", size=size)).pixels
        assert resized.shape == (20, size, size, 1)
        for image, expected in zip(resized, native, strict=True):
            pillow = Image.fromarray(expected[..., 0]).resize((size, size), Image.Resampling.BILINEAR)
            assert np.abs(image[..., 0].astype(int) - np.asarray(pillow)).max() <= 1


def test_without_rounding_values_stay_float():
    exact = render(with_(count=30, size=4, rounding="none")).pixels
    rounded = render(with_(count=30, size=4)).pixels
    assert exact.dtype == np.float32
    assert exact.min() >= 0
    assert exact.max() <= 255
    assert (exact != rounded).any()
    np.testing.assert_array_equal(rounded, np.rint(exact))  # half to even
    assert render(with_(count=3, rounding="none")).pixels.dtype == np.float32


def test_the_own_size_changes_nothing():
    np.testing.assert_array_equal(render(with_(count=9, size=8)).pixels, render(with_(count=9)).pixels)


@pytest.mark.data
def test_the_first_2000_are_those_of_the_reference(data_root):
    raw = np.fromfile(data_root / "torchvision" / "MNIST" / "raw" / "train-images-idx3-ubyte", np.uint8, offset=16)
    rendered = render(View(dataset="mnist", count=2000, selection="first"))
    np.testing.assert_array_equal(rendered.pixels.reshape(2000, -1), raw[: 2000 * 784].reshape(2000, 784))
    assert rendered.rows.tolist() == list(range(2000))


@pytest.mark.data
def test_patients_follow_their_images(data_root):
    whole = render(View(dataset="nih-chest-xray-224", selection="first"))
    assert len(np.unique(whole.groups)) == 682
    both = set(whole.groups[whole.labels == 0]) & set(whole.groups[whole.labels == 1])
    assert len(both) == 21
    part = render(View(dataset="nih-chest-xray-224", count=50, size=32))
    assert part.pixels.shape == (50, 32, 32, 1)
    np.testing.assert_array_equal(part.groups, whole.groups[part.rows])


@pytest.mark.data
def test_view_hashes_of_real_data_are_stable(data_root):
    assert View(dataset="breastmnist").sha256() == "bb6540a3226c5ea105d3a546e487e96e1d879c4356093508929484f142b89456"
