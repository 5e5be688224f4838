"""The built pages: well formed, complete, linked, escaped, and the same numbers as the files beside them."""

import csv
import io
import itertools
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest

from benchmark.errors import UserError
from benchmark.paths import REPOSITORY
from benchmark.website import build_site

LOADING = {"script": "src", "link": "href", "img": "src", "source": "src", "iframe": "src", "use": "href"}
"""Elements by which a page requests something when it opens."""


def parse(page: Path) -> ET.Element:
    """Pages are written so that a strict XML parser takes them: an unclosed or wrongly nested tag is an error."""
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>\n")
    return ET.fromstring(text.removeprefix("<!DOCTYPE html>\n"))


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def named(root: ET.Element, tag: str) -> list[ET.Element]:
    return [element for element in root.iter() if local(element) == tag]


def words(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


@pytest.fixture(scope="session")
def documents(pages) -> dict[Path, ET.Element]:
    return {page: parse(page) for page in pages}


def test_there_is_a_page_for_everything(world, pages):
    names = {page.relative_to(world.out).as_posix() for page in pages}
    assert {"index.html", "method.html", "estimators/standard.html", "estimators/smoke.html"} <= names
    assert {"submissions/index.html", "submissions/poor-a/index.html", "submissions/markup/index.html"} <= names
    assert {"datasets/index.html", "datasets/odd-set/index.html", "datasets/empty-set/index.html"} <= names
    assert "cheats.html" in names


def test_pages_have_a_language_a_title_one_heading_and_a_skip_link(documents):
    titles = set()
    for root in documents.values():
        assert root.get("lang") == "en"
        (title,) = named(named(root, "head")[0], "title")
        titles.add(title.text)
        assert len(named(root, "h1")) == 1
        first_link = named(named(root, "body")[0], "a")[0]
        assert first_link.get("href") == "#main"
        levels = [int(local(e)[1]) for e in root.iter() if re.fullmatch("h[1-6]", local(e))]
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(titles) == len(documents)


def test_no_template_joins_a_sentence_to_the_one_before():
    """A line break after a block's tag is not written."""
    for path in (REPOSITORY / "site" / "templates").glob("*.html"):
        joined = re.findall(r"[.,:;]\{% (?:if|else|elif|for)[^%]*%\}\n\s*\S", path.read_text(encoding="utf-8"))
        assert joined == [], path.name


def test_identifiers_are_unique_and_references_to_them_resolve(documents):
    for page, root in documents.items():
        identifiers = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(identifiers) == len(set(identifiers)), page
        for element in root.iter():
            for name in ("aria-labelledby", "aria-describedby", "for"):
                assert set((element.get(name) or "").split()) <= set(identifiers), page


def test_every_internal_link_resolves(world, documents):
    identifiers = {page: {element.get("id") for element in root.iter()} for page, root in documents.items()}
    for page, root in documents.items():
        for element in root.iter():
            for target in (element.get("href"), element.get("src")):
                if target is None or urlsplit(target).scheme in {"http", "https"}:
                    continue
                assert not target.startswith("/"), f"{page}: {target} would not work below a sub-path"
                path, _, anchor = unquote(target).partition("#")
                found = (page.parent / path).resolve() if path else page.resolve()
                assert found.is_file(), f"{page}: {target}"
                assert found.is_relative_to(world.out.resolve())
                if anchor:
                    assert anchor in identifiers[found], f"{page}: {target}"


def test_no_page_requests_anything_from_another_host(world, documents):
    for page, root in documents.items():
        for element in root.iter():
            target = element.get(LOADING.get(local(element), ""), "")
            assert not urlsplit(target).netloc, f"{page}: {target}"
            assert element.get("style") is None
            assert not any(name.startswith("on") for name in element.keys()), page  # noqa: SIM118 (an element, no dict)
    for asset in (world.out / "static").iterdir():
        assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", asset.read_text(encoding="utf-8"))


def test_every_table_has_a_caption_scopes_and_downloads(documents):
    for page, root in documents.items():
        for table in named(root, "table"):
            assert words(named(table, "caption")[0])
            heads = named(named(table, "thead")[0], "th")
            assert all(head.get("scope") == "col" for head in heads)
            rows = named(named(table, "tbody")[0], "tr")
            assert rows, page
            for row in rows:
                assert len(row) == len(heads)
                assert [local(cell) for cell in row].count("th") <= 1
        regions = [e for e in root.iter() if e.get("role") == "region"]
        assert all(region.get("tabindex") == "0" for region in regions)
        assert len(named(root, "table")) == len([e for e in root.iter() if e.get("class") == "downloads"])


def test_tables_show_the_numbers_of_their_files(world, documents):
    compared = 0
    for page, root in documents.items():
        tables = named(root, "table")
        links = [e for e in root.iter() if e.get("class") == "downloads"]
        for table, paragraph in zip(tables, links, strict=True):
            of_csv, of_json = (page.parent / a.get("href") for a in named(paragraph, "a"))
            csv_rows = list(csv.DictReader(io.StringIO(of_csv.read_text(encoding="utf-8"))))
            json_rows = json.loads(of_json.read_text(encoding="utf-8"))["rows"]
            shown = named(named(table, "tbody")[0], "tr")
            assert len(csv_rows) == len(json_rows) == len(shown)
            for row, from_csv, from_json in zip(shown, csv_rows, json_rows, strict=True):
                assert {key: as_csv(value) for key, value in from_json.items()} == from_csv
                for cell in row:
                    if cell.get("data-key"):
                        key = cell.get("data-key")
                        assert cell.get("data-value") == from_csv[key], (page, key)
                        compared += 1
    assert compared > 200


def as_csv(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{number} {status}" for status, number in value.items())
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return str(value)


def test_texts_of_users_are_never_markup(pages, documents):
    for page in pages:
        assert "<script>" not in page.read_text(encoding="utf-8"), page
        assert "\x1b" not in page.read_text(encoding="utf-8"), page
    for page, root in documents.items():
        assert len(named(root, "script")) == 1, page
        assert not any((a.get("href") or "").startswith("javascript:") for a in named(root, "a")), page


def test_texts_of_users_are_shown_as_written(world):
    submission = words(parse(world.out / "submissions/markup/index.html"))
    assert "Says <script>alert('x')</script>." in submission
    assert "raised <script>alert('x')</script> \ufffd[31m" in submission
    dataset = words(parse(world.out / "datasets/odd-set/index.html"))
    assert "A trap with <script>alert('x')</script>." in dataset
    assert "javascript:alert(1)" in dataset


def test_a_failure_is_a_word_with_a_reason(world):
    text = words(parse(world.out / "submissions/markup/index.html"))
    assert "timeout" in text
    assert "took 60 s" in text
    board = words(parse(world.out / "estimators/standard.html"))
    assert re.search("2 failed, 2 timeout", board)


def test_badges_are_words_with_a_finding(world):
    good = words(parse(world.out / "submissions/good/index.html"))
    assert "contract, determinism pass scale pass" in good
    assert "duplicates fail Copies change the answer <script>" in good
    assert "No saved check" in words(parse(world.out / "submissions/poor-a/index.html"))


def test_code_is_shown_where_it_is_what_was_run(world):
    copy = world.out / "submissions/code/poor/estimator.py.txt"
    assert copy.read_text() == "class Estimator:\n    power = 1 < 2\n"
    (link,) = [a for a in named(parse(world.out / "submissions/poor-b/index.html"), "a") if "code/" in a.get("href")]
    assert (world.out / "submissions/poor-b" / link.get("href")).resolve() == copy.resolve()


def test_attempts_stand_with_what_became_of_them_in_each_engine(world):
    root = parse(world.out / "cheats.html")
    assert words(named(root, "h1")[0]) == "How we tried to break it"
    (table,) = named(root, "table")
    assert [words(head) for head in named(named(table, "thead")[0], "th")] == [
        "Attempt",
        "What it tries",
        "Process engine",
        "Docker engine",
    ]
    forged = "refused, contained: the answer was not written by the worker: set dimension_ in fit, and leave the answer"
    rows = [[words(cell) for cell in row] for row in named(named(table, "tbody")[0], "tr")]
    assert [row[:2] for row in rows] == [
        [name, f"Tries {name} & more."] for name in ("connects", "forges-answer", "leaves-daemon", "raises-markup")
    ]
    assert rows[0][2:] == [
        "ok, not contained",
        "failed, contained: fit raised ConnectionRefusedError: [Errno 111] Connection refused",
    ]
    assert rows[1][2:] == [f"{forged} to it"] * 2
    assert rows[2][2:] == ["–none", "ok, contained"]
    assert rows[3][2].startswith("failed, contained: fit raised RuntimeError: <script>alert('x')</script> \ufffd[31m")
    assert rows[3][3] == "–none"


def test_the_page_of_attempts_says_what_was_not_contained_and_how_it_was_recorded(world):
    root = parse(world.out / "cheats.html")
    (numbers,) = [e for e in root.iter() if e.get("class") == "numbers"]
    assert [(words(title), words(number)) for title, number in numbers] == [
        ("attempts", "4"),
        ("contained by the process engine", "2 of 3"),
        ("contained by the Docker engine", "3 of 3"),
    ]
    text = words(root)
    assert "Not contained by the process engine: connects." in text
    assert "Not contained by the Docker engine" not in text
    assert "make cheats" in text
    lists = [[words(item) for item in e] for e in root.iter() if e.get("class") == "facts"]
    process, container = (dict(zip(items[::2], items[1::2], strict=True)) for items in lists[-2:])
    assert process == {"Recorded": "2026-01-08 to 2026-01-13", "ManifoldBench": "0.1.0"}
    assert container["Recorded"] == "2026-01-08 to 2026-01-13"
    assert (container["Commit"], container["Version of the engine"]) == ("c0ffee", "28.0.1")
    assert container["Image"].startswith("sha256:")


def test_without_recorded_attempts_there_is_no_page_and_no_link(in_world, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(in_world.results, results, ignore=shutil.ignore_patterns("cheats"))
    build_site(results, tmp_path / "site")
    assert not list((tmp_path / "site").glob("cheats*"))
    for page in (tmp_path / "site").rglob("*.html"):
        assert "cheats" not in page.read_text(encoding="utf-8"), page


def test_recorded_attempts_alone_are_no_results(in_world, tmp_path):
    shutil.copytree(in_world.results / "cheats", tmp_path / "results" / "cheats")
    with pytest.raises(UserError, match="holds no results"):
        build_site(tmp_path / "results", tmp_path / "site")


def test_every_page_links_to_the_attempts(documents):
    for page, root in documents.items():
        (footer,) = named(root, "footer")
        assert any((a.get("href") or "").endswith("cheats.html") for a in named(footer, "a")), page


def test_raw_and_corrected_stand_side_by_side(world):
    rows = json.loads((world.out / "datasets/breastmnist/standard.json").read_text())["rows"]
    row = next(row for row in rows if row["submission"] == "poor-b")
    assert row["raw"] == pytest.approx(0.62 * 12)
    assert row["corrected"] == pytest.approx(0.62 * 12 * 4 / 3)
    assert row["low"] < row["corrected"] < row["high"]
    text = words(parse(world.out / "datasets/breastmnist/index.html"))
    assert "7.44" in text
    assert "9.92" in text


def test_the_board_names_what_was_left_out(in_world, tmp_path):
    (in_world.results / "standard").rename(tmp_path / "kept")
    try:
        build_site(in_world.results, tmp_path / "site")
    finally:
        (tmp_path / "kept").rename(in_world.results / "standard")
    text = words(parse(tmp_path / "site" / "estimators" / "smoke.html"))
    assert "Left out" in text
    assert "pneumoniamnist" in text  # of the suite `smoke`, without results here
