"""The published points give the published fits, by the statistics that are used on the benchmark's own numbers."""

import pytest

from benchmark.findings import published
from benchmark.findings.published import FITS, ICLR, MICCAI, POPE, POPE_K


@pytest.mark.parametrize(("domain", "points", "within"), [("radiology", 7, 0.01), ("natural", 4, 0.0005)])
def test_fits_of_miccai_2022_come_out(domain, points, within):
    """R2 0.8244 and 0.9807 are printed; the accuracies were read by eye, to about half a point."""
    found = MICCAI.line(domain)
    assert found.n == points
    assert found.r2 == pytest.approx(FITS[domain].r2, abs=within)
    assert found.slope.value == pytest.approx(FITS[domain].slope, abs=0.05)


def test_what_is_left_between_the_printed_fits_and_ours():
    assert MICCAI.line("radiology").r2 - FITS["radiology"].r2 == pytest.approx(0.0088, abs=5e-5)
    assert MICCAI.line("natural").r2 - FITS["natural"].r2 == pytest.approx(0.0000, abs=5e-5)


def test_natural_images_are_higher_in_one_paper_and_undecided_in_the_other():
    first, second = MICCAI.shift(), ICLR.shift()
    assert first.medians == (26.0, 13.0)
    assert first.difference.low > 0
    assert second.difference.value > 0 > second.difference.low


def test_the_factor_explains_the_growth_with_k():
    """MNIST grows from 7 to 13 with k, and without the factor from 14.0 to 13.7."""
    without = [published.corrected(k, value) for k, value in zip(POPE_K, POPE["MNIST"], strict=True)]
    assert without == pytest.approx([14.0, 14.667, 13.5, 13.722], abs=1e-3)


def test_both_papers_have_the_same_radiology_sets():
    assert {each.name for each in MICCAI.of("radiology")} == {each.name for each in ICLR.of("radiology")}
    assert all(each.sharpness for each in ICLR.datasets)
    assert {each.name for each in ICLR.of("natural")} <= set(POPE)
