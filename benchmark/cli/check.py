"""`manifoldbench check`: whether a submission keeps the contract, and which badges it earns."""

import sys
from pathlib import Path

import click

from benchmark.cli.sandboxes import Sandbox, sandbox_options
from benchmark.conformance import check_submission
from benchmark.saved_checks import save_checks
from benchmark.submissions import schema_json


def _print_schema(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(schema_json(), nl=False)
        context.exit()


@click.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="RESULTS",
    help="Keep the badges in this results folder, for the site.",
)
@sandbox_options
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of submission.toml, and check nothing.",
)
def check(path: Path, as_json: bool, save: Path | None, sandbox: Sandbox) -> None:
    """Check the submission in the folder PATH: its file, its import, its contract, and its badges.

    Its code runs inside the sandbox only. The exit code is 0 if schema, import, contract and
    determinism pass; badges (scale, translation, rotation, row order, duplicates) are not required.

    \b
    Examples: manifoldbench check submissions/twonn
              manifoldbench check submissions/twonn --json --save results
              manifoldbench check path/to/theirs --sandbox docker
    """
    with sandbox.make_engine([path]) as engine:
        report = check_submission(path, engine, _say)
    if save is not None:
        for file in save_checks(report, save):
            click.echo(f"Saved {file}", err=True)
    click.echo(report.model_dump_json(indent=2) if as_json else report.as_text())
    sys.exit(0 if report.passed else 1)


def _say(name: str, done: int, total: int) -> None:
    click.echo(f"Checking {name} ({done + 1} of {total})", err=True)
