"""`manifoldbench run`: evaluate submissions on a suite."""

import json
import sys
from pathlib import Path

import click

from benchmark.cli.progress import RunDisplay
from benchmark.cli.sandboxes import Sandbox, sandbox_options
from benchmark.cli.tracks import TRACKS, TrackRun
from benchmark.errors import UserError
from benchmark.estimation.suites import load_suite, suite_names
from benchmark.estimation.tasks import LeftOut
from benchmark.paths import results_root, submissions_root
from benchmark.submissions import MANIFEST, Submission, find_submissions, load_submissions


@click.command()
@click.argument("submissions", nargs=-1, metavar="[SUBMISSION]...")
@click.option(
    "--suite", "suite_name", default="smoke", show_default=True, help=f"{', '.join(suite_names())}, or a TOML file."
)
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Results folder [default: results].")
@sandbox_options
@click.option("--track", type=click.Choice([*TRACKS]), help="Only the submissions of one track [default: both].")
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs at a time [default: as many as cores and memory allow].")
@click.option("--json", "as_json", is_flag=True, help="Print the boards as JSON.")
def run(
    submissions: tuple[str, ...],
    suite_name: str,
    results: Path | None,
    sandbox: Sandbox,
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
    engine = sandbox.make_engine(submission.folder for submission in chosen)
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


def select(names: tuple[str, ...], root: Path, track: str | None = None) -> list[Submission]:
    """The submissions that the words name: rows, folders below `root`, or paths; controls of their tracks come first.

    track: leave out the others. Raises UserError for a word that names none, and where nothing is left.
    """
    known = find_submissions(root)
    if not names:
        chosen = [submission for submission in known if not submission.manifest.slow]
    else:
        chosen = [submission for name in names for submission in named(name, known)]
    chosen = [submission for submission in chosen if track in (None, submission.manifest.track)]
    if not chosen:
        raise UserError(f"None of the submissions named is of the track {track}.")
    needed = {TRACKS[submission.manifest.track].control for submission in chosen}
    return distinct([*(submission for submission in known if submission.name in needed), *chosen])


def named(name: str, known: tuple[Submission, ...]) -> list[Submission]:
    """The rows that a word names: a row, a submission with all of its rows, or the path of a folder.

    Raises UserError for a word that names none.
    """
    found = [s for s in known if name in (s.name, s.manifest.name)]
    if found:
        return found
    folder = Path(name)
    if (folder / MANIFEST).exists():
        return list(load_submissions(folder))
    names = ", ".join(dict.fromkeys(s.manifest.name for s in known))
    raise UserError(f'There is no submission "{name}": give the path of a folder with {MANIFEST}, or one of {names}.')


def distinct(submissions: list[Submission]) -> list[Submission]:
    """Each row once; raises UserError where two folders have rows of one name."""
    unique = {submission.name: submission for submission in submissions}
    if len(unique) < len({(submission.name, submission.folder.resolve()) for submission in submissions}):
        raise UserError("Two of the submissions have the same name: give one of them another name in its manifest.")
    return list(unique.values())


def _sentence(left_out: list[LeftOut]) -> str:
    return " ".join(f"{item.name}: {item.reason}" for item in left_out)
