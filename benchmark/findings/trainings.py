"""What models did on each dataset: one number a dataset, protocol and N, from the boards of the model track."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.training.board import CONTROL, ModelBoard, score_table
from benchmark.training.results import TrainingResult

MEAN = "mean of the models"
"""The default: over the models that the protocol trained on all datasets, accuracy after the last epoch."""
BEST = "best model"
"""As MICCAI 2022 plots it: the highest accuracy over models and epochs, which the test images themselves chose."""

LEAST_LOSS = 1e-12
"""A test loss counts as at least this: its logarithm is taken."""
ATTACK = "fgsm"
SCORES = ("accuracy", "log_loss", "highest_test_accuracy", f"{ATTACK}_log_loss_rise", f"{ATTACK}_accuracy_drop")


@dataclass(frozen=True, slots=True)
class Training:
    """What one model, or the mean of several, did on the datasets of one protocol with N training images."""

    protocol: str
    train: int
    model: str
    """Name of a submission, `MEAN` or `BEST`."""
    models: int
    """How many stand behind it."""
    accuracy: Mapping[str, float]
    """Dataset -> percent of the test images, mean over its two-class tasks and the runs."""
    log_loss: Mapping[str, float]
    """Dataset -> mean natural logarithm of the test loss (nats)."""
    loss_rise: Mapping[str, float]
    """Dataset -> log loss gained under FGSM, nats; empty where the protocol attacks nothing."""


def domains_of(boards: Iterable[ModelBoard]) -> dict[str, str]:
    """Dataset -> domain, of the datasets with two-class tasks."""
    return {result.dataset: result.domain for board in boards for result in _two_class(board.results)}


def trainings_of(boards: Iterable[ModelBoard]) -> tuple[Training, ...]:
    """Every protocol, N and choice of model: the mean first, then the best, then each model by name.

    Only tasks with two classes count, as in the papers: an accuracy among ten has another meaning. A dataset of many
    classes is the mean over its pairs of classes (and over its labellings). Models that fit themselves or come
    pretrained, and the control, are not among them. A mean has the same models on every dataset: those that have a
    result for every task of this N; one that failed counts as the control did, as on the board.
    """
    return tuple(training for board in boards for training in _of_board(board))


def _two_class(results: Iterable[TrainingResult]) -> list[TrainingResult]:
    return [result for result in results if len(result.classes) == 2]


def _of_board(board: ModelBoard) -> list[Training]:
    results = [result for result in _two_class(board.results) if not result.apart or result.submission == CONTROL]
    scores = score_table(results)  # with the control: failed runs count as it did
    if scores.empty:
        return []
    scores = scores[scores["submission"] != CONTROL].reindex(columns=[*scores.columns, *(set(SCORES) - {*scores})])
    made: list[Training] = []
    for train, own in scores.groupby("train"):
        tasks = own.groupby("submission")["task"].nunique()
        complete = own[own["submission"].isin(tasks.index[tasks == own["task"].nunique()])]
        if len(complete):
            made += [_training(board, train, MEAN, complete), _best(board, train, complete)]
        made += [_training(board, train, str(name), rows) for name, rows in own.groupby("submission")]
    return made


def _training(board: ModelBoard, train: Any, model: str, rows: pd.DataFrame) -> Training:
    return Training(
        protocol=board.protocol,
        train=int(train),
        model=model,
        models=rows["submission"].nunique(),
        accuracy=_by_dataset(rows, rows["accuracy"]),
        log_loss=_by_dataset(rows, np.log(rows["log_loss"].clip(lower=LEAST_LOSS))),
        loss_rise=_by_dataset(rows, rows[f"{ATTACK}_log_loss_rise"]),
    )


def _best(board: ModelBoard, train: Any, rows: pd.DataFrame) -> Training:
    """Accuracy alone: of the best loss or robustness nothing is claimed."""
    best = rows.groupby(["dataset", "task"])[["highest_test_accuracy"]].max().reset_index()
    accuracy = _by_dataset(best, best["highest_test_accuracy"])
    return Training(board.protocol, int(train), BEST, rows["submission"].nunique(), accuracy, {}, {})


def _by_dataset(rows: pd.DataFrame, values: pd.Series) -> dict[str, float]:
    """Mean over tasks and models, by dataset; one that has no value is not there."""
    means = values.groupby(rows["dataset"]).mean().dropna()
    return {str(dataset): float(value) for dataset, value in sorted(means.items())}
