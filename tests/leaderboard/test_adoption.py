"""A newer version of a suite takes over the results of those tasks that it did not change."""

import tomllib
from types import SimpleNamespace

from benchmark.estimation.adoption import adopt
from benchmark.estimation.suites import Suite, SuiteFile
from benchmark.results import iter_results, read_result, result_path, write_result

HEAD = 'version = "2"\ndescription = "d"\nbudget = { wall_seconds = 5.0, cpu_seconds = 5.0, memory_gib = 1.0 }\n'
SUITE = Suite("tiny", SuiteFile.model_validate(tomllib.loads(HEAD)))


def asked(**tasks):
    """Tasks by name (with _ for /) and hash, as `build_tasks` returns them."""
    return [
        (SimpleNamespace(sha256=value), SimpleNamespace(name=name.replace("_", "/"))) for name, value in tasks.items()
    ]


def test_unchanged_tasks_are_adopted_and_everything_else_stays(tmp_path, make):
    same = make("mine", "classic/a", {"seed-0": 3.0}, truth=2.0, task_sha256="1")
    changed = make("mine", "classic/b", {"seed-0": 3.0}, truth=2.0, task_sha256="old")
    gone = make("mine", "classic/c", {"seed-0": 3.0}, truth=2.0, task_sha256="3")
    renamed = make("mine", "classic/d", {"seed-0": 3.0}, truth=2.0, task_sha256="4")
    for result in (same, changed, gone, renamed):
        write_result(tmp_path, result)
    assert adopt(tmp_path, SUITE, asked(classic_a="1", classic_b="new", classic_e="4")) == 1
    found = {result.task: result for result in iter_results(tmp_path, "tiny")}
    assert found["classic/a"] == same.model_copy(update={"suite_version": "2", "suite_sha256": SUITE.sha256})
    assert [found[f"classic/{name}"] for name in "bcd"] == [changed, gone, renamed]
    assert read_result(result_path(tmp_path, "tiny", "mine", same.job_sha256)) == found["classic/a"]


def test_a_second_time_there_is_nothing_to_adopt(tmp_path, make):
    write_result(tmp_path, make("mine", "classic/a", {"seed-0": 3.0}, truth=2.0, task_sha256="1"))
    assert adopt(tmp_path, SUITE, asked(classic_a="1")) == 1
    assert adopt(tmp_path, SUITE, asked(classic_a="1")) == 0


def test_results_of_another_suite_are_left_alone(tmp_path, make):
    other = make("mine", "classic/a", {"seed-0": 3.0}, truth=2.0, task_sha256="1", suite="other")
    write_result(tmp_path, other)
    assert adopt(tmp_path, SUITE, asked(classic_a="1")) == 0
    assert list(iter_results(tmp_path, "other")) == [other]
