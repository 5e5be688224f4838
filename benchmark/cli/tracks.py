"""The two tracks as `manifoldbench run` sees them: what a suite asks, how the jobs run, which boards come out."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from benchmark.cli.progress import RunDisplay
from benchmark.data.store import cache_root
from benchmark.estimation.adoption import adopt
from benchmark.estimation.evaluate import evaluate
from benchmark.estimation.suites import Suite
from benchmark.estimation.tasks import LeftOut, Task, Truth, build_tasks
from benchmark.leaderboard import CONTROL, board_content, control_answers, load_board, to_text
from benchmark.results import finished, iter_results, job_sha256, write_result
from benchmark.sandbox.engine import Engine, Worker
from benchmark.scheduling.local import Work, run_all, slots_for
from benchmark.submissions import Submission
from benchmark.training import board as models
from benchmark.training.evaluate import train_and_score
from benchmark.training.results import finished_trainings, write_training_result
from benchmark.training.tasks import TrainingTask, TrainingTruth, tasks_of_blocks

Building = Callable[[str, int, int], None]


class TrackRun(Protocol):
    """One track of a run."""

    control: str
    """Submission whose results stand in for those of a failure; it is part of every run."""

    def prepare(self, suite: Suite, root: Path, building: Building) -> list[LeftOut]:
        """Build what the suite asks of this track; returns what cannot be asked on this machine."""
        ...

    @property
    def asked(self) -> int:
        """How many tasks there are."""
        ...

    def run(
        self, chosen: Sequence[Submission], suite: Suite, root: Path, engine: Engine, jobs: int | None, show: RunDisplay
    ) -> None:
        """Run the jobs that have no result yet, the control's first."""
        ...

    def text(self, root: Path, suite: Suite) -> str:
        """The boards for a terminal."""
        ...

    def content(self, root: Path, suite: Suite) -> Any:
        """The boards for a program, as plain values."""
        ...


class EstimatorRun:
    """Estimators of the intrinsic dimension."""

    control = CONTROL

    def __init__(self) -> None:
        self._tasks: list[tuple[Task, Truth]] = []

    @property
    def asked(self) -> int:
        """How many tasks there are."""
        return len(self._tasks)

    def prepare(self, suite: Suite, root: Path, building: Building) -> list[LeftOut]:
        """Build the samples and their graphs."""
        self._tasks, left_out = build_tasks(suite, cache_root() / "samples", root, building)
        return left_out

    def run(
        self, chosen: Sequence[Submission], suite: Suite, root: Path, engine: Engine, jobs: int | None, show: RunDisplay
    ) -> None:
        """Ask every estimator every sample."""
        adopt(root, suite, self._tasks)
        left = unfinished(chosen, self._tasks, finished(root, suite.name))
        slots = slots_for((task.limits for task, _ in self._tasks), jobs)

        def work(
            submission: Submission, task: Task, truth: Truth, scratch: Path, fallback: Mapping[str, float]
        ) -> Work:
            def ask(worker: Worker) -> None:
                result = evaluate(submission, task, truth, suite, worker, engine, scratch, fallback)
                write_result(root, result)
                seconds = sum(answer.wall_seconds for answer in result.answers)
                show.finished(result.submission, result.status, seconds)

            return Work(submission.name, submission.program, task.limits, ask)

        with (
            tempfile.TemporaryDirectory(prefix="manifoldbench-", ignore_cleanup_errors=True) as scratch,
            show.running(len(left), len(chosen) * len(self._tasks) - len(left), slots),
        ):
            # The control goes first: what the others fail is scored by its answers.
            run_all([work(*item, Path(scratch), {}) for item in left if item[0].name == CONTROL], engine, slots)
            fallbacks = {
                result.task_sha256: control_answers(result.answers)
                for result in iter_results(root, suite.name)
                if result.submission == CONTROL
            }
            rest = [item for item in left if item[0].name != CONTROL]
            run_all([work(*item, Path(scratch), fallbacks.get(item[1].sha256, {})) for item in rest], engine, slots)

    def text(self, root: Path, suite: Suite) -> str:
        """The board for a terminal."""
        return to_text(load_board(root, suite.name))

    def content(self, root: Path, suite: Suite) -> Any:
        """The board for a program."""
        return board_content(load_board(root, suite.name))


class ModelRun:
    """Models that a protocol trains."""

    control = models.CONTROL

    def __init__(self) -> None:
        self._tasks: list[tuple[TrainingTask, TrainingTruth]] = []

    @property
    def asked(self) -> int:
        """How many tasks there are."""
        return len(self._tasks)

    def prepare(self, suite: Suite, root: Path, building: Building) -> list[LeftOut]:  # noqa: ARG002 - no certificates
        """Put down the images of every task."""
        self._tasks, left_out = tasks_of_blocks(suite.content.training, building)
        return left_out

    def run(
        self, chosen: Sequence[Submission], suite: Suite, root: Path, engine: Engine, jobs: int | None, show: RunDisplay
    ) -> None:
        """Train every model for every task."""
        for submission in chosen:  # a learning rate that is not offered is said before anything is trained
            for task, _ in self._tasks:
                task.protocol.recipe(submission.manifest.name, submission.manifest.learning_rate)
        left = unfinished(chosen, self._tasks, finished_trainings(root, suite.name))
        slots = slots_for((task.limits for task, _ in self._tasks), jobs)
        named = (suite.name, suite.content.version)

        def work(submission: Submission, task: TrainingTask, truth: TrainingTruth, scratch: Path) -> Work:
            def ask(worker: Worker) -> None:
                result = train_and_score(submission, task, truth, named, worker, engine, scratch)
                write_training_result(root, result)
                show.finished(result.submission, result.status, sum(run.wall_seconds for run in result.runs))

            return Work(submission.name, submission.program, task.limits, ask)

        with (
            tempfile.TemporaryDirectory(prefix="manifoldbench-", ignore_cleanup_errors=True) as scratch,
            show.running(len(left), len(chosen) * len(self._tasks) - len(left), slots),
        ):
            run_all([work(*item, Path(scratch)) for item in left], engine, slots)

    def text(self, root: Path, suite: Suite) -> str:
        """The boards for a terminal."""
        return "\n\n".join(models.to_text(board) for board in models.load_model_boards(root, suite.name))

    def content(self, root: Path, suite: Suite) -> Any:
        """The boards for a program."""
        return [models.board_content(board) for board in models.load_model_boards(root, suite.name)]


AnyTask = TypeVar("AnyTask", Task, TrainingTask)
AnyTruth = TypeVar("AnyTruth", Truth, TrainingTruth)


def unfinished(
    chosen: Sequence[Submission], tasks: Sequence[tuple[AnyTask, AnyTruth]], done: set[str]
) -> list[tuple[Submission, AnyTask, AnyTruth]]:
    """The jobs that have no result yet. done: hashes of those that have one."""
    return [
        (submission, task, truth)
        for submission in chosen
        for task, truth in tasks
        if job_sha256(submission.sha256, task.sha256) not in done
    ]


TRACKS: Mapping[str, type[EstimatorRun] | type[ModelRun]] = {"estimators": EstimatorRun, "models": ModelRun}
