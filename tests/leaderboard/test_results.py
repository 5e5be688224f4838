"""Result files: the same after a round trip, whole or not at all, and one sentence for what is no result."""

import signal
import subprocess
import sys

import pytest
from pydantic import ValidationError

from benchmark.errors import UserError
from benchmark.results import SCHEMA_VERSION, finished, iter_results, read_result, write_result


@pytest.fixture
def result(make):
    return make("mine", "classic/a", {"seed-0": 1 / 3, "seed-1": None}, truth=2.0)


def test_round_trip_to_the_last_bit(tmp_path, result):
    path = write_result(tmp_path, result)
    assert path == tmp_path / "tiny" / "mine" / f"{result.job_sha256[:16]}.json"
    assert read_result(path) == result
    assert list(iter_results(tmp_path, "tiny")) == [result]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_job_is_submission_and_task_alone(make):
    first = make("mine", "classic/a", {"seed-0": 1.0}, truth=2.0)
    again = make("mine", "classic/a", {"seed-0": 5.0}, truth=2.0)
    assert first.job_sha256 == again.job_sha256
    assert make("mine", "classic/b", {"seed-0": 1.0}, truth=2.0).job_sha256 != first.job_sha256


def test_faults_of_ours_are_run_again(tmp_path, make):
    ours = make("mine", "classic/a", {"seed-0": 1.0}, truth=2.0, status="infrastructure")
    theirs = make("mine", "classic/b", {"seed-0": None}, truth=2.0)
    for each in (ours, theirs):
        write_result(tmp_path, each)
    assert finished(tmp_path, "tiny") == {theirs.job_sha256}


def test_older_versions_are_migrated_on_read(tmp_path, result):
    path = write_result(tmp_path, result)
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 0').replace('"task"', '"job"'))

    def rename(content):
        return {("task" if key == "job" else key): value for key, value in content.items()}

    assert read_result(path, {0: rename}) == result


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no result of ManifoldBench, or is damaged"),
        ('{"schema_version": 1, "suite": ', "is no result of ManifoldBench, or is damaged"),
        ("[1, 2]", "is no result of ManifoldBench, or is damaged"),
        ('{"schema_version": "1"}', "is no result of ManifoldBench, or is damaged"),
        ("\x00", "is no result of ManifoldBench, or is damaged"),
        ('{"schema_version": 0}', "has schema version 0, which this program no longer reads"),
        (f'{{"schema_version": {SCHEMA_VERSION + 1}}}', rf"has schema version {SCHEMA_VERSION + 1}, .*: update it"),
        ('{"schema_version": 1, "suite": "x"}', "suite_version is missing"),
    ],
)
def test_what_is_no_result_is_one_sentence_with_its_name(tmp_path, text, sentence):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"x\.json: .*{sentence}"):
        read_result(path)


def test_a_stray_partial_file_stops_nobody(tmp_path, result):
    path = write_result(tmp_path, result)
    (path.parent / ".partial-xyz").write_text("{")
    assert list(iter_results(tmp_path, "tiny")) == [result]


def test_a_full_disk_is_one_sentence_and_keeps_the_old_file(tmp_path, result):
    """A real file system with no room left."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        path = write_result(folder, result)
        before = path.read_bytes()
        with (folder / "filler").open("wb") as stream:
            code = "import os, sys\ntry:\n while True: os.write(int(sys.argv[1]), b'x' * 4096)\nexcept OSError: pass"
            subprocess.run([sys.executable, "-c", code, str(stream.fileno())], pass_fds=[stream.fileno()], check=True)
        with pytest.raises(UserError, match=r"\.json: cannot be written: No space left on device\."):
            write_result(folder, result)
        assert path.read_bytes() == before
        assert [file.name for file in path.parent.iterdir()] == [path.name]
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_place_that_is_no_folder_is_one_sentence(tmp_path, result):
    (tmp_path / "tiny").write_text("")
    with pytest.raises(UserError, match=r"\.json: cannot be written: (Not a directory|File exists)\."):
        write_result(tmp_path, result)


def test_what_cannot_be_read_says_why(tmp_path):
    (tmp_path / "x.json").mkdir()
    with pytest.raises(UserError, match=r"x\.json: cannot be read: Is a directory\."):
        read_result(tmp_path / "x.json")


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_refused_before_it_is_written(make, score):
    with pytest.raises(ValidationError, match="finite number"):
        make("mine", "classic/a", {"seed-0": 1.0}, truth=2.0, scores={"error": score})


KILLED_BEFORE = """
import os, signal, sys
from pathlib import Path
from benchmark.results import read_result, write_result
setattr(os, sys.argv[2], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
result = read_result(Path(sys.argv[1]))
write_result(Path(sys.argv[1]).parents[2], result.model_copy(update={"reason": "new"}))
"""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_kill_while_writing_keeps_the_old_file_whole(tmp_path, result, moment):
    """Until the last step, the name belongs to the old content."""
    path = write_result(tmp_path, result)
    killed = subprocess.run([sys.executable, "-c", KILLED_BEFORE, str(path), moment], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(iter_results(tmp_path, "tiny")) == [result]
    write_result(tmp_path, result.model_copy(update={"reason": "new"}))
    assert [each.reason for each in iter_results(tmp_path, "tiny")] == ["new"]
