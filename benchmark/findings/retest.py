"""All claims re-tested from the results on hand: every estimator, part, version, protocol, N and choice of model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from benchmark.estimation.suites import suites_compared_with
from benchmark.findings import judging
from benchmark.findings.claims import DOMAINS
from benchmark.findings.dimensions import DatasetFacts, Dimensions, datasets_of, dimensions_of
from benchmark.findings.judging import Finding
from benchmark.findings.sharpness import MAXIMUM, STATISTICS, Sharpness, load_sharpness
from benchmark.findings.trainings import MEAN, Training, domains_of, trainings_of
from benchmark.leaderboard import Board
from benchmark.training.board import ModelBoard, load_model_boards
from benchmark.training.results import suites_with_models

NOTHING = Training(protocol="", train=0, model=MEAN, models=0, accuracy={}, log_loss={}, loss_rise={})
"""Stands in where no model has been trained: every claim about models then has not enough datasets."""
UNMEASURED = Sharpness(protocol="", train=0, tasks=())


@dataclass(frozen=True)
class Retest:
    """The findings of a suite, and what they stand on."""

    suite: str
    suite_version: str
    suite_sha256: str
    protocols: Mapping[str, str]
    """Title -> hash."""
    datasets: Mapping[str, DatasetFacts]
    """Those whose dimension was asked for."""
    estimators: tuple[str, ...]
    """Best rank first, controls left out."""
    dimensions: tuple[Dimensions, ...]
    trainings: tuple[Training, ...]
    sharpness: tuple[Sharpness, ...]
    findings: tuple[Finding, ...]

    @property
    def trained(self) -> bool:
        """Whether there are results of models with two-class tasks."""
        return bool(self.trainings)

    def of(self, claim: str) -> tuple[Finding, ...]:
        """The findings of one claim."""
        return tuple(finding for finding in self.findings if finding.claim == claim)

    def dimensions_by(self, estimator: str) -> Mapping[str, float]:
        """Dataset -> dimension of the whole sample, corrected for a constant factor; empty for one not asked."""
        for given in self.dimensions:
            way = given.measuring
            if (way.estimator, way.version, way.part) == (estimator, "corrected", "whole"):
                return given.values
        return {}

    def dataset_count(self, domain: str) -> int:
        """How many datasets of a domain have dimensions."""
        return sum(facts.domain == domain for facts in self.datasets.values())


def load_model_results(root: Path, suite: str, protocol: str | None = None) -> tuple[ModelBoard, ...]:
    """The model boards of a suite, and of those whose models are compared with its dimensions.

    protocol: of one protocol alone (`mini` names `mini` and what overrides it). Empty if there are none. Raises as
    `load_model_boards` does.
    """
    names = {suite, *suites_compared_with(suite)} & {*suites_with_models(root)}
    boards = [board for name in sorted(names) for board in load_model_boards(root, name)]
    return tuple(board for board in boards if protocol is None or board.protocol.split()[0] == protocol)


def retest(board: Board, boards: Sequence[ModelBoard], sharpness: Sequence[Sharpness]) -> Retest:
    """Re-test every claim from the board of a suite's estimators, its model boards and its label sharpness."""
    datasets = datasets_of(board)
    dimensions = dimensions_of(board)
    trainings = trainings_of(boards)
    protocols = {each.protocol: each.protocol_sha256 for each in boards}
    current = tuple(_current(each, protocols) for each in sharpness)
    domains = {
        **{task.dataset: task.domain for each in current for task in each.tasks},
        **domains_of(boards),
        **{name: facts.domain for name, facts in datasets.items()},
    }
    found = [
        *(judging.natural_higher(given, domains) for given in dimensions),
        *_of_models(dimensions, trainings or (NOTHING,), domains),
        *_of_sharpness(current or (UNMEASURED,), trainings or (NOTHING,), domains),
    ]
    return Retest(
        suite=board.suite,
        suite_version=board.suite_version,
        suite_sha256=board.suite_sha256,
        protocols=protocols,
        datasets=datasets,
        estimators=tuple(dict.fromkeys(given.measuring.estimator for given in dimensions)),
        dimensions=dimensions,
        trainings=trainings,
        sharpness=current,
        findings=tuple(found),
    )


def load_retest(root: Path, board: Board, protocol: str | None = None) -> Retest:
    """Re-test every claim from the results below `root`; `board` is that of the estimators."""
    return retest(board, load_model_results(root, board.suite, protocol), load_sharpness(root, board.suite))


def _current(given: Sharpness, protocols: Mapping[str, str]) -> Sharpness:
    """Without the images of another version of a protocol that models were trained under."""
    kept = [task for task in given.tasks if protocols.get(task.protocol, task.protocol_sha256) == task.protocol_sha256]
    return replace(given, tasks=tuple(kept))


def _of_models(
    dimensions: Sequence[Dimensions], trainings: Sequence[Training], domains: Mapping[str, str]
) -> Iterator[Finding]:
    """The mean of the models meets dimensions of every kind; each single choice the whole, corrected ones alone."""
    for own in _together(trainings):
        falls = judging.loss_slopes(own)
        for given in dimensions:
            plain = given.measuring.version == "corrected" and given.measuring.part == "whole"
            if own[0].model != MEAN and not plain:
                continue
            for training in own:
                yield from judging.accuracy_lines(given, training, domains)
            for domain in DOMAINS:
                yield judging.plane_of(given, own, domains, domain)
            if own[0].log_loss or not own[0].accuracy:
                yield judging.scaling_law(given, own[0], falls)


def _of_sharpness(
    sharpness: Sequence[Sharpness], trainings: Sequence[Training], domains: Mapping[str, str]
) -> Iterator[Finding]:
    for each in sharpness:
        for statistic in STATISTICS:
            yield judging.sharper_radiology(each, statistic, domains)
    measured = {(each.protocol, each.train): each for each in sharpness}
    for training in [each for each in trainings if each.loss_rise] or [NOTHING]:
        given = measured.get((training.protocol, training.train), UNMEASURED)
        for statistic in STATISTICS if training.model == MEAN else (MAXIMUM,):
            yield judging.sharpness_robustness(given, statistic, training)


def _together(trainings: Sequence[Training]) -> list[list[Training]]:
    """Trainings of one protocol and model, for all N."""

    def key(training: Training) -> tuple[str, str]:
        return training.protocol, training.model

    return [list(own) for _, own in groupby(sorted(trainings, key=key), key=key)]
