"""The process engine: what a submission is given, what is measured, and what happens when processes are killed."""

import os
import py_compile
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmark.errors import InfrastructureError
from benchmark.sandbox import asking, process
from benchmark.sandbox.engine import Limits, Program
from benchmark.sandbox.process import ProcessEngine
from benchmark.sandbox.samples import write_sample

RANDOM = """
import random
import numpy as np

class Estimator:
    def fit(self, X):
        order = sum(i * len(word) * ord(word[0]) for i, word in enumerate({"a", "bb", "ccc", "dddd", "eeeee"}))
        self.dimension_ = 1 + random.random() + np.random.rand() + order
"""

RANDOM_STATE = """
class Estimator:
    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X):
        self.dimension_ = float(self.random_state)
"""

NEIGHBORS = """
import numpy as np

class Estimator:
    def fit(self, X, precomputed_knn_arrays):
        distances, indices = precomputed_knn_arrays
        assert distances.shape == indices.shape == (60, 4)
        assert (distances.dtype, indices.dtype, X.dtype) == (np.float64, np.int64, np.float64)
        assert distances.flags.c_contiguous and distances[1].tolist() == [10, 11, 12, 13]
        distances[:] = X[:] = 0 if X.shape[1] == 4 else 1
        self.dimension_ = 4.0
"""

ENVIRONMENT = """
import os, sys
print(" ".join(sorted(os.environ)))
print(os.getcwd() == os.environ["HOME"] == os.environ["TMPDIR"], os.listdir("."), sys.stdin.read() == "")
print(sorted(os.listdir("/proc/self/fd"))[:4], os.getpgid(0) == os.getpid())
print(any("benchmark" in name for name in sys.modules if sys.modules[name]), "" in sys.path)

class Estimator:
    def fit(self, X):
        self.dimension_ = 1.0
"""

SLEEP = """
import time

class Estimator:
    def fit(self, X):
        open("started", "w").close()
        if X.shape[1] != 2:
            time.sleep(60)
        self.dimension_ = 2.0
"""


def test_same_seed_same_answer_in_another_worker(make_program, make_sample, limits):
    sample, other, answers = make_sample(seed=1), make_sample(seed=2), []
    for _ in range(2):
        with ProcessEngine().open(make_program(RANDOM), limits) as worker:
            answers.append([worker.ask(sample).dimension, worker.ask(other).dimension, worker.ask(sample).dimension])
    assert answers[0] == answers[1]
    assert answers[0][0] == answers[0][2] != answers[0][1]


def test_random_state_is_the_seed_of_the_task(make_program, make_sample, limits):
    with ProcessEngine().open(make_program(RANDOM_STATE), limits) as worker:
        assert worker.ask(make_sample(seed=2**32 - 1)).dimension == 2**32 - 1
    with ProcessEngine().open(make_program(RANDOM_STATE, random_state=5), limits) as worker:
        assert worker.ask(make_sample(seed=7)).dimension == 5


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_graph_is_cut_to_k_columns_and_points_are_float64(dtype, make_program, make_sample, limits):
    sample = make_sample(3, neighbors=4, dtype=dtype)
    with ProcessEngine().open(make_program(NEIGHBORS), limits) as worker:
        for _ in range(2):  # what the first does to its arrays does not reach the second
            outcome = worker.ask(sample)
            assert (outcome.status, outcome.reason, outcome.dimension) == ("ok", "", 4.0)


def test_submission_finds_a_clean_house(make_program, make_sample, limits, monkeypatch):
    monkeypatch.setenv("MANIFOLDBENCH_TEST", "truth")
    with ProcessEngine().open(make_program(ENVIRONMENT), limits) as worker:
        outcome = worker.ask(make_sample())
    names, folder, descriptors, modules = outcome.output_tail.splitlines()
    kept = {*process.THREAD_VARIABLES, "PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH"}
    python = {"PYTHONHASHSEED", "PYTHONNOUSERSITE", "PYTHONSAFEPATH"}
    assert set(names.split()) <= kept | python
    assert folder == "True [] True"
    assert descriptors == "['0', '1', '2', '3'] True"
    assert modules == "False False"


def test_cost_is_measured(make_program, make_sample, limits):
    code = """
import numpy as np, time
class Estimator:
    def fit(self, X):
        held = np.ones(8 << 20)
        until = time.process_time() + 0.2
        while time.process_time() < until: pass
        self.dimension_ = 1.0
"""
    with ProcessEngine().open(make_program(code), limits) as worker:
        outcome = worker.ask(make_sample())
    assert 0.2 < outcome.cpu_seconds <= outcome.wall_seconds + 0.05
    assert 64 << 20 < outcome.peak_bytes < 80 << 20  # 64 MiB held, and a little; the imported libraries do not count


def test_overhead_of_a_sample(benchmark, make_program, make_sample, limits):
    code = "class Estimator:\n    def fit(self, X):\n        self.dimension_ = 1.0\n"
    with ProcessEngine().open(make_program(code), limits) as worker:
        outcome = benchmark(worker.ask, make_sample())
    assert outcome.status == "ok"


def test_trusted_libraries_are_imported_before_the_fork(make_program, make_sample, limits):
    code = """
import sys
there = "scipy.spatial" in sys.modules
from scipy import spatial
class Estimator:
    def fit(self, X):
        self.dimension_ = 2.0 if there else 1.0
"""
    with ProcessEngine().open(make_program(code), limits) as worker:
        assert worker.ask(make_sample()).dimension == 2.0


def test_thread_and_process_pools_work(make_program, make_sample, limits):
    """Their locks lie in /dev/shm, which therefore stays open."""
    code = """
from multiprocessing import Pool
from multiprocessing.pool import ThreadPool
class Estimator:
    def fit(self, X):
        with ThreadPool(2) as threads, Pool(2) as processes:
            self.dimension_ = sum(threads.map(float, [1, 2])) + sum(processes.map(float, [3, 4]))
"""
    with ProcessEngine().open(make_program(code), limits) as worker:
        outcome = worker.ask(make_sample())
    assert (outcome.status, outcome.reason, outcome.dimension) == ("ok", "", 10.0)


def test_worker_killed_from_outside_is_started_again(
    make_program, make_sample, limits, scratch_root, processes_at_home_in
):
    with ProcessEngine().open(make_program(SLEEP), limits) as worker:
        killed = worker.pid
        threading.Timer(0.4, os.kill, (killed, signal.SIGKILL)).start()
        outcome = worker.ask(make_sample(3))
        assert outcome.status == "crashed"
        assert outcome.reason.startswith("the worker was ended by SIGKILL during this sample")
        assert processes_at_home_in(scratch_root) == []
        assert worker.ask(make_sample(2)).status == "ok"
        assert worker.pid not in (killed, None)
    assert list(scratch_root.iterdir()) == []


def test_worker_that_does_not_reply_is_ended(make_program, make_sample, limits, monkeypatch):
    monkeypatch.setattr(asking, "GRACE_SECONDS", 0.5)
    with ProcessEngine().open(make_program(SLEEP), replace(limits, wall_seconds=0.5)) as worker:
        os.kill(worker.pid, signal.SIGSTOP)
        assert worker.ask(make_sample(3)).status == "timeout"
        assert worker.ask(make_sample(2)).status == "ok"


def test_everything_ends_with_the_harness(make_program, make_sample, scratch_root, processes_at_home_in):
    """SIGKILL of the harness in the middle of a sample: nothing of it is left a moment later."""
    program, sample = make_program(SLEEP), make_sample(3)
    code = f"""
from pathlib import Path
import tempfile
tempfile.tempdir = {str(scratch_root)!r}
from benchmark.sandbox.engine import Limits, Program
from benchmark.sandbox.process import ProcessEngine
with ProcessEngine().open(Program(Path({str(program.folder)!r}), {program.entry!r}), Limits()) as worker:
    worker.ask(Path({str(sample)!r}))
"""
    repository = Path(process.__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], cwd=repository) as harness:
        wait_until(lambda: list(scratch_root.glob("*/*/started")))
        harness.kill()
        harness.wait()
    wait_until(lambda: processes_at_home_in(scratch_root) == [])
    wait_until(lambda: list(scratch_root.iterdir()) == [])


def test_interrupt_in_the_middle_of_a_sample_ends_it(
    make_program, make_sample, limits, scratch_root, processes_at_home_in
):
    def interrupt(*_) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        with ProcessEngine().open(make_program(SLEEP), limits) as worker:
            signal.setitimer(signal.ITIMER_REAL, 0.4)
            with pytest.raises(KeyboardInterrupt):
                worker.ask(make_sample(3))
            assert processes_at_home_in(scratch_root) == []
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert list(scratch_root.iterdir()) == []


def test_terminal_interrupt_does_not_reach_the_worker(make_program, limits):
    with ProcessEngine().open(make_program(SLEEP), limits) as worker:
        assert os.getsid(worker.pid) == worker.pid != os.getsid(0)


def test_worker_without_python_is_a_fault_of_ours(make_program, limits, monkeypatch, scratch_root):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(InfrastructureError, match=r"the worker cannot be started: .*No such file"):
        ProcessEngine().open(make_program(SLEEP), limits).__enter__()
    assert list(scratch_root.iterdir()) == []


def test_worker_that_ends_at_its_start_is_a_fault_of_ours(make_program, limits, monkeypatch, tmp_path):
    broken = tmp_path / "worker.py"
    broken.write_text("raise RuntimeError('no numpy here')\n")
    monkeypatch.setattr(process, "WORKER", broken)
    with pytest.raises(InfrastructureError, match="the worker did not start: RuntimeError: no numpy here"):
        ProcessEngine().open(make_program(SLEEP), limits).__enter__()


@pytest.mark.parametrize("missing", ["points.npy", "task.json", "distances.npy"])
def test_sample_that_cannot_be_read_is_a_fault_of_ours(missing, make_program, make_sample, limits):
    sample = make_sample(2, neighbors=4)
    (sample / missing).unlink()
    with ProcessEngine().open(make_program(SLEEP), limits) as worker:
        with pytest.raises(InfrastructureError, match=r"the sample c.*No such file"):
            worker.ask(sample)
        assert worker.ask(make_sample(2)).status == "ok"


def test_pickled_points_are_never_loaded(make_program, make_sample, limits):
    import numpy as np

    sample = make_sample(2)
    np.save(sample / "points.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with ProcessEngine().open(make_program(SLEEP), limits) as worker, pytest.raises(InfrastructureError):
        worker.ask(sample)


def test_no_scratch_is_a_fault_of_ours(make_program, make_sample, limits, scratch_root):
    with ProcessEngine().open(make_program(SLEEP), limits) as worker:
        [folder] = scratch_root.iterdir()
        folder.rmdir()
        folder.write_text("in the way")
        with pytest.raises(InfrastructureError, match="no working folder could be made"):
            worker.ask(make_sample(2))
        folder.unlink()
        assert worker.ask(make_sample(2)).status == "ok"


def wait_until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def test_a_kept_worker_serves_the_next_program_afresh(tmp_path):
    """The second program gets its own code and parameters, in the same worker, without a trace of the first."""
    source = (
        "SEEN = []\n\n\nclass E:\n    def __init__(self, value=1.0):\n        self.value = value\n\n"
        "    def fit(self, X, y=None):\n        SEEN.append(1)\n        self.dimension_ = self.value + len(SEEN)\n"
    )
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "estimator.py").write_text(source)
    write_sample(tmp_path / "sample", np.eye(5), 1, None, None)
    limits = Limits(wall_seconds=10.0)
    with ProcessEngine() as engine:
        with engine.open(Program(tmp_path / "first", "estimator.py:E", {"value": 10.0}), limits) as worker:
            assert worker.ask(tmp_path / "sample").dimension == 11.0
            pid = worker.pid
        with engine.open(Program(tmp_path / "second", "estimator.py:E", {"value": 20.0}), limits) as worker:
            assert worker.pid == pid
            assert worker.ask(tmp_path / "sample").dimension == 21.0
        os.kill(pid, signal.SIGKILL)
        psutil.Process(pid).wait(10) if psutil.pid_exists(pid) else None
        with engine.open(Program(tmp_path / "first", "estimator.py:E"), limits) as worker:
            assert worker.pid != pid
            assert worker.ask(tmp_path / "sample").dimension == 2.0
        last = worker.pid
    assert last is None or not psutil.pid_exists(last)


def test_a_compiled_file_never_stands_in_for_the_code(tmp_path):
    """A .pyc that claims to belong to the source is not run: what was hashed is what runs."""
    source = "class E:\n    def fit(self, X, y=None):\n        self.dimension_ = {}\n"
    path = tmp_path / "estimator.py"
    path.write_text(source.format("66.0"))
    py_compile.compile(str(path), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    assert list((tmp_path / "__pycache__").glob("*.pyc"))
    path.write_text(source.format("5.0"))
    write_sample(tmp_path / "sample", np.eye(5), 1, None, None)
    with ProcessEngine().open(Program(tmp_path, "estimator.py:E"), Limits()) as worker:
        assert worker.ask(tmp_path / "sample").dimension == 5.0
