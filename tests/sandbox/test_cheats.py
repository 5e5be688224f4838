"""Every submission of tests/cheats gets its status and its sentence, leaves nothing, and the next sample is ok."""

import contextlib
import os
import re
import socket
from dataclasses import replace
from pathlib import Path

import docker
import psutil
import pytest

from benchmark.sandbox import asking
from benchmark.sandbox.confine import landlock_abi
from benchmark.sandbox.docker import DockerWorker
from benchmark.sandbox.engine import Program
from benchmark.sandbox.process import ProcessEngine
from benchmark.submissions import load_submissions

CHEATS = Path(__file__).parents[1] / "cheats"
FORGED = "the answer was not written by the worker: set dimension_ in fit, and leave the answer to it"
NO_SIGNALS = landlock_abi() >= 6
NO_WRITING = landlock_abi() >= 1

# name: status, reason, limits that differ from the fixture's
EXPECTED = {
    "raises": ("failed", "fit raised ValueError: the estimator gave up (estimator.py, line 9)", {}),
    "raises-control-characters": (
        "failed",
        "fit raised RuntimeError: [31mred [0m <script> " + "a" * 278 + "… (estimator.py, line 9)",
        {},
    ),
    "fails-to-import": (
        "failed",
        "importing estimator.py raised ModuleNotFoundError: No module named 'a_package_that_is_not_there' "
        "(estimator.py, line 3)",
        {},
    ),
    "returns-nothing": ("invalid", "fit left no dimension_: set it to a positive finite number", {}),
    "returns-nan": ("invalid", "dimension_ is nan, not a finite number", {}),
    "returns-negative": ("invalid", "dimension_ is -1, not a positive number", {}),
    "returns-text": (
        "invalid",
        "dimension_ is the text '12', not a number: set it to a positive finite number",
        {},
    ),
    "returns-array": (
        "invalid",
        "dimension_ is an array of shape (3,) and type float64, not a number: set it to a positive finite number",
        {},
    ),
    "returns-boolean": (
        "invalid",
        "dimension_ is the boolean True, not a number: set it to a positive finite number",
        {},
    ),
    "returns-complex": (
        "invalid",
        "dimension_ is the complex number (1+2j), not a number: set it to a positive finite number",
        {},
    ),
    "returns-html": (
        "invalid",
        "dimension_ is the text '<script>alert(1)</script>', not a number: set it to a positive finite number",
        {},
    ),
    "returns-object": (
        "invalid",
        "dimension_ is of type Trap, not a number: set it to a positive finite number",
        {},
    ),
    "inverts-interval": ("invalid", "dimension_interval_ is (3, 1): its low end is above its high end", {}),
    "miscounts-pointwise": (
        "invalid",
        "dimension_pw_ has 59 values, and X has 60 rows: set one for each row",
        {},
    ),
    "answers-too-much": (
        "refused",
        "an answer of more than 64 KiB: dimension_pw_ is an array of shape (10000000,) and type float64",
        {},
    ),
    "sleeps": ("timeout", "no answer within 0.4 s of wall-clock time (X is 60 x 3)", {"wall_seconds": 0.4}),
    "spins": ("timeout", "no answer within 0.4 s of CPU time (X is 60 x 3)", {"cpu_seconds": 0.4}),
    "ignores-signals": ("timeout", "no answer within 0.4 s of wall-clock time (X is 60 x 3)", {"wall_seconds": 0.4}),
    "allocates": ("out_of_memory", "more than 200 MiB of memory in use (X is 60 x 3)", {}),
    "allocates-in-children": ("out_of_memory", "more than 200 MiB of memory in use (X is 60 x 3)", {}),
    "prints": ("refused", "more than 1 MiB printed", {}),
    "prints-control-characters": ("ok", "", {}),
    "exits": ("crashed", "the process ended with exit code 3 before it answered", {}),
    "exits-at-once": ("crashed", "the process ended with exit code 0 before it answered", {}),
    "kills-itself": ("crashed", "the process was ended by SIGKILL before it answered", {}),
    "segfaults": ("crashed", "the process was ended by SIGSEGV before it answered", {}),
    "fork-bomb": ("refused", "more than 8 processes at one time", {}),
    "leaves-daemon": ("ok", "", {}),
    "kills-parent": (
        "failed",
        "fit raised PermissionError: [Errno 1] Operation not permitted (estimator.py, line 13)",
        {},
    )
    if NO_SIGNALS
    else (
        "crashed",
        "the worker was ended by SIGKILL during this sample: a submission may signal only its own processes",
        {},
    ),
    "stops-parent": (
        "failed",
        "fit raised PermissionError: [Errno 1] Operation not permitted (estimator.py, line 13)",
        {},
    )
    if NO_SIGNALS
    else ("timeout", "no answer within 1 s of wall-clock time (X is 60 x 3)", {"wall_seconds": 1}),
    "deletes-working-folder": ("ok", "", {}),
    "deletes-sample": ("ok", "", {}) if NO_WRITING else ("refused", "the files of the sample were changed", {}),
    "fills-disk": ("refused", "more than 4 MiB or 100,000 files in the working folder", {}),
    "fills-disk-with-small-files": ("refused", "more than 4 MiB or 100,000 files in the working folder", {}),
    "nests-folders": ("refused", "more than 4 MiB or 100,000 files in the working folder", {}),
    "leaves-links": ("ok", "", {}),
    "forges-answer": ("refused", FORGED, {}),
    "forges-pickle": ("refused", FORGED, {}),
    "forges-fault": ("crashed", "the process ended with exit code 1 before it answered", {}),
    "patches-json": ("refused", FORGED, {}),
    "raises-privileges": ("ok", "", {}),
    "searches-files": ("ok", "", {}),
    "patches-numpy": ("invalid", "dimension_ is inf, not a finite number", {}),
}
FINDS = {"raises-privileges": "gained:", "searches-files": "found:"}
NEVER_HEALTHY = {"fails-to-import"}
ASKED_APART = {"keeps-state", "searches-truth", "writes-outside", "connects", "resolves-names"}


def test_every_cheat_is_asked():
    assert {folder.name for folder in CHEATS.iterdir()} == EXPECTED.keys() | ASKED_APART


@pytest.fixture
def _short_grace(monkeypatch):
    """A submission that stops its worker (older kernels) is waited for this long beyond its limit."""
    monkeypatch.setattr(asking, "GRACE_SECONDS", 5.0)


@pytest.mark.usefixtures("_short_grace")
@pytest.mark.parametrize("name", EXPECTED)
def test_cheat_gets_its_status_and_sentence(
    name, real_engine, make_sample, limits, scratch_root, processes_at_home_in, record
):
    status, reason, differing = EXPECTED[name]
    worker_limits = replace(limits, **differing)
    with real_engine.open(program(name), worker_limits) as worker:
        outcome = worker.ask(make_sample(3))
        assert (outcome.status, outcome.reason) == (status, reason)
        assert (outcome.dimension is None) == (status != "ok")
        assert processes_below(worker) == []
        again = worker.ask(make_sample(2))
        if name not in NEVER_HEALTHY:
            assert (again.status, again.reason, again.dimension) == ("ok", "", 2.0)
    assert processes_at_home_in(scratch_root) == []
    assert list(scratch_root.iterdir()) == []
    if name in FINDS:  # what it prints is what it got
        assert outcome.output_tail.strip() == FINDS[name]
    record(name, real_engine, outcome)


def processes_below(worker):
    """What runs beside the worker itself, in its process tree or its container."""
    if isinstance(worker, DockerWorker):
        if worker.container_id is None:
            return []
        with contextlib.closing(docker.from_env()) as client:
            return client.containers.get(worker.container_id).top()["Processes"][1:]
    return psutil.Process(worker.pid).children(recursive=True) if worker.pid is not None else []


def test_what_is_printed_loses_its_control_characters(real_engine, make_sample, limits):
    with real_engine.open(program("prints-control-characters"), limits) as worker:
        outcome = worker.ask(make_sample())
    assert outcome.output_tail == "[2J ]0;owned �� visible"


def test_nothing_is_kept_between_samples(real_engine, make_sample, limits, record):
    with real_engine.open(program("keeps-state"), limits) as worker:
        outcomes = [worker.ask(make_sample()) for _ in range(3)]
    assert [outcome.dimension for outcome in outcomes] == [1.0, 1.0, 1.0]
    record("keeps-state", real_engine, outcomes[-1])


def test_harness_cannot_be_searched(real_engine, make_sample, limits, tmp_path, monkeypatch, record):
    """Neither by environment, nor by open files of the processes above, nor by a path that a submission guesses."""
    word = "truth" + os.urandom(8).hex()
    monkeypatch.setenv("MANIFOLDBENCH_TEST", word[:2] + "-" + word)
    truth = tmp_path / "truth.json"
    truth.write_text(word)
    with (
        truth.open() as held,
        real_engine.open(program("searches-truth", word=word, path=str(truth)), limits) as worker,
    ):
        outcome = worker.ask(make_sample())
        assert held.read() == word
    found = outcome.output_tail.split()
    assert (outcome.status, found[0]) == ("ok", "found:"), outcome.reason
    assert {"MANIFOLDBENCH_TEST", "benchmark", "/proc/self/environ"}.isdisjoint(found)
    contained = found == ["found:"]
    if NO_WRITING or real_engine.name == "docker":  # else the files of this user can be read, as RULES.md says
        assert contained
    record("searches-truth", real_engine, outcome, contained)


def test_only_the_working_folder_can_be_written(real_engine, make_sample, limits, tmp_path, record):
    results = tmp_path / "result.json"
    results.write_text("{}")
    with real_engine.open(program("writes-outside", path=str(results)), limits) as worker:
        outcome = worker.ask(make_sample())
    contained = results.read_text() == "{}"
    if NO_WRITING or real_engine.name == "docker":
        assert outcome.status == "failed"
        assert re.search(r"(PermissionError: \[Errno 13\]|FileNotFoundError: \[Errno 2\])", outcome.reason)
        assert contained
    record("writes-outside", real_engine, replace(outcome, reason=without_path(outcome.reason)), contained)


def test_no_connection_can_be_opened(real_engine, make_sample, limits, record):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with real_engine.open(program("connects", port=port), limits) as worker:
            outcome = worker.ask(make_sample())
    contained = outcome.status == "failed"
    if landlock_abi() >= 4:
        assert "PermissionError" in outcome.reason
    elif real_engine.name == "docker":
        assert "ConnectionRefusedError" in outcome.reason
    record("connects", real_engine, outcome, contained)


def test_a_container_has_no_way_to_send_or_to_resolve(docker_engine, make_sample, limits, record):
    with docker_engine.open(program("resolves-names"), limits) as worker:
        outcome = worker.ask(make_sample())
    assert (outcome.status, outcome.reason) == (
        "failed",
        "fit raised OSError: [Errno 101] Network is unreachable (estimator.py, line 12)",
    )
    record("resolves-names", docker_engine, outcome)


def test_processes_of_this_user_can_send_datagrams(make_sample, limits, record):
    """Which the kernel's Landlock does not restrict: RULES.md says so, and the run warns."""
    with ProcessEngine().open(program("resolves-names"), limits) as worker:
        outcome = worker.ask(make_sample())
    assert outcome.status in ("ok", "failed", "timeout")  # as the machine's own network has it
    record("resolves-names", ProcessEngine(), outcome, contained=False)


def without_path(reason: str) -> str:
    """The sentence without the name of this test's own folder."""
    return re.sub(r"'/[^']*/", "'.../", reason)


def program(name: str, **parameters) -> Program:
    [submission] = load_submissions(CHEATS / name)
    return Program(submission.folder, submission.manifest.entry, submission.parameters | parameters)
