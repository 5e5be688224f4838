"""Scores of the model track: logits and labels in, numbers out; no file, no clock, no global.

Ranks stand on the test accuracy after the last epoch. The scores `_selected` are those of the epoch with the lowest
validation loss. The highest test accuracy over the epochs, which MICCAI 2022 plots, chooses by the test itself: it
stands beside them for comparison, and ranks nothing.
"""

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import rankdata

from benchmark.metrics import Metric

Logits = NDArray[np.float32] | NDArray[np.float64]
Labels = NDArray[np.int64]

BINS = 15
"""Of the calibration error, as in Guo et al. 2017."""
WIDEST = 1e6
"""A log loss counts as at most this: any finite logits are a valid answer, and those of 1e38 must not swallow a mean.
"""

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "Accuracy", "%", "higher", "Share of test images whose highest logit is their class."),
        Metric(
            "auc", "AUC", "", "higher", "Area under the ROC curve; of many classes, the mean of each against the rest."
        ),
        Metric("log_loss", "Log loss", "nats", "lower", "Mean of -ln(probability of the image's class)."),
        Metric(
            "calibration_error",
            "Calibration error",
            "%",
            "lower",
            "Mean |accuracy - confidence| over 15 bins of the confidence, weighted by images.",
        ),
        Metric("accuracy_gap", "Accuracy gap", "%", "lower", "Accuracy on training images less that on test images."),
        Metric(
            "log_loss_gap", "Log loss gap", "nats", "lower", "Log loss of test images less that of training images."
        ),
        Metric("accuracy_selected", "Accuracy, selected epoch", "%", "higher", "At the lowest validation log loss."),
        Metric("auc_selected", "AUC, selected epoch", "", "higher", "At the lowest validation log loss."),
        Metric("log_loss_selected", "Log loss, selected epoch", "nats", "lower", "At the lowest validation log loss."),
        Metric(
            "calibration_error_selected",
            "Calibration error, selected epoch",
            "%",
            "lower",
            "At the lowest validation log loss.",
        ),
        Metric(
            "highest_test_accuracy",
            "Highest test accuracy",
            "%",
            "higher",
            "Over the epochs, chosen by the test itself, as MICCAI 2022 plots it; ranks nothing.",
        ),
        Metric("fgsm_accuracy_drop", "FGSM, accuracy lost", "%", "lower", "Of validation images, by the attack FGSM."),
        Metric("fgsm_log_loss_rise", "FGSM, log loss gained", "nats", "lower", "Of validation images, by FGSM."),
        Metric("pgd_accuracy_drop", "PGD, accuracy lost", "%", "lower", "Of validation images, by the attack PGD."),
        Metric("pgd_log_loss_rise", "PGD, log loss gained", "nats", "lower", "Of validation images, by PGD."),
    )
}
"""Every score by name."""


class RunLogits(Protocol):
    """What a training returned, of which the scores are made; every number finite."""

    @property
    def test(self) -> NDArray[np.float32]:
        """[epochs, test images, classes], of the epochs that were evaluated; the last one is the final."""

    @property
    def validation(self) -> NDArray[np.float32]:
        """[epochs, validation images, classes]."""

    @property
    def train(self) -> NDArray[np.float32]:
        """[training images, classes], after the last epoch."""

    @property
    def attacked(self) -> Mapping[str, NDArray[np.float32]]:
        """Name of an attack -> [validation images, classes] logits of the attacked images, after the last epoch."""


def score_run(run: RunLogits, train_labels: Labels, validation_labels: Labels, test_labels: Labels) -> dict[str, float]:
    """Scores of one training; the names are `METRICS`. An AUC that is not defined is left out."""
    selected = select_epoch(run.validation, validation_labels)
    final = _scores(run.test[-1], test_labels)
    scores = {
        **final,
        "accuracy_gap": accuracy(run.train, train_labels) - final["accuracy"],
        "log_loss_gap": final["log_loss"] - _bounded_log_loss(run.train, train_labels),
        **{f"{name}_selected": value for name, value in _scores(run.test[selected], test_labels).items()},
        "highest_test_accuracy": max(accuracy(logits, test_labels) for logits in run.test),
    }
    clean = run.validation[-1]
    for attack, logits in run.attacked.items():
        lost = accuracy(clean, validation_labels) - accuracy(logits, validation_labels)
        gained = _bounded_log_loss(logits, validation_labels) - _bounded_log_loss(clean, validation_labels)
        scores |= {f"{attack}_accuracy_drop": lost, f"{attack}_log_loss_rise": gained}
    return scores


def score_failed(control: Mapping[str, float] | None, classes: int) -> dict[str, float]:
    """Scores of a run that failed: those of the control `majority` on the same task and seed.

    control: None where the control has not run; equal probabilities for all `classes` then stand in for it.
    """
    if control is not None:
        return dict(control)
    uninformed = {"accuracy": 100 / classes, "auc": 0.5, "log_loss": math.log(classes), "calibration_error": 0.0}
    selected = {f"{name}_selected": value for name, value in uninformed.items()}
    rest = {"accuracy_gap": 0.0, "log_loss_gap": 0.0, "highest_test_accuracy": 100 / classes}
    return uninformed | selected | rest


def select_epoch(validation: NDArray[np.float32], labels: Labels) -> int:
    """Position of the lowest validation log loss, the first of equal ones. validation: [epochs, images, classes]."""
    return int(np.argmin([log_loss(logits, labels) for logits in validation]))


def accuracy(logits: Logits, labels: Labels) -> float:
    """Percent of images whose highest logit is their class; of equal logits the first counts.

    logits: [n, classes], finite. labels: int64 [n].
    """
    _check(logits, labels)
    return float(100 * np.mean(logits.argmax(axis=1) == labels))


def auc(logits: Logits, labels: Labels) -> float:
    """Area under the ROC curve: the share of pairs of an image of the class and one of another in the right order.

    Equal scores count half. Of more than two classes, the mean over the classes, each against the rest (macro); classes
    that have no image, or all, have none and are passed over. NaN if there is no class that has one.
    Images are ordered by the log odds of the class, log p - log(1 - p), in float64: probabilities close to 1 would be
    rounded to ties.

    logits: [n, classes], finite. labels: int64 [n].
    """
    _check(logits, labels)
    classes = logits.shape[1]
    values = [_area(_log_odds(logits, label), labels == label) for label in ([1] if classes == 2 else range(classes))]
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan


def log_loss(logits: Logits, labels: Labels) -> float:
    """Mean of -ln p(class of the image), in nats, with p the softmax of the logits in float64.

    logits: [n, classes], finite. labels: int64 [n].
    """
    _check(logits, labels)
    wide = logits.astype(np.float64)
    return float(np.mean(logsumexp(wide, axis=1) - wide[np.arange(len(labels)), labels]))


def calibration_error(logits: Logits, labels: Labels, bins: int = BINS) -> float:
    """Expected calibration error in percent: sum over bins of n_b / n |accuracy_b - confidence_b|.

    The confidence is the highest softmax probability; the bins are of equal width, ((b - 1) / bins, b / bins].
    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equation 3.

    logits: [n, classes], finite. labels: int64 [n].
    """
    _check(logits, labels)
    wide = logits.astype(np.float64)
    confidence = np.exp(wide.max(axis=1) - logsumexp(wide, axis=1))
    # Softmax of k equal logits is 1 / k up to its last bit: it belongs where 1 / k does.
    place = np.clip(np.ceil(np.round(confidence * bins, 12)), 1, bins).astype(np.int64) - 1
    surplus = (logits.argmax(axis=1) == labels) - confidence
    return float(100 * np.abs(np.bincount(place, weights=surplus, minlength=bins)).sum() / len(labels))


def _scores(logits: Logits, labels: Labels) -> dict[str, float]:
    scores = {
        "accuracy": accuracy(logits, labels),
        "auc": auc(logits, labels),
        "log_loss": _bounded_log_loss(logits, labels),
        "calibration_error": calibration_error(logits, labels),
    }
    return {name: value for name, value in scores.items() if not math.isnan(value)}


def _bounded_log_loss(logits: Logits, labels: Labels) -> float:
    return min(log_loss(logits, labels), WIDEST)


def _log_odds(logits: Logits, label: int) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    others: NDArray[np.float64] = logsumexp(np.delete(wide, label, axis=1), axis=1)
    return np.asarray(wide[:, label] - others)


def _area(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Mann and Whitney's U by the sum of ranks, over the number of pairs; NaN without a pair."""
    pairs = int(positive.sum()) * int((~positive).sum())
    if not pairs:
        return math.nan
    ranks = rankdata(scores)  # ties share their mean rank
    least = positive.sum() * (positive.sum() + 1) / 2
    return float((ranks[positive].sum() - least) / pairs)


def _check(logits: Logits, labels: Labels) -> None:
    shaped = logits.ndim == 2 and logits.shape[1] > 1 and labels.shape == logits.shape[:1] and len(labels) > 0
    if not shaped or not np.isfinite(logits).all() or labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError("finite logits [n, classes], and one label of these for each")  # a bug of ours: a traceback
