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
    meaning: str
    """In plain words, or what its words mean."""
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
            id="natural-higher",
            papers=("konz2022", "konz2024"),
            title="Dimension of natural and radiology images",
            sentence="Natural images have a higher intrinsic dimension than radiology images.",
            meaning="The more ways there are in which images differ, the more examples it should take to show them.",
            effect="typical difference, natural less radiology",
            unit="dimensions",
            sign=1,
            least=f"{fits.LEAST_GROUP} datasets in each domain",
            needs="dimensions",
        ),
        Claim(
            id="accuracy-falls",
            papers=("konz2022",),
            title="Accuracy against dimension",
            sentence="Within a domain, test accuracy falls linearly with intrinsic dimension.",
            meaning="Of two sets of images, the one with the higher dimension would be learned less well from as many "
            "examples.",
            effect="slope of test accuracy against dimension",
            unit="points a dimension",
            sign=-1,
            least=f"{fits.LEAST_LINE} datasets of the domain",
            needs="trainings",
        ),
        Claim(
            id="steeper-for-radiology",
            papers=("konz2022",),
            title="Steeper for radiology",
            sentence="Accuracy falls more steeply for radiology images than for natural images.",
            meaning="One more dimension would cost more accuracy in radiology than in photographs.",
            effect="slope for radiology less slope for natural images",
            unit="points a dimension",
            sign=-1,
            least=f"{fits.LEAST_LINE} datasets in each domain",
            needs="trainings",
        ),
        Claim(
            id="plane",
            papers=("konz2022",),
            title="Dimension and number of images",
            sentence="Accuracy is a plane of dimension and log N: it falls with the one and rises with the other.",
            meaning="More training images and fewer dimensions would each help by themselves.",
            effect="slope of test accuracy against dimension, at equal N",
            unit="points a dimension",
            sign=-1,
            least=f"{fits.LEAST_PLANE} datasets of the domain, each at two N or more",
            needs="trainings",
        ),
        Claim(
            id="loss-rises",
            papers=("konz2024",),
            title="Test loss against dimension",
            sentence="Within a domain, the logarithm of the test loss rises with intrinsic dimension.",
            meaning="The test loss says how wrong the predicted probabilities are on images that the model never saw.",
            effect="slope of the log test loss against dimension",
            unit="a dimension",
            sign=1,
            least=f"{fits.LEAST_LINE} datasets of the domain",
            needs="trainings",
        ),
        Claim(
            id="scaling-law",
            papers=("konz2024",),
            title="The scaling law",
            sentence="With N training images the test loss falls at least as fast as N to the power −1/d.",
            meaning="Twice as many training images would divide the loss by 2 to the power 1/d or more: by little "
            "where d is high.",
            effect="slope of the log test loss against log N, plus 1/d; mean over datasets",
            unit="",
            sign=-1,
            least=f"{fits.LEAST_LINE} datasets, each at {fits.LEAST_LINE} N or more",
            needs="trainings",
        ),
        Claim(
            id="sharper-radiology",
            papers=("konz2024",),
            title="Label sharpness of radiology images",
            sentence="Radiology images have a higher label sharpness than natural images.",
            meaning="Label sharpness is one over the distance between the closest two images with different labels: it "
            "is high where a small change of the image changes the answer.",
            effect="typical difference, radiology less natural, times 10,000",
            unit="per grey level",
            sign=1,
            least=f"{fits.LEAST_GROUP} datasets in each domain",
            needs="sharpness",
        ),
        Claim(
            id="sharpness-robustness",
            papers=("konz2024",),
            title="Label sharpness and robustness",
            sentence="The higher the label sharpness, the more an attack raises the loss.",
            meaning="An attack (here FGSM) changes every pixel by a few grey levels, so as to mislead the model.",
            effect="rank correlation of label sharpness with the loss gained under FGSM",
            unit="",
            sign=1,
            least=f"{fits.LEAST_CORRELATION} datasets",
            needs="sharpness",
        ),
    )
}
"""Every claim by id, in the order of the page."""
