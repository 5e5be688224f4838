"""The pages in a browser: nothing fails, nothing is requested from elsewhere, and tables sort and filter."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.browser

VISITED = (
    "index.html",
    "estimators/standard.html",
    "submissions/index.html",
    "submissions/markup/index.html",
    "datasets/index.html",
    "datasets/breastmnist/index.html",
    "method.html",
    "cheats.html",
    "models/smoke-mini.html",
    "submissions/other-net/index.html",
    "phantoms.html",
    "calibration.html",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def board(browser, world) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.goto((world.out / "estimators/standard.html").as_uri())
    yield page
    context.close()


def names(page: Page, table: str = "#accuracy-table") -> list[str]:
    return page.locator(f"{table} tbody tr:visible th a").all_inner_texts()


def test_pages_load_as_files_without_errors_and_without_other_hosts(browser, world):
    context = browser.new_context()
    page = context.new_page()
    problems, requests = [], []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url) if failed(request) else None)
    page.on("request", lambda request: requests.append(request.url))
    for path in VISITED:
        page.goto((world.out / path).as_uri())
        assert page.locator("h1").count() == 1
    context.close()
    assert problems == []
    assert all(url.startswith(("file:", "data:")) for url in requests)
    assert any(url.endswith("style.css") for url in requests)


def failed(request):
    """Whether a request failed by itself: going to the next page ends that for the icon, which no page waits for."""
    return not (request.url.endswith("favicon.svg") and request.failure == "net::ERR_ABORTED")


def test_a_click_sorts_and_says_so(board):
    heading = board.locator("#accuracy-table thead th", has_text="Error").first
    first = names(board)
    assert first[0] == "good"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names(board) == first
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert names(board)[-1] == "good"
    assert board.locator("#accuracy-table th[aria-sort]").count() == 1


def test_sorting_works_by_keyboard_and_keeps_missing_values_last(board):
    heading = board.locator("#accuracy-table thead th", has_text="Rank correlation")
    for _ in range(2):
        heading.get_by_role("button").press("Enter")
        values = board.locator("#accuracy-table tbody td[data-key=rank_correlation]").evaluate_all(
            "cells => cells.map((cell) => cell.dataset.value)"
        )
        assert "" not in values[: len([value for value in values if value])]


def test_the_filter_hides_rows_and_counts_them(browser, world):
    context = browser.new_context()
    page = context.new_page()
    page.goto((world.out / "method.html").as_uri())
    page.get_by_label("Show rows with").fill("halves")
    rows = page.locator("#metrics tbody tr")
    shown = page.locator("#metrics tbody tr:visible").count()
    assert 0 < shown < rows.count()
    assert page.locator("output").inner_text() == f"{shown} of {rows.count()} rows"
    context.close()


def test_without_javascript_the_page_is_complete(browser, world):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((world.out / "index.html").as_uri())
    assert len(names(page, "#board-table")) == 6
    assert page.locator("button, input").count() == 0
    page.get_by_role("link", name="good", exact=True).first.click()
    assert page.locator("h1").inner_text() == "good"
    context.close()


def test_the_dark_scheme_changes_the_colours_and_stays_readable(browser, world):
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        for path, selectors in (
            ("submissions/markup/index.html", ("h1", "main p a, main dd a", ".eyebrow", ".status-bad", ".range")),
            ("models/smoke-mini.html", ("h1", "main p a", ".status-bad", ".range", ".tag")),
            ("cheats.html", ("h1", "main p a", ".status-bad", ".words .muted", ".words strong")),
        ):
            page.goto((world.out / path).as_uri())
            for selector in selectors:
                ratio = page.locator(selector).first.evaluate(CONTRAST)
                assert ratio >= 4.5, (scheme, path, selector, ratio)
        context.close()


def test_nothing_is_wider_than_a_small_screen_but_what_scrolls(browser, world):
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    for path in VISITED:
        page.goto((world.out / path).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    context.close()


def test_the_keyboard_reaches_the_content_first(board):
    board.keyboard.press("Tab")
    assert board.evaluate("document.activeElement.getAttribute('href')") == "#main"
    board.keyboard.press("Enter")
    assert board.evaluate("document.activeElement.id") == "main"


CONTRAST = """(element) => {
  const luminance = (text) => {
    const channels = text.match(/[\\d.]+/g).slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2];
  };
  const ink = luminance(getComputedStyle(element).color);
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
}"""
