"""`manifoldbench run`: evaluate submissions on a suite."""

import importlib.metadata
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark.cli.progress import RunDisplay
from benchmark.data.store import cache_root
from benchmark.errors import UserError
from benchmark.estimation.evaluate import evaluate
from benchmark.estimation.suites import Suite, load_suite, suite_names
from benchmark.estimation.tasks import LeftOut, Task, Truth, build_tasks
from benchmark.leaderboard import CONTROL, board_json, control_answers, load_board, to_text
from benchmark.paths import results_root, submissions_root
from benchmark.results import finished, iter_results, job_sha256, write_result
from benchmark.sandbox.engine import Worker
from benchmark.sandbox.process import ProcessEngine
from benchmark.scheduling.local import Work, run_all, slots_for
from benchmark.submissions import MANIFEST, Submission, find_submissions, load_submissions

if TYPE_CHECKING:
    from benchmark.sandbox.docker import DockerEngine

IMAGE = f"manifoldbench:{importlib.metadata.version('manifoldbench')}"


@click.command()
@click.argument("submissions", nargs=-1, metavar="[SUBMISSION]...")
@click.option(
    "--suite", "suite_name", default="smoke", show_default=True, help=f"{', '.join(suite_names())}, or a TOML file."
)
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Results folder [default: results].")
@click.option(
    "--sandbox",
    type=click.Choice(["process", "docker"]),
    default="process",
    show_default=True,
    help="Where submissions run: in processes of this user, or each in a container that shuts it in.",
)
@click.option("--image", default=IMAGE, show_default=True, help="Image of --sandbox docker.")
@click.option("--gpus", default="none", show_default=True, help="Of --sandbox docker: all, none, or ids such as 0,1.")
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs at a time [default: as many as cores and memory allow].")
@click.option("--json", "as_json", is_flag=True, help="Print the board as JSON.")
def run(
    submissions: tuple[str, ...],
    suite_name: str,
    results: Path | None,
    sandbox: str,
    image: str,
    gpus: str,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Evaluate each SUBMISSION (a name, or a folder) on a suite; without one, all that are not slow.

    Finished jobs are not run again. Interrupt it at any time: what is finished is kept, and the same
    command goes on.

    \b
    Examples: manifoldbench run --suite smoke
              manifoldbench run twonn path/to/mine --suite standard --jobs 2
              manifoldbench run path/to/theirs --sandbox docker
    """
    root = results or results_root()
    suite = load_suite(suite_name)
    chosen = select(submissions, submissions_root())
    engine = make_engine(sandbox, image, gpus)
    for name in strangers(chosen) if sandbox == "process" else ():
        click.echo(f"Warning: {name} runs as you on this machine; `--sandbox docker` shuts it in (RULES.md).", err=True)
    display = RunDisplay()
    try:
        tasks, left_out = build_tasks(suite, cache_root() / "samples", display.building)
        if not tasks:
            raise UserError(f"Suite {suite.name} has no task that can be asked here: {_sentence(left_out)}")
        _run_jobs(chosen, tasks, suite, root, engine, jobs, display)
    except KeyboardInterrupt:
        display.stop()
        click.echo(f"Interrupted: what is finished is kept in {root}; the same command goes on from there.", err=True)
        sys.exit(130)
    board = load_board(root, suite.name)
    if as_json:
        click.echo(board_json(board))
    else:
        click.echo(to_text(board))
        for item in left_out:
            click.echo(f"Left out: {item.name}: {item.reason}")
        click.echo(f"Results: {root / suite.name}")


def make_engine(sandbox: str, image: str, gpus: str) -> "ProcessEngine | DockerEngine":
    """The engine that the options name; raises UserError where it, its image or its GPUs are not there."""
    if sandbox == "process":
        return ProcessEngine()
    from benchmark.sandbox.docker import DockerEngine, leasable_gpus  # imports slowly

    return DockerEngine(image, leasable_gpus(gpus))


def strangers(chosen: list[Submission]) -> list[str]:
    """Names of the submissions whose code is not the repository's own."""
    root = submissions_root().resolve()
    names = (submission.manifest.name for submission in chosen if submission.folder.resolve().parent != root)
    return list(dict.fromkeys(names))


def select(names: tuple[str, ...], root: Path) -> list[Submission]:
    """The submissions that the words name: rows, folders below `root`, or paths; the fallback control comes first.

    Raises UserError for a word that names none.
    """
    known = find_submissions(root)
    if not names:
        chosen = [submission for submission in known if not submission.manifest.slow]
    else:
        chosen = [submission for name in names for submission in _named(name, known)]
    control = [submission for submission in known if submission.name == CONTROL]
    unique = {submission.name: submission for submission in [*control, *chosen]}
    if len(unique) < len({(s.name, s.folder.resolve()) for s in [*control, *chosen]}):
        raise UserError("Two of the submissions have the same name: give one of them another name in its manifest.")
    estimators = [submission for submission in unique.values() if submission.manifest.track == "estimators"]
    if len(estimators) < len(unique):
        raise UserError("This version evaluates the estimators track only: one of the submissions is a model.")
    return estimators


def _named(name: str, known: tuple[Submission, ...]) -> list[Submission]:
    found = [s for s in known if name in (s.name, s.manifest.name)]
    if found:
        return found
    folder = Path(name)
    if (folder / MANIFEST).exists():
        return list(load_submissions(folder))
    names = ", ".join(dict.fromkeys(s.manifest.name for s in known))
    raise UserError(f'There is no submission "{name}": give the path of a folder with {MANIFEST}, or one of {names}.')


def _run_jobs(
    chosen: list[Submission],
    tasks: list[tuple[Task, Truth]],
    suite: Suite,
    root: Path,
    engine: "ProcessEngine | DockerEngine",
    jobs: int | None,
    display: RunDisplay,
) -> None:
    slots = slots_for((task.limits for task, _ in tasks), jobs)
    done = finished(root, suite.name)
    left = [
        (submission, task, truth)
        for submission in chosen
        for task, truth in tasks
        if job_sha256(submission.sha256, task.sha256) not in done
    ]
    with (
        engine,
        tempfile.TemporaryDirectory(prefix="manifoldbench-", ignore_cleanup_errors=True) as scratch,
        display.running(len(left), len(chosen) * len(tasks) - len(left), slots),
    ):

        def job(submission: Submission, task: Task, truth: Truth, fallback: Mapping[str, float]) -> Work:
            def ask(worker: Worker) -> None:
                result = evaluate(submission, task, truth, suite, worker, engine, Path(scratch), fallback)
                write_result(root, result)
                display.finished(result)

            return Work(submission.name, submission.program, task.limits, ask)

        # The control goes first: what the others fail is scored by its answers.
        run_all([job(*item, {}) for item in left if item[0].name == CONTROL], engine, slots)
        fallbacks = {
            result.task_sha256: control_answers(result.answers)
            for result in iter_results(root, suite.name)
            if result.submission == CONTROL
        }
        rest = [item for item in left if item[0].name != CONTROL]
        run_all([job(*item, fallbacks.get(item[1].sha256, {})) for item in rest], engine, slots)


def _sentence(left_out: list[LeftOut]) -> str:
    return " ".join(f"{item.name}: {item.reason}" for item in left_out)
