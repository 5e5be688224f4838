"""`manifoldbench reproduce`: the papers' claims, re-tested from the results on hand."""

import json
from pathlib import Path
from typing import cast

import click

from benchmark.cli.progress import RunDisplay
from benchmark.errors import UserError
from benchmark.estimation.suites import load_suite
from benchmark.estimation.tasks import LeftOut
from benchmark.leaderboard import load_board
from benchmark.paths import results_root


@click.command()
@click.argument("paper", type=click.Choice(["konz2022", "konz2024"]))
@click.option(
    "--suite",
    "suite_name",
    default="standard",
    show_default=True,
    help="Suite whose results are read, or its TOML file.",
)
@click.option("--protocol", metavar="NAME", help="Only the models of one protocol, such as mini [default: all].")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Results folder [default: results].")
@click.option(
    "--measure-sharpness",
    is_flag=True,
    help="First measure the label sharpness of the suite's training images, and keep it among the results.",
)
@click.option("--short", is_flag=True, help="Print the verdict on each claim alone.")
@click.option("--json", "as_json", is_flag=True, help="Print every finding in every setting as JSON.")
def reproduce(
    paper: str,
    suite_name: str,
    protocol: str | None,
    results: Path | None,
    measure_sharpness: bool,
    short: bool,
    as_json: bool,
) -> None:
    """Re-test the claims of PAPER for every estimator of the board, from results that are there.

    konz2022 is Konz et al., MICCAI 2022; konz2024 is Konz & Mazurowski, ICLR 2024. For each claim: what the
    paper says and its numbers, what the results say, with intervals and the number of datasets, and what to
    run where results are missing. Nothing is trained or estimated here.

    \b
    Examples: manifoldbench reproduce konz2022
              manifoldbench reproduce konz2022 --short
              manifoldbench reproduce konz2024 --suite standard --protocol mini --json
    """
    from benchmark.findings.published import PaperName
    from benchmark.findings.report import content, to_short_text, to_text
    from benchmark.findings.retest import load_model_results, load_retest

    root = results or results_root()
    suite = Path(suite_name).stem if suite_name.endswith(".toml") else suite_name
    board = load_board(root, suite)
    if protocol is not None and not load_model_results(root, suite, protocol):
        known = ", ".join(sorted({each.protocol for each in load_model_results(root, suite)})) or "none"
        raise UserError(f"--protocol {protocol}: suite {suite} has no results of it; there are: {known}.")
    if measure_sharpness:
        for item in _measure(suite_name, root):
            click.echo(f"Left out: {item.name}: {item.reason}", err=True)
    retest = load_retest(root, board, protocol)
    if not retest.estimators:
        raise UserError(f"{root / suite}: no estimator was asked about real images: give a suite that has some.")
    if as_json:
        click.echo(json.dumps(content(retest, cast(PaperName, paper)), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        click.echo((to_short_text if short else to_text)(retest, cast(PaperName, paper)))


def _measure(suite_name: str, root: Path) -> list[LeftOut]:
    from benchmark.findings.sharpness import measure_sharpness

    path, left_out = measure_sharpness(load_suite(suite_name), root, RunDisplay().building)
    click.echo(f"Label sharpness: {path}", err=True)
    return left_out
