"""`manifoldbench site`: results become pages."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from benchmark.paths import pages_root, results_root
from benchmark.website import build_site


@click.command()
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Results folder [default: results].")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where the pages go [default: site/build]."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was built as JSON.")
def site(results: Path | None, out: Path | None, as_json: bool) -> None:
    """Build the leaderboard's pages from results: static files that need no server and no network.

    The pages replace those of an earlier build at once, or not at all.

    \b
    Examples: manifoldbench site
              manifoldbench site --results demo/results --out demo/site
    """
    summary = build_site(results or results_root(), out or pages_root())
    if as_json:
        click.echo(json.dumps(asdict(summary), indent=2))
        return
    suites = f"{len(summary.suites)} suite{'' if len(summary.suites) == 1 else 's'}"
    click.echo(f"{summary.pages} pages: {suites}, {summary.submissions} submissions, {summary.datasets} datasets.")
    click.echo(f"Open {summary.index}")
