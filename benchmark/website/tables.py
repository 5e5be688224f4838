"""A table is defined once: the page shows some of its columns, the CSV and JSON beside it hold all."""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from benchmark.website.scales import Scale
from benchmark.website.text import clean, is_missing, plain, statuses

Record = Mapping[str, Any]
Kind = Literal[
    "text",
    "words",
    "heading",
    "number",
    "rank",
    "submission",
    "dataset",
    "task",
    "status",
    "statuses",
    "outcome",
    "hash",
    "curve",
    "noted",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a page: which value of a record it shows, and how."""

    key: str
    title: str
    kind: Kind = "text"
    unit: str = ""
    show: Callable[[Any], str] = plain
    low: str = ""
    """Key of the lower end of the 95 % interval, empty if there is none."""
    high: str = ""
    scale: Scale | None = None
    """Axis of the drawing beside the number, if there is one."""

    def text(self, record: Record) -> str:
        """What the cell reads."""
        return self.show(record[self.key])

    def interval(self, record: Record) -> str:
        """`10.1 to 15.2`, or nothing."""
        if not self.low or is_missing(record[self.low]) or is_missing(record[self.high]):
            return ""
        if self.kind == "rank" and record[self.low] == record[self.high]:
            return ""  # a rank that is certain needs no range
        return f"{self.show(record[self.low])} to {self.show(record[self.high])}"

    def sort_value(self, record: Record) -> str:
        """What the cell is sorted by: the exact number, or nothing for a missing one."""
        value = record[self.key]
        return "" if is_missing(value) else str(value)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page, and the files beside it: `<path>.csv` and `<path>.json` below the site."""

    id: str
    caption: str
    path: str
    columns: tuple[Column, ...]
    records: tuple[Record, ...]
    facts: Record
    """What the numbers belong to (suite, version, hashes): in the JSON, before the rows."""
    sorted_by: str = ""
    """Key of the column that the rows are sorted by, ascending."""


def best_of(table: Table, number: int) -> Table:
    """The first rows of a board, and its controls, with files of their own; a board that is hardly longer stays."""
    competing = [record for record in table.records if not record["control"]]
    if len(competing) <= number + 5:
        return table
    kept = {record["submission"] for record in competing[:number]}
    chosen = tuple(record for record in table.records if record["control"] or record["submission"] in kept)
    caption = f"The first {number} of {len(competing)}, and the controls. {table.caption}"
    return replace(table, caption=caption, path=f"{table.path}-first", records=chosen)


def records_of(frame: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    """Rows as plain JSON values: a number that is none is None, and texts are safe for a page."""
    return tuple({str(key): _plain_value(value) for key, value in row.items()} for row in frame.to_dict("records"))


def to_csv(records: Sequence[Record]) -> str:
    """All records, floats in full precision; a text never starts as a spreadsheet's formula would."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    keys = _all_keys(records)
    writer.writerow(keys)
    writer.writerows([_csv_value(record.get(key)) for key in keys] for record in records)
    return stream.getvalue()


def to_json(facts: Record, records: Sequence[Record]) -> str:
    """The facts, then all records; a number that is none is null."""
    content = {**facts, "rows": list(records)}
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _all_keys(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record))


def _plain_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_value(item) for item in value]
    if hasattr(value, "item"):  # a numpy number
        value = value.item()
    if value is pd.NA or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return clean(value)


def _csv_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return statuses(value)
    if isinstance(value, list):
        value = "; ".join(str(item) for item in value)
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return value
