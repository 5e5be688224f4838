"""What the papers published: the numbers behind each claim, and where they stand.

A published dimension is of another N, another resolution and one estimator, and three of the papers' sources give the
same dataset different ones: they stand beside ours to be compared in order and direction, not digit by digit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from benchmark.findings.fits import Line, Shift, line, shift

Domain = Literal["natural", "radiology"]
PaperName = Literal["konz2022", "konz2024"]


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper whose claims are re-tested."""

    name: PaperName
    title: str
    authors: str
    venue: str
    short: str
    """As it is named in a sentence."""


PAPERS: Mapping[PaperName, Paper] = {
    "konz2022": Paper(
        "konz2022",
        "The Intrinsic Manifolds of Radiological Images and their Role in Deep Learning",
        "Konz, Gu, Dong, Mazurowski",
        "MICCAI 2022",
        "Konz et al., MICCAI 2022",
    ),
    "konz2024": Paper(
        "konz2024",
        "The Effect of Intrinsic Dataset Properties on Generalization: Unraveling Learning Differences Between Natural "
        "and Medical Images",
        "Konz, Mazurowski",
        "ICLR 2024",
        "Konz & Mazurowski, ICLR 2024",
    ),
}


@dataclass(frozen=True, slots=True)
class PublishedDataset:
    """One dataset in one paper."""

    name: str
    domain: Domain
    dimension: float
    accuracy: float | None = None
    """Percent of test images, the highest over models and epochs at N = 2,000; read off the figure by eye."""
    sharpness: float | None = None
    """Label sharpness K_F, of pixels in 0..255."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where numbers come from, and what they were made with."""

    paper: PaperName
    where: str
    conditions: str
    datasets: tuple[PublishedDataset, ...]

    def of(self, domain: Domain) -> tuple[PublishedDataset, ...]:
        """Those of one domain."""
        return tuple(dataset for dataset in self.datasets if dataset.domain == domain)

    def shift(self) -> Shift:
        """Natural above radiology, by the statistics that this benchmark applies to its own numbers."""
        natural, radiology = ([each.dimension for each in self.of(domain)] for domain in ("natural", "radiology"))
        return shift(natural, radiology)

    def line(self, domain: Domain) -> Line:
        """Accuracy in percent against dimension, of the datasets that have both."""
        both = [each for each in self.of(domain) if each.accuracy is not None]
        return line([each.dimension for each in both], [each.accuracy or 0.0 for each in both])


MICCAI = Source(
    paper="konz2022",
    where="whole numbers printed in figure 2",
    conditions="by their maximum-likelihood estimator with k = 20; those of natural images are copied from Pope et "
    "al., ICLR 2021, at 32 x 32 pixels, where those of radiology are at 224 x 224",
    datasets=(
        PublishedDataset("Prostate-MRI", "radiology", 4, 99.0),
        PublishedDataset("BraTS", "radiology", 6, 84.0),
        PublishedDataset("DBC", "radiology", 11, 75.0),
        PublishedDataset("OAI", "radiology", 13, 75.7),
        PublishedDataset("MURA", "radiology", 14, 68.0),
        PublishedDataset("RSNA-IH-CT", "radiology", 14, 77.5),
        PublishedDataset("CheXpert", "radiology", 20, 64.0),
        PublishedDataset("MNIST", "natural", 13, 99.0),
        PublishedDataset("SVHN", "natural", 19, 93.0),
        PublishedDataset("CIFAR-100", "natural", 23),
        PublishedDataset("CelebA", "natural", 26),
        PublishedDataset("CIFAR-10", "natural", 26, 91.0),
        PublishedDataset("MS-COCO", "natural", 36),
        PublishedDataset("ImageNet", "natural", 43, 76.0),
    ),
)

ICLR = Source(
    paper="konz2024",
    where="read off the figure of dimension and label sharpness, to 0.1 and 0.02 × 10⁻⁴",
    conditions="by their maximum-likelihood estimator, k = 20, of training sets of two classes, 224 x 224 pixels of "
    "0..255; one channel for radiology and MNIST, three for the others",
    datasets=(
        PublishedDataset("BraTS", "radiology", 11.0, sharpness=2.03e-4),
        PublishedDataset("DBC", "radiology", 16.8, sharpness=3.12e-4),
        PublishedDataset("OAI", "radiology", 8.7, sharpness=3.45e-4),
        PublishedDataset("CheXpert", "radiology", 15.3, sharpness=1.36e-4),
        PublishedDataset("MURA", "radiology", 10.7, sharpness=2.84e-4),
        PublishedDataset("RSNA-IH-CT", "radiology", 11.0, sharpness=2.11e-4),
        PublishedDataset("Prostate-MRI", "radiology", 5.7, sharpness=1.82e-4),
        PublishedDataset("MNIST", "natural", 9.3, sharpness=1.59e-4),
        PublishedDataset("CIFAR-10", "natural", 16.3, sharpness=0.64e-4),
        PublishedDataset("SVHN", "natural", 12.5, sharpness=1.04e-4),
        PublishedDataset("ImageNet", "natural", 17.9, sharpness=0.61e-4),
    ),
)

SOURCES: Mapping[PaperName, Source] = {"konz2022": MICCAI, "konz2024": ICLR}


@dataclass(frozen=True, slots=True)
class PublishedFit:
    """A fit as the paper printed it."""

    domain: Domain
    r2: float
    slope: float
    """Percentage points of accuracy for one more dimension, read off the line."""
    plane_r2: float
    """Of accuracy on dimension and log N together."""


FITS: Mapping[Domain, PublishedFit] = {
    "radiology": PublishedFit("radiology", 0.8244, -1.9, 0.766),
    "natural": PublishedFit("natural", 0.9807, -0.75, 0.902),
}
SHARPNESS_CORRELATION = 0.70
"""Of label sharpness with the rise of the loss under attack, as ICLR 2024 prints it."""

POPE: Mapping[str, tuple[int, int, int, int]] = {
    "MNIST": (7, 11, 12, 13),
    "CIFAR-10": (13, 21, 25, 26),
    "SVHN": (9, 14, 18, 19),
    "CIFAR-100": (11, 19, 22, 23),
    "CelebA": (9, 17, 24, 26),
    "MS-COCO": (22, 33, 36, 37),
    "ImageNet": (26, 38, 43, 43),
}
"""Dimensions at k = 3, 5, 10, 20: Pope et al., The Intrinsic Dimension of Images and Its Impact on Learning, ICLR 2021,
table 1, as later papers cite it. MICCAI 2022 prints those of k = 20, with 36 for MS-COCO."""
POPE_K = (3, 5, 10, 20)


SAME_IMAGES: Mapping[str, tuple[str, ...]] = {
    "MNIST": ("mnist",),
    "CIFAR-10": ("cifar10", "cifar10-4k"),
    "SVHN": ("svhn",),
    "CIFAR-100": ("cifar100",),
    "CelebA": ("celeba",),
    "ImageNet": ("imagenet",),
}
"""A published dataset -> the cards of this benchmark that hold the same images, all or some."""


def corrected(k: int, value: float) -> float:
    """A published dimension without the papers' constant factor: times (k - 1) / (k - 2)."""
    return value * (k - 1) / (k - 2)
