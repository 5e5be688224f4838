"""Label sharpness: by its definition, and what the released code computes in its place."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.data.view import View, render
from benchmark.sharpness import earlier_released_value, label_sharpness, released_value


def by_definition(images, labels):
    """Ratios of all pairs of different labels, one by one, in integers or float64; infinite ones are counted."""
    exact = np.int64 if images.dtype == np.uint8 else np.float64
    flat = images.reshape(len(images), -1).astype(exact)
    ratios, nearest, infinite = [], {}, 0
    for i in range(len(flat)):
        for j in range(len(flat)):
            if labels[i] != labels[j]:
                squared = ((flat[i] - flat[j]) ** 2).sum()
                if squared == 0:
                    infinite += i < j
                    continue
                ratio = 1 / math.sqrt(squared)
                nearest[i] = max(nearest.get(i, 0), ratio)
                if i < j:
                    ratios.append(ratio)
    return ratios, list(nearest.values()), infinite


def check(images, labels):
    found = label_sharpness(images, labels)
    ratios, nearest, infinite = by_definition(images, labels)
    assert found.infinite == infinite
    assert found.differing == len(ratios) + infinite
    assert found.pairs == len(images) * (len(images) - 1) // 2
    if ratios:
        assert found.maximum == max(ratios)
        assert found.quantiles == {level: float(np.quantile(ratios, level)) for level in (0.5, 0.9, 0.99)}
        assert found.nearest == {level: float(np.quantile(nearest, level)) for level in (0.5, 0.9, 0.99)}
        assert found.maximum_on_unit_scale == 255 * max(ratios)
    else:
        assert math.isnan(found.maximum)


@given(
    arrays(np.uint8, st.tuples(st.integers(2, 12), st.integers(1, 3), st.integers(1, 3), st.sampled_from([1, 3]))),
    st.data(),
)
@settings(deadline=None, max_examples=60)
def test_it_is_the_definition_on_any_bytes(images, data):
    labels = data.draw(arrays(np.int64, len(images), elements=st.integers(0, 2)))
    check(images, labels)


def test_it_is_the_definition_on_real_numbers():
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (40, 3, 3, 1)).astype(np.float32)
    labels = rng.integers(3, size=40)
    found = label_sharpness(images, labels)
    ratios, _, _ = by_definition(images, labels)
    assert found.maximum == pytest.approx(max(ratios), rel=1e-14)


def test_it_is_the_definition_on_digits():
    rendered = render(View(dataset="digits", count=150))
    check(rendered.pixels, rendered.labels)


@pytest.mark.data
def test_it_is_the_definition_on_breastmnist(data_root):
    rendered = render(View(dataset="breastmnist", count=120))
    check(rendered.pixels, rendered.labels)


def test_blocks_change_nothing(monkeypatch):
    rendered = render(View(dataset="digits", count=100))
    whole = label_sharpness(rendered.pixels, rendered.labels)
    monkeypatch.setattr("benchmark.sharpness.BLOCK", 7)
    assert label_sharpness(rendered.pixels, rendered.labels) == whole


def test_large_images_are_exact():
    """224 x 224 x 3 black against white: |x - y|^2 passes 2^32."""
    images = np.stack([np.zeros((224, 224, 3), np.uint8), np.full((224, 224, 3), 255, np.uint8)])
    found = label_sharpness(images, np.array([0, 1]))
    assert found.maximum == 1 / math.sqrt(224 * 224 * 3 * 255**2)
    assert (found.height, found.width, found.channels, found.pairs) == (224, 224, 3, 1)


def test_identical_images_of_different_labels_are_counted_apart():
    images = np.array([0, 0, 3, 9], dtype=np.uint8).reshape(4, 1, 1, 1)
    found = label_sharpness(images, np.array([0, 1, 0, 1]))
    assert (found.infinite, found.differing) == (1, 4)
    assert found.maximum == 1 / 3


def test_more_pairs_never_lower_it():
    rendered = render(View(dataset="digits", count=400))
    values = [label_sharpness(rendered.pixels[:m], rendered.labels[:m]).maximum for m in (50, 100, 200, 400)]
    assert values == sorted(values)
    assert values[0] < values[-1]


def test_the_released_code_looks_at_pairs_of_one_class():
    """Two classes, far apart, each close together: the definition gives 1/100, the released code 1/1.

    Its indicator is [y == y'] where the paper has [y != y'], since its way for two classes is never taken.
    """
    images = np.concatenate([np.arange(50), 150 + np.arange(50)]).astype(np.uint8).reshape(100, 1, 1, 1)
    labels = np.repeat([0, 1], 50)
    assert label_sharpness(images, labels).maximum == 1 / 101
    seeds = [seed for seed in range(40) if released_value(images, labels, seed, batch=50).selves == 0]
    values = [released_value(images, labels, seed, batch=50).value for seed in seeds]
    assert seeds
    assert min(values) > 1 / 10
    assert max(values) == 1.0


def test_the_released_code_is_infinite_once_an_image_is_paired_with_itself():
    """1 / 0 is a number to `isnan`: M / batch such pairs are expected, so 1 - exp(-2) = 86 % of calls are infinite."""
    rendered = render(View(dataset="digits", count=200))
    found = [released_value(rendered.pixels, rendered.labels, seed, batch=100) for seed in range(200)]
    assert all(math.isinf(each.value) == (each.selves > 0) for each in found)
    assert 0.75 < np.mean([each.selves > 0 for each in found]) < 0.95


def test_the_released_code_looks_at_few_pairs():
    """(M / batch)^2 batch: 2,000 of the 999,000 ordered pairs of 1,000 images."""
    rendered = render(View(dataset="digits", count=1000))
    assert released_value(rendered.pixels, rendered.labels, 0).pairs == 2000
    assert earlier_released_value(rendered.pixels, rendered.labels, 0).pairs == 2000


def test_the_earlier_code_is_a_lower_bound_of_the_definition():
    rendered = render(View(dataset="digits", classes=[3, 8], count=300))
    definition = label_sharpness(rendered.pixels, rendered.labels).maximum
    values = [earlier_released_value(rendered.pixels, rendered.labels, seed, batch=150).value for seed in range(20)]
    assert all(value <= definition for value in values)
    assert len(set(values)) > 1


def test_the_released_code_as_it_stands():
    """The lines of datasetproperties.py with torch, on the same batches."""
    import torch

    rendered = render(View(dataset="digits", count=120))
    images, labels = torch.from_numpy(rendered.pixels), torch.from_numpy(rendered.labels)
    for seed in range(5):
        generator = np.random.default_rng(seed)
        ratios = []
        for first in generator.permutation(120).reshape(-1, 40):
            for second in generator.permutation(120).reshape(-1, 40):
                numerator = (labels[first] == labels[second]).float()
                ratio = numerator / torch.norm(images[first].float() - images[second].float(), p=2, dim=(1, 2, 3))
                ratios += ratio[~ratio.isnan()].tolist()
        assert released_value(rendered.pixels, rendered.labels, seed, batch=40).value == pytest.approx(max(ratios))


def test_batches_must_divide_the_images():
    with pytest.raises(ValueError, match="batches of 500 do not divide 20 images"):
        released_value(np.zeros((20, 1, 1, 1), np.uint8), np.zeros(20, np.int64), 0)


def test_images_without_labels_are_a_bug():
    with pytest.raises(ValueError, match="one label for each"):
        label_sharpness(np.zeros((4, 2, 2, 1), np.uint8), np.zeros(3, np.int64))
