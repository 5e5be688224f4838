"""One job: samples are handed over without names, answers become rows, faults of ours are told apart."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from benchmark.errors import InfrastructureError
from benchmark.estimation.evaluate import evaluate
from benchmark.estimation.suites import Suite, SuiteFile
from benchmark.estimation.tasks import build_tasks
from benchmark.paths import submissions_root
from benchmark.results import finished, write_result
from benchmark.sandbox.engine import Outcome
from benchmark.submissions import load_submissions

BUDGET = {"wall_seconds": 5.0, "cpu_seconds": 5.0, "memory_gib": 1.0}
KNOWN = {"family": "classic", "manifolds": ["M7_Roll"], "n": 60, "seeds": 2}
SUITE = Suite(
    "tiny", SuiteFile.model_validate({"version": "1", "description": "d", "budget": BUDGET, "known": [KNOWN]})
)


FAKE = SimpleNamespace(name="fake", image_digest="sha256:1", version="7")


class Worker:
    """Answers with the outcomes it is given, and remembers what it was asked."""

    def __init__(self, *outcomes):
        self.outcomes, self.asked = list(outcomes), []

    def ask(self, sample):
        self.asked.append(
            (sorted(path.name for path in sample.iterdir()), json.loads((sample / "task.json").read_text()))
        )
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def ask(tmp_path):
    """A function that asks a worker the one task of the suite, as the submission `twonn` or `constant`."""

    def run(worker, name="twonn", fallback=None):
        [submission] = [s for s in load_submissions(submissions_root() / name) if s.name == name]
        [(task, truth)], _ = build_tasks(SUITE, tmp_path / "samples", tmp_path / "results", lambda *_: None)
        return evaluate(submission, task, truth, SUITE, worker, FAKE, tmp_path / "scratch", fallback or {})

    return run


OK = Outcome("ok", dimension=2.2, interval=(2.0, 2.4), wall_seconds=0.1)


def test_the_graph_is_handed_over_to_who_asks_for_it_alone(ask):
    worker = Worker(OK, OK, OK, OK)
    ask(worker)
    ask(worker, "constant")
    names = ["distances.npy", "indices.npy", "points.npy", "task.json"]
    assert [asked[0] for asked in worker.asked] == [names, names, names[2:], names[2:]]
    assert [asked[1]["neighbors"] for asked in worker.asked] == [2, 2, None, None]
    seeds = [asked[1]["seed"] for asked in worker.asked]
    assert seeds[0] != seeds[1]
    assert seeds[:2] == seeds[2:]


def test_nothing_stays_of_what_was_handed_over(ask, tmp_path):
    ask(Worker(OK, OK))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_scores_are_those_of_the_answers(ask):
    result = ask(Worker(OK, replace(OK, dimension=1.0)))
    assert result.truth == 2.0
    assert result.scores["error"] == pytest.approx((10 + 50) / 2)
    assert result.scores["coverage"] == 100.0


def test_a_failed_sample_counts_as_the_control_and_names_its_status(ask):
    result = ask(Worker(OK, Outcome("timeout", "too slow")), fallback={"seed-0": 10.0, "seed-1": 10.0})
    assert (result.status, result.reason) == ("timeout", "too slow")
    assert result.scores["error"] == pytest.approx((10 + 400) / 2)


def test_a_fault_of_ours_is_a_row_that_runs_again(ask, tmp_path):
    result = ask(Worker(OK, InfrastructureError("the disk is gone")))
    assert result.status == "infrastructure"
    assert result.reason.startswith("the disk is gone: not the submission's fault")
    write_result(tmp_path / "results", result)
    assert finished(tmp_path / "results", "tiny") == set()
