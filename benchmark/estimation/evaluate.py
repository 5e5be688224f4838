"""One job of the estimator track: ask a worker every sample of a task, score the answers, make the result."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmark.errors import InfrastructureError
from benchmark.estimation.scoring import score_known, score_local, score_real
from benchmark.estimation.suites import Suite
from benchmark.estimation.tasks import Sample, Task, Truth
from benchmark.provenance import now, provenance
from benchmark.results import Answer, Result
from benchmark.sandbox.engine import Engine, Outcome, Worker
from benchmark.sandbox.samples import share, write_task
from benchmark.submissions import Submission


def evaluate(
    submission: Submission,
    task: Task,
    truth: Truth,
    suite: Suite,
    worker: Worker,
    engine: Engine,
    scratch: Path,
    fallback: Mapping[str, float],
) -> Result:
    """Ask `worker` every sample of `task` and return the result; a failed sample is an answer with its status.

    scratch: a folder for the sample folders that are handed over; each is removed after its answer.
    fallback: for each part the `constant` control's answer, which a failed sample counts as.
    """
    started = now()
    outcomes = [_ask(worker, sample, submission.neighbors, scratch) for sample in task.samples]
    answers = [
        _answer(sample, submission.neighbors, outcome) for sample, outcome in zip(task.samples, outcomes, strict=True)
    ]
    failed = next((answer for answer in answers if answer.status != "ok"), None)
    main = task.samples[0]
    return Result(
        suite=suite.name,
        suite_version=suite.content.version,
        suite_sha256=suite.sha256,
        submission=submission.name,
        submission_sha256=submission.sha256,
        task=truth.name,
        task_sha256=task.sha256,
        kind=truth.kind,
        family=truth.family,
        dataset=truth.dataset,
        view_sha256=truth.view_sha256,
        n=main.n,
        ambient_dimension=main.ambient_dimension,
        neighbors=submission.neighbors,
        truth=truth.dimension,
        status=failed.status if failed else "ok",
        reason=failed.reason if failed else "",
        answers=answers,
        scores=_scores(answers, outcomes, truth, fallback),
        secret_sha256=suite.secret_sha256,
        correction=submission.correction.value if submission.correction else None,
        provenance=provenance(engine, task.limits, started),
    )


def _scores(
    answers: list[Answer], outcomes: list[Outcome], truth: Truth, fallback: Mapping[str, float]
) -> dict[str, float]:
    if truth.kind == "local":
        # scored here, where all local dimensions still are: a result keeps their quartiles alone
        return score_local([outcome.pointwise for outcome in outcomes], [np.load(path) for path in truth.local])
    if truth.dimension is None:
        return score_real({answer.part: answer.dimension for answer in answers})
    return score_known(
        [answer.dimension for answer in answers],
        [answer.interval for answer in answers],
        truth.dimension,
        [fallback.get(answer.part) for answer in answers],
    )


def _ask(worker: Worker, sample: Sample, neighbors: int | None, scratch: Path) -> Outcome:
    folder = scratch / os.urandom(8).hex()  # the name tells nothing, and is never used twice
    folder.mkdir(parents=True)
    try:
        names = ["points.npy"] if neighbors is None else ["points.npy", "distances.npy", "indices.npy"]
        for name in names:
            share(sample.folder / name, folder / name)
        write_task(folder, sample.seed, neighbors)
        return worker.ask(folder)
    except InfrastructureError as error:
        return Outcome("infrastructure", f"{error}: not the submission's fault; the job runs again in the next run")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answer(sample: Sample, neighbors: int | None, outcome: Outcome) -> Answer:
    quartiles = None
    if outcome.pointwise:
        low, middle, high = np.quantile(outcome.pointwise, [0.25, 0.5, 0.75])
        quartiles = (float(low), float(middle), float(high))
    return Answer(
        part=sample.part,
        n=sample.n,
        ambient_dimension=sample.ambient_dimension,
        duplicates=sample.duplicates,
        certified=sample.certified,
        points_sha256=sample.points_sha256,
        seed=sample.seed,
        status=outcome.status,
        reason=outcome.reason,
        dimension=outcome.dimension,
        interval=outcome.interval,
        pointwise_quartiles=quartiles,
        wall_seconds=round(outcome.wall_seconds, 4),
        cpu_seconds=round(outcome.cpu_seconds, 4),
        peak_bytes=outcome.peak_bytes,
        graph_seconds=0.0 if neighbors is None else sample.graph_seconds,
    )
