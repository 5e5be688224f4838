"""What the pages of submissions and datasets say of models: every task, every run, and the best of each dataset."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.training.board import CONTROL
from benchmark.training.results import Run, TrainingResult
from benchmark.training.scoring import METRICS
from benchmark.website import model_columns as columns
from benchmark.website.columns import RANK
from benchmark.website.model_boards import ModelBoardPage
from benchmark.website.tables import Record, Table
from benchmark.website.text import clean, slug


@dataclass(frozen=True, slots=True)
class ModelPart:
    """How a model did in one suite under one protocol."""

    title: str
    """`smoke, mini`."""
    id: str
    page: str
    """Of the board."""
    apart: str
    headline: tuple[tuple[str, str, str], ...]
    """Title, number, interval."""
    tasks_table: Table
    runs_table: Table

    @property
    def tables(self) -> tuple[Table, ...]:
        """Both tables."""
        return (self.tasks_table, self.runs_table)


@dataclass(frozen=True, slots=True)
class DatasetModels:
    """What the models of one board reach on one dataset."""

    title: str
    id: str
    page: str
    table: Table


def make_model_part(board: ModelBoardPage, submission: str) -> ModelPart:
    """The tables of a submission of a board."""
    row = next(row for row in board.rows if row["submission"] == submission)
    own = [result for result in board.board.results if result.submission == submission]
    tasks = tuple(_task_record(result, board.scores[submission, result.task]) for result in own)
    runs = tuple(_run_record(result, run) for result in own for run in result.runs)
    path = f"submissions/{slug(submission)}/{_name(board)}"
    facts = {**board.identity, "submission": submission, "submission_sha256": row["submission_sha256"]}
    return ModelPart(
        title=board.title,
        id=_name(board),
        page=board.page,
        apart=row["apart"] if submission != CONTROL else "",
        headline=tuple(
            (column.title + (f" in {column.unit}" if column.unit else ""), column.text(row), column.interval(row))
            for column in (RANK, columns.error(), columns.PARAMETERS)
        ),
        tasks_table=Table(
            f"tasks-{_name(board)}",
            "Means over the seeds, after the last epoch; of the accuracy with the 95\u00a0% interval over the seeds "
            "(Student’s t, cut at 0 and 100). A failed run counts as the control’s.",
            f"{path}-tasks",
            columns.submission_tasks(
                [name for name in METRICS if any(record.get(name) is not None for record in tasks)]
            ),
            tasks,
            facts,
            "task",
        ),
        runs_table=Table(
            f"runs-{_name(board)}",
            "Every run: accuracy and log loss of the test images, the training loss from the first epoch to the last, "
            "and the hash of the predictions, which the same seed gives again on the same machine.",
            f"{path}-runs",
            columns.RUNS,
            runs,
            facts,
            "task",
        ),
    )


def make_dataset_models(board: ModelBoardPage, dataset: str) -> DatasetModels:
    """Best and mean accuracy of the models on each task of a dataset.

    What is not ranked does not count, nor do jobs of which every run failed.
    """
    passed_over = {row["submission"] for row in board.rows if row["control"] or row["apart"]}
    own = [result for result in board.board.results if result.dataset == dataset]
    records: list[Record] = []
    for task in board.tasks:
        if task["dataset"] != dataset:
            continue
        found = [result for result in own if result.task == task["task"]]
        competing = [result for result in found if result.submission not in passed_over and _trained(result)]
        ordered = sorted(
            competing, key=lambda result: (-board.scores[result.submission, result.task]["accuracy"], result.submission)
        )
        best = board.scores[ordered[0].submission, task["task"]] if ordered else {}
        values = [board.scores[result.submission, result.task]["accuracy"] for result in competing]
        control = next((board.scores[r.submission, r.task]["accuracy"] for r in found if r.submission == CONTROL), None)
        records.append(
            {
                **{key: task[key] for key in ("task", "dataset", "labels", "train", "test")},
                "best": best.get("accuracy"),
                "best_low": best.get("accuracy_low"),
                "best_high": best.get("accuracy_high"),
                "best_model": ordered[0].submission if ordered else "",
                "mean": sum(values) / len(values) if values else None,
                "models": len(values),
                "control": control,
                "files_sha256": task["files_sha256"],
            }
        )
    table = Table(
        f"accuracy-{_name(board)}",
        "Accuracy on the test images after the last epoch: of the best model, with the 95\u00a0% interval over its "
        "seeds; the mean over the models; and the control that predicts the most frequent class. Models that stand "
        "apart do not count.",
        f"datasets/{slug(dataset)}/models-{_name(board)}",
        columns.DATASET_TASKS,
        tuple(records),
        {**board.identity, "dataset": dataset},
        "task",
    )
    return DatasetModels(board.title, _name(board), board.page, table)


def _name(board: ModelBoardPage) -> str:
    """Part of identifiers and file names: `smoke-mini`."""
    return f"{slug(board.suite)}-{slug(board.protocol)}"


def _trained(result: TrainingResult) -> bool:
    return any(run.status == "ok" for run in result.runs)


def _task_record(result: TrainingResult, scores: Record) -> Record:
    facts = ("labels", "train", "test", "learning_rate", "batch_size")
    return {
        "task": result.task,
        "dataset": result.dataset,
        "domain": result.domain,
        **{key: value for key, value in scores.items() if key.removesuffix("_low").removesuffix("_high") in METRICS},
        **{key: getattr(result, key) for key in facts},
        "runs": len(result.runs),
        "ok": sum(run.status == "ok" for run in result.runs),
        "status": result.status,
        "reason": clean(result.reason),
        "task_sha256": result.task_sha256,
        "files_sha256": result.files_sha256,
    }


def _run_record(result: TrainingResult, run: Run) -> Record:
    fine = run.status == "ok"
    outside = 100 * (1 - run.model_seconds / run.train_seconds) if run.train_seconds else None
    return {
        "task": result.task,
        "dataset": result.dataset,
        "seed": run.seed,
        **{name: run.scores.get(name) for name in METRICS},
        "losses": run.losses,
        "epochs": run.epochs,
        "test_accuracies": run.test_accuracies,
        "epochs_trained": len(run.losses) if fine else None,
        "parameters": run.parameters if fine else None,
        "images": run.images if fine else None,
        "train_seconds": run.train_seconds if fine else None,
        "outside_share": outside,
        "wall_seconds": run.wall_seconds,
        "peak_bytes": run.peak_bytes,
        "predictions_sha256": run.predictions_sha256 or None,
        "status": run.status,
        "reason": clean(run.reason),
    }


def own_boards(boards: Sequence[ModelBoardPage], submission: str) -> tuple[ModelBoardPage, ...]:
    """The boards with a row of a submission."""
    return tuple(board for board in boards if any(row["submission"] == submission for row in board.rows))
