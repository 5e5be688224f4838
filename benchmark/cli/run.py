"""`manifoldbench run`: evaluate submissions on a suite."""

import json
import sys
from pathlib import Path

import click

from benchmark.cli.progress import RunDisplay
from benchmark.cli.sandboxes import Sandbox, sandbox_options
from benchmark.cli.selection import select
from benchmark.cli.tracks import TRACKS, TrackRun
from benchmark.errors import UserError
from benchmark.estimation.suites import load_suite, suite_names
from benchmark.estimation.tasks import LeftOut
from benchmark.paths import results_root, submissions_root


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


def _sentence(left_out: list[LeftOut]) -> str:
    return " ".join(f"{item.name}: {item.reason}" for item in left_out)
