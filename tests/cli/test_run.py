"""The verb `run`, as typed: selection, resuming, failures as rows, and being killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmark import __version__
from benchmark.cli import cli, main
from benchmark.paths import REPOSITORY
from benchmark.results import iter_results

SUITE = """
version = "1"
description = "For tests."
budget = { wall_seconds = 5.0, cpu_seconds = 10.0, memory_gib = 1.0 }
known = [{ family = "classic", manifolds = ["M1_Sphere", "M7_Roll"], n = 120, seeds = 2 }]
real = [{ views = [{ dataset = "digits", count = 120 }], splits = 1 }]
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    path = tmp_path_factory.mktemp("suite") / "tiny.toml"
    path.write_text(SUITE)
    return path


def run(*arguments):
    return CliRunner().invoke(cli, ["run", *map(str, arguments)])


def submission(folder: Path, body: str, name: str = "mine", extra: str = "") -> Path:
    """Write a submission whose `fit` has the given body."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "submission.toml").write_text(
        f'name = "{name}"\ntrack = "estimators"\nentry = "estimator.py:Mine"\nauthors = ["A"]\n'
        f'licence = "MIT"\nreference = "none"\ndescription = "For tests."\n{extra}'
    )
    (folder / "estimator.py").write_text(
        "import time\nimport numpy as np\n\n\nclass Mine:\n    def fit(self, X, y=None):\n"
        + "".join(f"        {line}\n" for line in body.splitlines())
        + "        return self\n"
    )
    return folder


def answers(root: Path, name: str = "tiny") -> dict:
    """Dimension and status of every answer in a results folder, without times."""
    return {
        (result.submission, result.task, answer.part): (answer.status, answer.dimension)
        for result in iter_results(root, name)
        for answer in result.answers
    }


def test_a_run_writes_a_result_for_each_job_and_prints_the_board(tmp_path, suite):
    mine = submission(tmp_path / "mine", "self.dimension_ = float(X.shape[1])")
    outcome = run(mine, "random", "--suite", suite, "--results", tmp_path / "results")
    assert outcome.exit_code == 0, outcome.output
    assert "mine" in outcome.stdout
    assert "constant" in outcome.stdout  # the control is part of every run
    found = answers(tmp_path / "results")
    assert len(found) == 3 * (2 + 2 + 5)
    assert found["mine", "classic/M1_Sphere", "seed-0"] == ("ok", 11.0)
    assert found["mine", "real/digits", "whole"] == ("ok", 64.0)
    assert found["mine", "real/digits", "low-rounded"] == ("ok", 16.0)


def test_finished_jobs_are_not_run_again(tmp_path, suite):
    mine = submission(tmp_path / "mine", "self.dimension_ = float(time.time())")
    arguments = (mine, "--suite", suite, "--results", tmp_path / "results")
    run(*arguments)
    before = answers(tmp_path / "results")
    again = run(*arguments)
    assert "0 jobs to run" in again.stderr
    assert answers(tmp_path / "results") == before


def test_another_description_does_not_run_again_but_other_code_does(tmp_path, suite):
    mine = submission(tmp_path / "mine", "self.dimension_ = 2.0")
    arguments = (mine, "--suite", suite, "--results", tmp_path / "results")
    run(*arguments)
    submission(tmp_path / "mine", "self.dimension_ = 2.0", extra='slow = "said later"\n')
    assert "0 jobs to run" in run(*arguments).stderr
    submission(tmp_path / "mine", "self.dimension_ = 3.0")
    assert "3 jobs to run" in run(*arguments).stderr


def test_json_is_the_board(tmp_path, suite):
    mine = submission(tmp_path / "mine", "self.dimension_ = 2.0")
    outcome = run(mine, "--suite", suite, "--results", tmp_path / "results", "--json")
    board = json.loads(outcome.stdout)["estimators"]
    assert {row["submission"] for row in board["rows"]} == {"mine", "constant"}


def test_the_same_samples_whatever_the_order_of_submissions(tmp_path, suite):
    run("random", "mle", "--suite", suite, "--results", tmp_path / "a", "--jobs", 1)
    run("mle", "random", "--suite", suite, "--results", tmp_path / "b", "--jobs", 2)
    assert answers(tmp_path / "a") == answers(tmp_path / "b")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nonsense"], 'There is no submission "nonsense"'),
        (["constant", "--suite", "huge"], 'There is no suite "huge"'),
    ],
)
def test_a_wrong_word_is_one_sentence(words, sentence, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["manifoldbench", "run", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith(f"Error: {sentence}")
    assert error.count("\n") == 1


def test_an_unknown_key_in_a_suite_is_one_sentence(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SUITE + 'colour = "red"\n')
    outcome = run("constant", "--suite", path)
    assert re.search(r"mine\.toml: unknown key colour; allowed: version,", str(outcome.exception))


def test_an_absent_dataset_is_left_out_and_said(tmp_path, suite, monkeypatch):
    monkeypatch.setenv("MANIFOLDBENCH_DATA", str(tmp_path / "nothing"))
    path = tmp_path / "absent.toml"
    path.write_text(SUITE.replace("views = [", 'views = [{ dataset = "kmnist", count = 100 }, '))
    outcome = run("constant", "--suite", path, "--results", tmp_path / "results")
    assert outcome.exit_code == 0, outcome.output
    assert "Left out: real/kmnist" in outcome.stdout
    assert "manifoldbench data get kmnist" in outcome.stdout


HOSTILE = {
    "raises": ("raise ValueError('no such thing')", "failed", "ValueError: no such thing"),
    "nan": ("self.dimension_ = float('nan')", "invalid", "nan"),
    "negative": ("self.dimension_ = -1.0", "invalid", "-1"),
    "string": ("self.dimension_ = '12'", "invalid", "'12'"),
    "array": ("self.dimension_ = np.ones(3)", "invalid", "array"),
    "sleeps": ("time.sleep(60)", "timeout", "6 s"),
    "allocates": ("self.big = np.ones(1 << 29)", "out_of_memory", "MiB"),
    "prints": ("while True: print('x' * 1_000_000)", "refused", "printed"),
    "exits": ("import os; os._exit(3)", "crashed", "3"),
    "forks": ("import os\nwhile True: os.fork()", "refused", "processes"),
    "deletes": (
        "import os, shutil\nshutil.rmtree(os.getcwd(), ignore_errors=True)\nself.dimension_ = 2.0",
        "ok",
        "",
    ),
}


def test_what_goes_wrong_in_a_submission_is_a_row_and_the_run_goes_on(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text(
        'version = "1"\ndescription = "d"\nbudget = { wall_seconds = 6.0, cpu_seconds = 12.0, memory_gib = 0.3 }\n'
        'known = [{ family = "classic", manifolds = ["M7_Roll"], n = 60, seeds = 1 }]\n'
    )
    folders = [submission(tmp_path / name, body, name) for name, (body, _, _) in HOSTILE.items()]
    outcome = run(*folders, "twonn", "--suite", path, "--results", tmp_path / "results", "--jobs", 2)
    assert outcome.exit_code == 0, outcome.output
    found = {result.submission: result for result in iter_results(tmp_path / "results", "short")}
    for name, (_, status, fragment) in HOSTILE.items():
        assert found[name].status == status, (name, found[name].reason)
        assert fragment in found[name].reason
        assert "\n" not in found[name].reason
    assert found["twonn"].status == "ok"
    # a failed sample scores as the constant control does, never better
    constant = found["constant"].scores
    for name, (_, status, _) in HOSTILE.items():
        if status != "ok":
            assert found[name].scores["error"] == constant["error"]


def start(suite, results, *names, before=()):
    command = [
        *before,
        sys.executable,
        "-m",
        "benchmark.cli",
        "run",
        *names,
        "--suite",
        str(suite),
        "--results",
        str(results),
    ]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)


def wait_for_results(results: Path, count: int, process) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if len(list(results.rglob("*.json"))) >= count:
            return
        time.sleep(0.02)


@pytest.mark.parametrize("moment", [1, 3, 6])
def test_killed_at_any_moment_it_gives_the_same_scores_when_started_again(tmp_path, suite, moment):
    names = ("random", "mle")
    undisturbed = run(*names, "--suite", suite, "--results", tmp_path / "whole")
    assert undisturbed.exit_code == 0
    process = start(suite, tmp_path / "killed", *names)
    wait_for_results(tmp_path / "killed", moment, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run(*names, "--suite", suite, "--results", tmp_path / "killed")
    assert answers(tmp_path / "killed") == answers(tmp_path / "whole")


def test_an_interrupt_keeps_what_is_finished(tmp_path, suite, interruptible):
    slow = submission(tmp_path / "slow", "time.sleep(1.5)\nself.dimension_ = 2.0", "slow")
    process = start(suite, tmp_path / "results", str(slow), before=interruptible)
    wait_for_results(tmp_path / "results", 4, process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Interrupted: what is finished is kept" in error
    kept = answers(tmp_path / "results")
    assert kept
    assert all(status == "ok" for status, _ in kept.values())


def test_code_from_elsewhere_is_warned_about_in_the_process_engine(suite, tmp_path):
    """Which runs it as the user; the repository's own rows are not strangers."""
    folder = submission(tmp_path / "mine", "self.dimension_ = 2.0")
    warning = "Warning: mine runs as you on this machine; `--sandbox docker` shuts it in (RULES.md)."
    ran = run(folder, "twonn", "--suite", suite, "--results", tmp_path / "results")
    assert ran.exit_code == 0, ran.output
    assert [line for line in ran.stderr.splitlines() if line.startswith("Warning")] == [warning]
    assert "Warning" not in run("twonn", "--suite", suite, "--results", tmp_path / "results").stderr


def test_a_checkout_runs_without_being_installed():
    """Python is told of no installed package of this name, as on a machine where nothing can be installed."""
    hide = (
        "import importlib.metadata as m, sys\n"
        "find = m.distribution\n"
        "def other(name):\n"
        "    if name == 'manifoldbench':\n"
        "        raise m.PackageNotFoundError(name)\n"
        "    return find(name)\n"
        "m.distribution = other\n"
        "from benchmark.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", hide, "--version"]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert run.stdout == f"manifoldbench, version {__version__}\n"
