"""Digits, safe texts, axes, and the files beside a table."""

import csv
import io
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.website.scales import linear_scale, log_scale
from benchmark.website.tables import Column, records_of, to_csv, to_json
from benchmark.website.text import NONE, clean, fixed, is_address, mebibytes, seconds, slug


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (fixed(1)(12.345), "12.3"),
        (fixed(1)(-0.25), "−0.2"),
        (fixed(1)(-0.01), "0.0"),
        (fixed(0)(50176), "50\u202f176"),
        (fixed(1)(None), NONE),
        (fixed(1)(float("nan")), NONE),
        (fixed(1)(float("inf")), "∞"),
        (seconds(0.1234), "0.12"),
        (seconds(12.34), "12.3"),
        (seconds(1234.5), "1\u202f234" if round(1234.5) == 1234 else "1\u202f235"),
        (mebibytes(64 << 20), "64"),
        (mebibytes(1 << 19), "0.5"),
    ],
)
def test_values_read_well(text, shown):
    assert text == shown


def test_text_that_a_page_must_not_hold_is_replaced():
    assert clean("a\x00b\x1b[31m\u202ec\ud800") == "a\ufffdb\ufffd[31m\ufffdc\ufffd"
    assert clean("line\nnext\ttab é") == "line\nnext\ttab é"
    assert clean(3) == 3


@pytest.mark.parametrize("name", ["twonn", "mle-k20", "A_b"])
def test_harmless_names_are_their_own_slug(name):
    assert slug(name) == name


@given(st.text(), st.text())
def test_slugs_are_file_names_and_tell_names_apart(first, second):
    assert set(slug(first)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert slug(first)
    assert (slug(first) == slug(second)) == (clean(first) == clean(second))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://doi.org/10.1/x", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("see https://doi.org", False),
        ("https://a b", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_only_whole_web_addresses_become_links(text, expected):
    assert is_address(text) is expected


@given(st.lists(st.floats(min_value=0, max_value=1e9), max_size=30))
def test_linear_axis_starts_at_zero_and_has_round_ticks(values):
    scale = linear_scale(values)
    assert scale.low == scale.ticks[0] == 0
    assert scale.ticks[-1] == pytest.approx(scale.high)
    assert 2 <= len(scale.ticks) <= 6
    assert all(0 <= scale.place(value) <= 100 for value in values)


@given(st.lists(st.floats(min_value=1e-6, max_value=1e9), max_size=30))
def test_logarithmic_axis_holds_all_values(values):
    scale = log_scale(values)
    assert scale.place(scale.low) == 0
    assert scale.place(scale.high) == 100
    assert not any(scale.beyond(value) for value in values)


def test_one_outlier_does_not_flatten_the_others():
    scale = linear_scale([10, 11, 12, 13, 14, 15, 5000])
    assert scale.high < 50
    assert scale.beyond(5000)


FRAME = pd.DataFrame(
    {
        "submission": ["a", "=cmd|' /C calc'!A0"],
        "error": [1.0 / 3.0, float("nan")],
        "tasks": [3, 4],
        "failures": [{"timeout": 2, "failed": 1}, {}],
        "authors": [["A", "B"], []],
    }
)


def test_files_hold_every_digit_and_no_formula():
    records = records_of(FRAME)
    rows = list(csv.DictReader(io.StringIO(to_csv(records))))
    content = json.loads(to_json({"suite": "smoke"}, records))
    assert float(rows[0]["error"]) == content["rows"][0]["error"] == 1.0 / 3.0
    assert rows[1]["error"] == ""
    assert content["rows"][1]["error"] is None
    assert rows[0]["failures"] == "2 timeout, 1 failed"
    assert rows[0]["authors"] == "A; B"
    assert rows[1]["submission"].startswith("'=")
    assert content["suite"] == "smoke"


def test_a_column_shows_its_interval_only_where_there_is_one():
    column = Column("raw", "Raw", "number", show=fixed(1), low="low", high="high")
    assert column.interval({"raw": 1.0, "low": 0.5, "high": 1.5}) == "0.5 to 1.5"
    assert column.interval({"raw": 1.0, "low": None, "high": None}) == ""
    assert column.sort_value({"raw": None}) == ""
