"""Tables for a terminal, as plain text, and the cells that boards of both tracks have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table."""

    heading: str
    words: bool = False
    """Left-aligned; numbers stand right."""
    wraps: bool = False


def table_text(
    above: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], *, below: str = "", width: int = 100
) -> str:
    """A sentence, the table and, if it says anything, a sentence below; `width` characters wide."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="")
    for column in columns:
        table.add_column(column.heading, justify="left" if column.words else "right", no_wrap=not column.wraps)
    for row in rows:
        table.add_row(*row)
    console = Console(width=width, color_system=None, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(above)
        console.print(table)
        if below:
            console.print(below)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def rank_cell(row: Mapping[Any, Any]) -> str:
    """The ranks that a row of a board shares with its ties: `3`, `3-4`, or `-` of what is not ranked."""
    if pd.isna(row["rank"]):
        return "-"
    low, high = int(row["rank_low"]), int(row["rank_high"])
    return str(low) if low == high else f"{low}-{high}"


def interval_cell(row: Mapping[Any, Any]) -> str:
    """The interval of a row's error; empty where there is none."""
    return "" if pd.isna(row["error_low"]) else f"{row['error_low']:.1f}-{row['error_high']:.1f}"


def failures_cell(row: Mapping[Any, Any]) -> str:
    """How many samples failed, and how, and whether tasks were not run: `2 failed, incomplete: 3 of 5 tasks`."""
    missing = f"incomplete: {row['answered']} of {row['tasks']} tasks" if row["answered"] < row["tasks"] else ""
    return ", ".join(filter(None, (status_words(row["statuses"]), missing)))


def status_words(statuses: Mapping[str, int]) -> str:
    """`2 failed, 1 timeout`."""
    return ", ".join(f"{count} {status}" for status, count in statuses.items())


def number_cell(value: float, how: str) -> str:
    """A number, as `format` takes it; `-` for none."""
    return "-" if pd.isna(value) else format(value, how)
