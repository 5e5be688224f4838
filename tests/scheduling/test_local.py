"""Slots share out the work: a worker is opened once a submission, and idle slots help with what is left."""

import threading
from contextlib import contextmanager

import pytest

from benchmark.errors import InfrastructureError, UserError
from benchmark.sandbox.engine import Limits, Outcome, Program
from benchmark.scheduling.local import Work, run_all, slots_for


class CountingEngine:
    """Counts the workers that are opened and closed."""

    name = "counting"

    def __init__(self):
        self.opened, self.closed = [], []
        self._lock = threading.Lock()

    @contextmanager
    def open(self, program, limits):
        with self._lock:
            self.opened.append(program.entry)
        try:
            yield self
        finally:
            with self._lock:
                self.closed.append(program.entry)

    def ask(self, sample):
        return Outcome("ok", dimension=1.0)


def work(tmp_path, name, run):
    return Work(name, Program(tmp_path, f"{name}.py:E"), Limits(), run)


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_everything_runs_once(tmp_path, slots):
    engine, seen, lock = CountingEngine(), [], threading.Lock()

    def job(name, index):
        def run(worker):
            with lock:
                seen.append((name, index))

        return work(tmp_path, name, run)

    run_all([job(name, index) for name in "abc" for index in range(7)], engine, slots)
    assert sorted(seen) == [(name, index) for name in "abc" for index in range(7)]
    assert sorted(engine.opened) == sorted(engine.closed)


def test_one_slot_opens_one_worker_a_submission(tmp_path):
    engine = CountingEngine()
    run_all([work(tmp_path, name, lambda worker: None) for _ in range(3) for name in "ab"], engine, 1)
    assert engine.opened == ["a.py:E", "b.py:E"]


def test_two_slots_share_one_submission(tmp_path):
    """Both jobs wait for each other: they can only end if two slots run them at the same time."""
    engine, barrier = CountingEngine(), threading.Barrier(2, timeout=10)
    run_all([work(tmp_path, "a", lambda worker: barrier.wait()) for _ in range(2)], engine, 2)
    assert engine.opened == ["a.py:E", "a.py:E"]


def test_a_fault_of_ours_stops_the_run_and_closes_the_workers(tmp_path):
    engine, ran = CountingEngine(), []

    def broken(worker):
        raise RuntimeError("a bug")

    jobs = [work(tmp_path, "a", broken), work(tmp_path, "a", lambda worker: ran.append(1))]
    with pytest.raises(RuntimeError, match="a bug"):
        run_all(jobs, engine, 1)
    assert ran == []
    assert engine.closed == ["a.py:E"]


def test_no_work_is_no_error(tmp_path):
    run_all([], CountingEngine(), 2)


def test_slots_stay_within_memory():
    import psutil

    total = psutil.virtual_memory().total
    assert slots_for([Limits(memory_bytes=total)], requested=8) == 1
    assert slots_for([Limits(memory_bytes=1)], requested=1) == 1
    with pytest.raises(UserError, match="choose a smaller suite"):
        slots_for([Limits(memory_bytes=2 * total)], requested=None)


def test_a_worker_that_cannot_be_ended_is_a_fault_and_not_a_wait_for_ever(tmp_path):
    """As when a container engine has stopped: the slot reports what leaving its worker raised."""

    class Stuck(CountingEngine):
        @contextmanager
        def open(self, program, limits):
            yield self
            raise InfrastructureError("the engine is gone")

    with pytest.raises(InfrastructureError, match="the engine is gone"):
        run_all([work(tmp_path, "a", lambda worker: None)], Stuck(), 1)
