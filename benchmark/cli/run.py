"""`manifoldbench run`: evaluate submissions on a suite."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmark import __version__
from benchmark.cli.progress import RunDisplay
from benchmark.cli.tracks import TRACKS, TrackRun
from benchmark.errors import UserError
from benchmark.estimation.suites import load_suite, suite_names
from benchmark.estimation.tasks import LeftOut
from benchmark.paths import results_root, submissions_root
from benchmark.sandbox.process import ProcessEngine
from benchmark.submissions import MANIFEST, Submission, find_submissions, load_submissions

if TYPE_CHECKING:
    from benchmark.sandbox.docker import DockerEngine

IMAGE = f"manifoldbench:{__version__}"


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
@click.option("--track", type=click.Choice([*TRACKS]), help="Only the submissions of one track [default: both].")
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs at a time [default: as many as cores and memory allow].")
@click.option("--json", "as_json", is_flag=True, help="Print the boards as JSON.")
def run(
    submissions: tuple[str, ...],
    suite_name: str,
    results: Path | None,
    sandbox: str,
    image: str,
    gpus: str,
    track: str | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Evaluate each SUBMISSION (a name, or a folder) on a suite; without one, all that are not slow.

    Finished jobs are not run again. Interrupt it at any time: what is finished is kept, and the same
    command goes on.

    \b
    Examples: manifoldbench run --suite smoke
              manifoldbench run twonn path/to/mine --suite standard --jobs 2
              manifoldbench run submissions/resnet18 --suite smoke
              manifoldbench run path/to/theirs --sandbox docker
    """
    root = results or results_root()
    suite = load_suite(suite_name)
    chosen = select(submissions, submissions_root(), track)
    engine = make_engine(sandbox, image, gpus)
    for name in strangers(chosen) if sandbox == "process" else ():
        click.echo(f"Warning: {name} runs as you on this machine; `--sandbox docker` shuts it in (RULES.md).", err=True)
    display = RunDisplay()
    left_out: list[LeftOut] = []
    ran: dict[str, TrackRun] = {}
    try:
        with engine:
            for name in (each for each in TRACKS if any(s.manifest.track == each for s in chosen)):
                one: TrackRun = TRACKS[name]()
                left_out += one.prepare(suite, root, display.building)
                if one.asked:
                    ran[name] = one
                    own = [submission for submission in chosen if submission.manifest.track == name]
                    one.run(own, suite, root, engine, jobs, display)
    except KeyboardInterrupt:
        display.stop()
        click.echo(f"Interrupted: what is finished is kept in {root}; the same command goes on from there.", err=True)
        sys.exit(130)
    if not ran:
        asked = " and ".join(dict.fromkeys(submission.manifest.track for submission in chosen))
        raise UserError(f"Suite {suite.name} asks nothing of {asked} here. {_sentence(left_out)}".rstrip())
    if as_json:
        click.echo(json.dumps({name: one.content(root, suite) for name, one in ran.items()}, indent=1, allow_nan=False))
    else:
        click.echo("\n\n".join(one.text(root, suite) for one in ran.values()))
        for item in left_out:
            click.echo(
                f"Left out: {item.reason}"
                if item.reason.startswith(item.name)
                else f"Left out: {item.name}: {item.reason}"
            )
        click.echo(f"Results: {root}")


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


def select(names: tuple[str, ...], root: Path, track: str | None = None) -> list[Submission]:
    """The submissions that the words name: rows, folders below `root`, or paths; controls of their tracks come first.

    track: leave out the others. Raises UserError for a word that names none, and where nothing is left.
    """
    known = find_submissions(root)
    if not names:
        chosen = [submission for submission in known if not submission.manifest.slow]
    else:
        chosen = [submission for name in names for submission in _named(name, known)]
    chosen = [submission for submission in chosen if track in (None, submission.manifest.track)]
    if not chosen:
        raise UserError(f"None of the submissions named is of the track {track}.")
    needed = {TRACKS[submission.manifest.track].control for submission in chosen}
    control = [submission for submission in known if submission.name in needed]
    unique = {submission.name: submission for submission in [*control, *chosen]}
    if len(unique) < len({(s.name, s.folder.resolve()) for s in [*control, *chosen]}):
        raise UserError("Two of the submissions have the same name: give one of them another name in its manifest.")
    return list(unique.values())


def _named(name: str, known: tuple[Submission, ...]) -> list[Submission]:
    found = [s for s in known if name in (s.name, s.manifest.name)]
    if found:
        return found
    folder = Path(name)
    if (folder / MANIFEST).exists():
        return list(load_submissions(folder))
    names = ", ".join(dict.fromkeys(s.manifest.name for s in known))
    raise UserError(f'There is no submission "{name}": give the path of a folder with {MANIFEST}, or one of {names}.')


def _sentence(left_out: list[LeftOut]) -> str:
    return " ".join(f"{item.name}: {item.reason}" for item in left_out)
