"""The papers' claims: what each says, and what would have to be seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from benchmark.findings import fits
from benchmark.findings.published import PaperName

Verdict = Literal["holds", "holds, interval includes zero", "does not hold", "not enough datasets"]
VERDICTS: tuple[Verdict, ...] = (
    "holds",
    "holds, interval includes zero",
    "does not hold",
    "not enough datasets",
)
"""`holds`: the effect has the claimed sign, and so has its whole 95 % interval. `does not hold`: it has the other sign,
whatever its interval: that says how firmly."""
DOMAINS = ("radiology", "natural")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a paper says, and what would have to be seen."""

    id: str
    papers: tuple[PaperName, ...]
    title: str
    sentence: str
    effect: str
    """What the number of a finding is."""
    unit: str
    sign: Literal[-1, 1]
    """Of the effect, if the claim holds."""
    least: str
    """The fewest datasets that it can be tested on."""
    needs: Literal["dimensions", "trainings", "sharpness"]
    """What its findings stand on beside the dimensions."""


CLAIMS: Mapping[str, Claim] = {
    claim.id: claim
    for claim in (
        Claim(
            "natural-higher",
            ("konz2022", "konz2024"),
            "Dimension of natural and radiology images",
            "Natural images have a higher intrinsic dimension than radiology images.",
            "typical difference, natural less radiology",
            "dimensions",
            1,
            f"{fits.LEAST_GROUP} datasets in each domain",
            "dimensions",
        ),
        Claim(
            "accuracy-falls",
            ("konz2022",),
            "Accuracy against dimension",
            "Within a domain, test accuracy falls linearly with intrinsic dimension.",
            "slope of test accuracy against dimension",
            "points a dimension",
            -1,
            f"{fits.LEAST_LINE} datasets of the domain",
            "trainings",
        ),
        Claim(
            "steeper-for-radiology",
            ("konz2022",),
            "Steeper for radiology",
            "Accuracy falls more steeply for radiology images than for natural images.",
            "slope for radiology less slope for natural images",
            "points a dimension",
            -1,
            f"{fits.LEAST_LINE} datasets in each domain",
            "trainings",
        ),
        Claim(
            "plane",
            ("konz2022",),
            "Dimension and number of images together",
            "Accuracy is a plane of dimension and log N: it falls with the one and rises with the other.",
            "slope of test accuracy against dimension, at equal N",
            "points a dimension",
            -1,
            f"{fits.LEAST_PLANE} datasets of the domain, each at two N or more",
            "trainings",
        ),
        Claim(
            "loss-rises",
            ("konz2024",),
            "Test loss against dimension",
            "Within a domain, the logarithm of the test loss rises with intrinsic dimension.",
            "slope of the log test loss against dimension",
            "a dimension",
            1,
            f"{fits.LEAST_LINE} datasets of the domain",
            "trainings",
        ),
        Claim(
            "scaling-law",
            ("konz2024",),
            "The scaling law",
            "With N training images the test loss falls at least as fast as N to the power -1/d.",
            "slope of the log test loss against log N, plus 1/d; mean over datasets",
            "",
            -1,
            f"{fits.LEAST_LINE} datasets, each at {fits.LEAST_LINE} N or more",
            "trainings",
        ),
        Claim(
            "sharper-radiology",
            ("konz2024",),
            "Label sharpness of radiology images",
            "Radiology images have a higher label sharpness than natural images.",
            "typical difference, radiology less natural, times 10,000",
            "per grey level",
            1,
            f"{fits.LEAST_GROUP} datasets in each domain",
            "sharpness",
        ),
        Claim(
            "sharpness-robustness",
            ("konz2024",),
            "Label sharpness and robustness",
            "The higher the label sharpness, the more an attack raises the loss.",
            "rank correlation of label sharpness with the loss gained under FGSM",
            "",
            1,
            f"{fits.LEAST_CORRELATION} datasets",
            "sharpness",
        ),
    )
}
"""Every claim by id, in the order of the page."""
