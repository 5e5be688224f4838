"""`manifoldbench calibrate`: what the answers on phantoms say about those on real images."""

import io
import json
from pathlib import Path

import click
import pandas as pd

from benchmark.leaderboard import load_board, records
from benchmark.paths import results_root


@click.command()
@click.option("--suite", "suite_name", default="standard", show_default=True, help="Suite whose results are read.")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Results folder [default: results].")
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON, every number in full.")
def calibrate(suite_name: str, results: Path | None, as_json: bool) -> None:
    """Calibrate estimates of real images with the phantoms of a suite, from results that are there.

    Prints the calibrated dimensions beside the raw ones, whether calibration brings held-out families of
    phantoms nearer to their truth, and how each estimator's bias changes along each axis.

    \b
    Example: manifoldbench calibrate --suite standard
    """
    from benchmark.breaks import breaks_table
    from benchmark.calibration import calibrated_table, held_out_families_table, held_out_table

    board = load_board(results or results_root(), suite_name)
    tables = {
        "calibrated": calibrated_table(board),
        "held_out": held_out_table(board),
        "held_out_families": held_out_families_table(board),
        "breaks": breaks_table(board),
    }
    if as_json:
        identity = {"suite": board.suite, "suite_version": board.suite_version, "suite_sha256": board.suite_sha256}
        click.echo(json.dumps(identity | {name: records(table) for name, table in tables.items()}, indent=1))
        return
    for name, heading in _HEADINGS.items():
        click.echo(f"{heading}\n")
        click.echo(_text(tables[name]) + "\n")


_HEADINGS = {
    "calibrated": "Dimension of real images: raw, and calibrated with phantoms (95 % interval over families)",
    "held_out": "Mean percentage error on families of phantoms that were held out, raw and calibrated",
    "breaks": "Bias in percent along each axis, all else being equal",
}


def _text(table: pd.DataFrame) -> str:
    if table.empty:
        return "Nothing: the results hold no phantoms."
    buffer = io.StringIO()
    table.to_string(buffer, index=False, na_rep="-", float_format=lambda value: f"{value:.2f}")
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())
