"""Results that a newer version of a suite takes over: what it asks again need not be answered again."""

from collections.abc import Iterable
from pathlib import Path

from benchmark.estimation.suites import Suite
from benchmark.estimation.tasks import Task, Truth
from benchmark.results import iter_results, write_result


def adopt(root: Path, suite: Suite, tasks: Iterable[tuple[Task, Truth]]) -> int:
    """Give the results below `root` of the suite's other versions its present version, where their task is unchanged.

    A job is a submission asked a task, whatever the suite. The task's hash covers its arrays, seeds and budget, and the
    submission's hash its code and parameters: where the name and the hash of a task are those of now, running the job
    again would ask the same question of the same code. What else a version changed (other tasks, their number, the
    description) is no part of such a result, so the suite's version and hash are the only fields that are rewritten;
    what ran the job, and when, stays as it was. Results of tasks that are not among `tasks` are left alone.

    Returns how many were rewritten. Raises UserError as `benchmark.results.read_result` and `write_result` do.
    """
    asked = {truth.name: task.sha256 for task, truth in tasks}
    adopted = 0
    for result in iter_results(root, suite.name):
        if result.suite_sha256 != suite.sha256 and asked.get(result.task) == result.task_sha256:
            changes = {"suite_version": suite.content.version, "suite_sha256": suite.sha256}
            write_result(root, result.model_copy(update=changes))
            adopted += 1
    return adopted
