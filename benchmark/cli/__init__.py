"""The command `manifoldbench`: one file per verb; this one only dispatches."""

import sys

import click

from benchmark import __version__
from benchmark.cli.calibrate import calibrate
from benchmark.cli.check import check
from benchmark.cli.data import data
from benchmark.cli.represent import represent
from benchmark.cli.reproduce import reproduce
from benchmark.cli.run import run
from benchmark.cli.serve import serve
from benchmark.cli.site import site
from benchmark.errors import ManifoldBenchError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="manifoldbench")
def cli() -> None:
    """Measure how many dimensions images have, who can tell, and what that does to learning from them.

    \b
    Example: manifoldbench run --suite smoke && manifoldbench site && manifoldbench serve
    """


for command in (run, check, calibrate, represent, reproduce, data, site, serve):
    cli.add_command(command)


def main() -> None:
    """Run the command line: a user's mistake is one sentence on standard error and exit code 1."""
    try:
        cli()
    except ManifoldBenchError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
