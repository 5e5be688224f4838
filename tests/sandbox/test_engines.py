"""What every engine does: one set of tests, run over the fake and the process engine."""

import json

import numpy as np
import pytest

from benchmark.sandbox.engine import Outcome
from benchmark.sandbox.process import ProcessEngine
from fake_engine import FakeEngine

COLUMNS = """
class Estimator:
    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, precomputed_knn_arrays=None):
        if X.shape[1] == 5:
            raise ValueError("five columns")
        if X.shape[1] == 6:
            X.shape = None
        self.dimension_ = self.factor * X.shape[1]
        self.dimension_interval_ = (self.dimension_ - 1, self.dimension_ + 1)
        self.dimension_pw_ = [self.dimension_] * len(X)
        return self
"""


def columns_outcome(program, sample):
    """What COLUMNS answers, played."""
    rows, columns = np.load(sample / "points.npy").shape
    if columns >= 5:
        return Outcome("failed", "fit raised ValueError: five columns (estimator.py, line 8)")
    dimension = program.parameters.get("factor", 1.0) * columns
    return Outcome("ok", "", dimension, (dimension - 1, dimension + 1), (dimension,) * rows, wall_seconds=0.01)


@pytest.fixture(params=["fake", "process"])
def engine(request):
    return FakeEngine(columns_outcome) if request.param == "fake" else ProcessEngine()


def test_name(engine):
    assert engine.name in ("fake", "process")


def test_answer_is_dimension_interval_and_pointwise(engine, make_program, make_sample, limits):
    with engine.open(make_program(COLUMNS, factor=2.0), limits) as worker:
        outcome = worker.ask(make_sample(4))
    assert (outcome.status, outcome.reason) == ("ok", "")
    assert (outcome.dimension, outcome.interval, outcome.pointwise) == (8.0, (7.0, 9.0), (8.0,) * 60)
    assert outcome.wall_seconds > 0


def test_failure_is_an_outcome_and_the_next_sample_is_unaffected(engine, make_program, make_sample, limits):
    with engine.open(make_program(COLUMNS), limits) as worker:
        statuses = [worker.ask(make_sample(columns)).status for columns in (3, 5, 3, 6, 3)]
    assert statuses == ["ok", "failed", "ok", "failed", "ok"]


def test_failure_says_where(engine, make_program, make_sample, limits):
    with engine.open(make_program(COLUMNS), limits) as worker:
        outcome = worker.ask(make_sample(5))
    assert outcome.reason == "fit raised ValueError: five columns (estimator.py, line 8)"
    assert outcome.dimension is None


def test_two_workers_are_independent(engine, make_program, make_sample, limits):
    with (
        engine.open(make_program(COLUMNS, factor=1.0), limits) as one,
        engine.open(make_program(COLUMNS, factor=3.0), limits) as other,
    ):
        sample = make_sample(2)
        assert [worker.ask(sample).dimension for worker in (one, other, one)] == [2.0, 6.0, 2.0]


def test_same_sample_same_answer(engine, make_program, make_sample, limits):
    sample = make_sample(3)
    with engine.open(make_program(COLUMNS), limits) as worker:
        first, second = worker.ask(sample), worker.ask(sample)
    assert (first.dimension, first.interval, first.pointwise) == (second.dimension, second.interval, second.pointwise)


def test_sample_is_left_as_it_was(engine, make_program, make_sample, limits):
    sample = make_sample(3)
    before = {path.name: path.read_bytes() for path in sample.iterdir()}
    with engine.open(make_program(COLUMNS), limits) as worker:
        worker.ask(sample)
    assert {path.name: path.read_bytes() for path in sample.iterdir()} == before
    assert json.loads((sample / "task.json").read_text()) == {"seed": 7, "neighbors": None}
