"""Results made by hand, so that every number of a board can be worked out."""

import pytest

from benchmark.hashing import sha256_of
from benchmark.results import Answer, Result
from made_up_results import PROVENANCE


@pytest.fixture
def make():
    """A function that makes a result; estimates by part, None for a failed sample."""

    def result(submission, task, estimates, truth=None, **changes):
        answers = [
            Answer(
                part=part,
                n=100,
                ambient_dimension=9,
                duplicates=1,
                certified=1.0,
                points_sha256="0" * 64,
                seed=1,
                status="ok" if value is not None else "failed",
                reason="" if value is not None else "fit raised ValueError: no",
                dimension=value,
                wall_seconds=0.5,
                graph_seconds=0.25,
            )
            for part, value in estimates.items()
        ]
        failed = next((answer for answer in answers if answer.status != "ok"), None)
        fields = {
            "suite": "tiny",
            "suite_version": "1",
            "suite_sha256": "a" * 64,
            "submission": submission,
            "submission_sha256": sha256_of(submission),
            "task": task,
            "task_sha256": sha256_of(task),
            "kind": "known" if truth else "real",
            "family": task.partition("/")[0] if truth else "radiology",
            "dataset": None if truth else task.partition("/")[2],
            "view_sha256": None if truth else "b" * 64,
            "n": 100,
            "ambient_dimension": 9,
            "neighbors": 20,
            "truth": truth,
            "status": failed.status if failed else "ok",
            "reason": failed.reason if failed else "",
            "answers": answers,
            "provenance": PROVENANCE,
        }
        return Result(**(fields | changes))

    return result
