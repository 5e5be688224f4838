"""The page of the findings: complete with few results and with many, and every number from a file beside it."""

import itertools
import json
import shutil
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import sync_playwright

import made_up_results as made_up
from benchmark.findings.report import sections
from benchmark.findings.retest import load_retest
from benchmark.findings.summary import Change, Counts
from benchmark.leaderboard import load_board
from benchmark.website import build_site
from benchmark.website.findings_figures import PANEL_HEIGHT, PANEL_WIDTH, panels
from benchmark.website.findings_page import make_findings
from benchmark.website.findings_tables import changes_table

CHROMIUM = "/usr/bin/chromium"


def words(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def named(root: ET.Element, tag: str) -> list[ET.Element]:
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == tag]


def parse(path) -> ET.Element:
    return ET.fromstring(path.read_text(encoding="utf-8").removeprefix("<!DOCTYPE html>\n"))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site of made-up results, with models and without."""
    folder = tmp_path_factory.mktemp("findings")
    for name in ("papers-mle-k20", "mle-k20", "mle-k5"):
        made_up.write_estimator(folder / "few", name, neighbors=5 if name.endswith("k5") else 20)
    shutil.copytree(folder / "few", folder / "many")
    made_up.write_trainings(folder / "many", sizes=(500, 1000, 2000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MANIFOLDBENCH_SUBMISSIONS", str(folder / "none"))
        patch.setenv("MANIFOLDBENCH_DATASETS", str(folder / "none"))
        for name in ("few", "many"):
            build_site(folder / name, folder / f"{name}-site")
    return folder


@pytest.fixture(scope="module")
def few(built) -> ET.Element:
    return parse(built / "few-site" / "findings.html")


@pytest.fixture(scope="module")
def many(built) -> ET.Element:
    return parse(built / "many-site" / "findings.html")


def test_without_models_the_first_finding_stands_and_the_others_say_what_is_missing(few):
    text = words(few)
    assert "All 3 estimators: “holds” for 3; 0 of 3 intervals include zero." in text
    assert "Not enough datasets: 0, and it takes 3 datasets of the domain." in text
    assert "No model has been trained here yet" in text
    assert "manifoldbench run --track models --suite standard" in text
    assert "`" not in text
    assert {table.get("id") for table in named(few, "table")} == {
        *("short-table", "survival-table", "published-table"),
        *("natural-higher-table", "natural-higher-changes"),
    }


def test_with_models_every_claim_about_them_has_its_tables(many):
    found = {table.get("id") for table in named(many, "table")}
    for claim in ("accuracy-falls", "steeper-for-radiology", "plane", "loss-rises", "scaling-law"):
        assert {f"{claim}-table", f"{claim}-changes"} <= found
    assert "sharper-radiology-table" not in found
    assert "radiology: holds: −2.00 (−2.00 to −2.00) points a dimension, R² 1.00; 6 datasets." in words(many)


def test_another_setting_is_one_row_for_both_domains(built, many):
    (section,) = [
        each
        for each in sections(load_retest(built / "many", load_board(built / "many", "standard")), ["konz2022"])
        if each.claim.id == "accuracy-falls"
    ]
    counts = Counts(holds=3, holds_with_zero=1, does_not_hold=2, not_enough=1)
    few = Counts(holds=0, holds_with_zero=0, does_not_hold=0, not_enough=7)
    found = (
        [Change("radiology", "Images", "half the images", counts, compared=6, changed=4, turned=2)],
        [
            Change("natural", "Images", "half the images", few, compared=0, changed=0, turned=0),
            Change("natural", "N", "1000 training images", counts, compared=5, changed=0, turned=0),
        ],
    )
    domains = tuple(replace(own, changes=tuple(its)) for own, its in zip(section.domains, found, strict=True))
    assert [domain.domain for domain in domains] == ["radiology", "natural"]
    table = changes_table(replace(section, domains=domains), {})
    shown = [[column.text(row) for column in table.columns] for row in table.records]
    assert shown == [
        ["half the images", "Images", "4", "2", "–", "–"],
        ["1000 training images", "N", "–", "–", "0", "0"],
    ]
    notes = [(row["radiology_changed_note"], row["natural_changed_note"]) for row in table.records]
    assert notes == [("of 6", "too few datasets"), (None, "of 5")]
    (on_page,) = [each for each in named(many, "table") if each.get("id") == "accuracy-falls-changes"]
    assert "half the resolution" in words(on_page)
    assert "0 (of 3)" in words(on_page)


def test_figures_have_a_mark_for_each_dataset_and_say_it_in_words(few, many):
    marks = {
        name: [e for svg in named(page, "svg") for e in svg.iter() if "mark" in (e.get("class") or "").split()]
        for name, page in (("few", few), ("many", many))
    }
    # 14 + 11 published and 11 for each of two estimators on the strips; 11 published, and 11 here, in the panels
    assert len(marks["few"]) == 14 + 11 + 2 * 11 + 11
    assert len(marks["many"]) == len(marks["few"]) + 11
    shapes = {(e.tag.rpartition("}")[2], e.get("class")) for e in marks["many"]}
    assert shapes == {("path", "mark radiology"), ("circle", "mark natural")}
    (text,) = [e for e in many.iter() if e.get("id") == "panels-text"]
    assert "radiology-0 (radiology): dimension 4.0, accuracy 94.0 %." in words(text)
    assert len([e for e in many.iter() if (e.get("class") or "").startswith("fit ")]) == 4


def test_published_values_stand_beside_ours(built):
    rows = json.loads((built / "few-site" / "findings" / "published.json").read_text())["rows"]
    mnist = next(row for row in rows if row["name"] == "MNIST")
    assert (mnist["konz2022"], mnist["konz2024"], mnist["pope"]) == (13, 9.3, "7, 11, 12, 13")
    assert mnist["ours"] is None  # no card of these results holds the same images


def test_the_files_hold_verdicts_in_full_words(built):
    rows = json.loads((built / "many-site" / "findings" / "estimators.json").read_text())["rows"]
    assert rows[0]["radiology_accuracy-falls"] == "holds"
    assert rows[0]["calibrated"] is None
    short = json.loads((built / "few-site" / "findings" / "short.json").read_text())["rows"]
    assert {row["verdict"] for row in short} == {"holds", "not enough datasets"}


def test_one_domain_alone_has_a_page_that_says_so(world):
    """The small world's two datasets are both of radiology."""
    text = words(parse(world.out / "findings.html"))
    assert "Not enough datasets: 0, and it takes 3 datasets in each domain." in text


def test_suites_without_real_images_have_no_page(tmp_path, built):
    shutil.copytree(built / "few", tmp_path / "results")
    for path in (tmp_path / "results" / "standard").glob("*/*.json"):
        text = path.read_text()
        path.write_text(text.replace('"kind": "real"', '"kind": "local"'))
    assert make_findings(tmp_path / "results", load_board(tmp_path / "results", "standard"), {}) is None


def test_names_in_the_panels_cross_neither_each_other_nor_dots(built):
    retest = load_retest(built / "many", load_board(built / "many", "standard"))
    for panel in panels(retest, {name: f"{name}, with a long name" for name in retest.datasets}):
        assert all(0 <= point.x <= PANEL_WIDTH and 0 <= point.y <= PANEL_HEIGHT for point in panel.points)
        boxes = [(point.x - 4, point.y - 4, point.x + 4, point.y + 4) for point in panel.points]
        dots = len(boxes)
        for point in panel.points:
            if point.label:
                x, y, anchor = point.label
                width = 5 * len(point.name)
                left = x if anchor == "start" else x - width
                boxes.append((left, y - 8, left + width, y))
        assert len(boxes) > dots + 3
        for one, other in itertools.combinations(boxes[dots:] + boxes[:dots], 2):
            if one in boxes[dots:]:
                apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
                assert apart, (panel.title, one, other)


@pytest.mark.browser
def test_the_page_opens_without_errors_fits_a_small_screen_and_unfolds(built):
    if not shutil.which(CHROMIUM):
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((built / "many-site" / "findings.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        table = page.locator("#natural-higher-table")
        assert not table.is_visible()
        page.locator("#natural-higher-table").evaluate("element => element.closest('details').open = true")
        assert table.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        browser.close()
    assert problems == []
