"""Scores of the model track, against scikit-learn and by hand."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics

from benchmark.training import scoring
from benchmark.training.scoring import (
    METRICS,
    accuracy,
    auc,
    calibration_error,
    log_loss,
    score_failed,
    score_run,
    select_epoch,
)


@dataclass
class Run:
    test: np.ndarray
    validation: np.ndarray
    train: np.ndarray
    attacked: dict = field(default_factory=dict)


def softmax(logits):
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def drawn(classes, n=200, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    logits = rng.standard_normal((n, classes)) + 1.5 * np.eye(classes)[labels]
    return logits.astype(dtype), labels


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_scores_are_those_of_scikit_learn(classes):
    logits, labels = drawn(classes)
    probabilities = softmax(logits)
    assert accuracy(logits, labels) == 100 * metrics.accuracy_score(labels, logits.argmax(axis=1))
    assert log_loss(logits, labels) == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-12)
    expected = (
        metrics.roc_auc_score(labels, logits[:, 1].astype(np.float64) - logits[:, 0])
        if classes == 2
        else metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    )
    assert auc(logits, labels) == pytest.approx(expected, rel=1e-12)


@given(
    arrays(np.float32, (12, 2), elements=st.integers(-2, 2).map(float)),
    arrays(np.int64, 12, elements=st.integers(0, 1)),
)
@settings(deadline=None)
def test_auc_counts_ties_half_as_scikit_learn_does(logits, labels):
    if len(np.unique(labels)) < 2:
        assert math.isnan(auc(logits, labels))
    else:
        assert auc(logits, labels) == pytest.approx(
            metrics.roc_auc_score(labels, logits[:, 1] - logits[:, 0]), rel=1e-12
        )


def test_auc_orders_what_probabilities_would_round_to_one():
    """Softmax of both rows is 1.0 in float64; the logits still say which is surer."""
    logits = np.array([[0, 50], [0, 60], [0, 55]], dtype=np.float32)
    assert np.unique(softmax(logits)[:, 1]).tolist() == [1.0]
    assert auc(logits, np.array([0, 1, 1])) == 1.0
    assert auc(logits, np.array([1, 0, 1])) == 0.0


def test_auc_passes_over_a_class_that_the_test_lacks():
    logits, labels = drawn(3)
    two = labels < 2
    own = [metrics.roc_auc_score(labels[two] == label, softmax(logits)[two, label]) for label in (0, 1)]
    assert auc(logits[two], labels[two]) == pytest.approx(np.mean(own), rel=1e-12)


def test_equal_logits_are_uninformed():
    logits, labels = np.zeros((6, 3), dtype=np.float32), np.array([0, 0, 1, 1, 2, 2])
    assert accuracy(logits, labels) == pytest.approx(100 / 3)
    assert auc(logits, labels) == 0.5
    assert log_loss(logits, labels) == pytest.approx(math.log(3), rel=1e-15)
    assert calibration_error(logits, labels) == pytest.approx(0.0, abs=1e-12)


def test_calibration_error_by_hand():
    """Confidences .9, .9, .9, .6 with three right: |2/3 - .9| * 3/4 + |1 - .6| * 1/4."""
    sure, less = math.log(9), math.log(1.5)
    logits = np.array([[0, sure], [0, sure], [0, sure], [0, less]])
    labels = np.array([1, 1, 0, 1])
    assert calibration_error(logits, labels) == pytest.approx(100 * ((0.9 - 2 / 3) * 0.75 + 0.4 * 0.25), rel=1e-12)


@pytest.mark.parametrize("classes", [2, 5])
def test_calibration_error_is_its_definition(classes):
    logits, labels = drawn(classes, n=500, dtype=np.float64)
    probabilities = softmax(logits)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    expected = 0.0
    for b in range(15):
        held = (confidence > b / 15) & (confidence <= (b + 1) / 15)
        if held.any():
            expected += held.mean() * abs(right[held].mean() - confidence[held].mean())
    assert calibration_error(logits, labels) == pytest.approx(100 * expected, rel=1e-10)


def test_a_bin_holds_its_upper_edge():
    """Confidences 1/5, exactly 3/15, and 1/6 are both in (2/15, 3/15]: one bin, whose mean is compared."""
    logits = np.array([[0.0] * 5 + [-1e9], [0.0] * 6])
    assert calibration_error(logits, np.array([0, 5])) == pytest.approx(100 * (1 / 2 - (1 / 5 + 1 / 6) / 2))


def test_log_loss_of_huge_logits_stays_finite_and_counts_as_the_bound():
    logits, labels = np.array([[3e38, -3e38]], dtype=np.float32), np.array([1])
    assert log_loss(logits, labels) == pytest.approx(6e38)
    run = Run(np.stack([logits]), np.stack([logits]), logits)
    assert score_run(run, labels, labels, labels)["log_loss"] == scoring.WIDEST


def test_the_selected_epoch_is_the_first_of_the_lowest_validation_loss():
    bad, good = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    labels = np.array([1])
    assert select_epoch(np.stack([bad, good, good, bad]), labels) == 1


def test_score_run_by_hand():
    """Three epochs: the second has the lowest validation loss, the third the highest test accuracy."""
    labels = np.array([0, 1, 0, 1])
    right = np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.0, 2.0]], dtype=np.float32)
    half = right.copy()
    half[2:] = half[2:, ::-1]
    three = right.copy()
    three[3] = three[3, ::-1]
    run = Run(
        test=np.stack([half, half, three]),
        validation=np.stack([half, right, three]),
        train=right,
        attacked={"fgsm": half},
    )
    scores = score_run(run, labels, labels, labels)
    hit, miss = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
    expected = {
        "accuracy": 75.0,
        "accuracy_selected": 50.0,
        "highest_test_accuracy": 75.0,
        "accuracy_gap": 25.0,
        "log_loss": (3 * hit + miss) / 4,
        "log_loss_selected": (hit + miss) / 2,
        "log_loss_gap": (miss - hit) / 4,
        "fgsm_accuracy_drop": 25.0,
        "fgsm_log_loss_rise": (miss - hit) / 4,
    }
    assert {name: scores[name] for name in expected} == pytest.approx(expected, rel=1e-7)
    assert set(scores) <= set(METRICS)


def test_an_undefined_auc_is_left_out():
    logits, labels = drawn(2)
    run = Run(np.stack([logits]), np.stack([logits]), logits)
    scores = score_run(run, labels, labels, np.ones_like(labels))
    assert "auc" not in scores
    assert "auc_selected" not in scores
    assert all(math.isfinite(value) for value in scores.values())


def test_a_failed_run_counts_as_the_control():
    control = {"accuracy": 50.0, "log_loss": 0.7, "fgsm_accuracy_drop": 0.0}
    assert score_failed(control, 2) == control


def test_without_a_control_a_failed_run_counts_as_equal_probabilities():
    labels = np.repeat(np.arange(4), 5)
    even = np.zeros((20, 4), dtype=np.float32)
    run = Run(np.stack([even]), np.stack([even]), even)
    assert score_failed(None, 4) == pytest.approx(score_run(run, labels, labels, labels), abs=1e-12)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (np.array([[np.inf, 0.0]]), np.array([0])),
        (np.array([[np.nan, 0.0]]), np.array([0])),
        (np.zeros((2, 2)), np.array([0])),
        (np.zeros((1, 2)), np.array([2])),
        (np.zeros((1, 2)), np.array([-1])),
        (np.zeros((0, 2)), np.array([], dtype=np.int64)),
        (np.zeros((1, 1)), np.array([0])),
    ],
)
@pytest.mark.parametrize("score", [accuracy, auc, log_loss, calibration_error])
def test_what_should_have_been_refused_before_is_a_bug(score, logits, labels):
    with pytest.raises(ValueError, match="finite logits"):
        score(logits, labels)
