"""Building: the same results give the same bytes, and a failed build leaves what was there."""

import shutil
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from benchmark.errors import UserError
from benchmark.paths import REPOSITORY
from benchmark.website import build_site


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_results_give_the_same_bytes(in_world, tmp_path):
    build_site(in_world.results, tmp_path / "elsewhere" / "again")
    assert content_of(tmp_path / "elsewhere" / "again") == content_of(in_world.out)


def test_a_second_build_replaces_the_first(in_world, tmp_path):
    out = tmp_path / "site"
    build_site(in_world.results, out)
    (out / "stale.html").write_text("old")
    build_site(in_world.results, out)
    assert content_of(out) == content_of(in_world.out)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_failed_build_leaves_the_old_site(in_world, tmp_path):
    out = tmp_path / "site"
    build_site(in_world.results, out)
    broken = tmp_path / "broken"
    shutil.copytree(REPOSITORY / "site", broken, ignore=shutil.ignore_patterns("build"))
    (broken / "templates" / "method.html").write_text("{{ no_such_name }}")
    with pytest.raises(UndefinedError, match="no_such_name"):
        build_site(in_world.results, out, broken)
    assert content_of(out) == content_of(in_world.out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "site"]


def test_a_folder_with_other_files_is_never_replaced(in_world, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="holds other files"):
        build_site(in_world.results, tmp_path)
    with pytest.raises(UserError, match="is a file"):
        build_site(in_world.results, tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_pages_never_lie_among_the_results(in_world):
    with pytest.raises(UserError, match="results folder"):
        build_site(in_world.results, in_world.results / "site")


def test_results_of_unknown_submissions_and_datasets_have_pages(in_world, tmp_path, monkeypatch):
    monkeypatch.setenv("MANIFOLDBENCH_SUBMISSIONS", str(tmp_path / "none"))
    monkeypatch.setenv("MANIFOLDBENCH_DATASETS", str(tmp_path / "none"))
    summary = build_site(in_world.results, tmp_path / "site")
    assert (summary.submissions, summary.datasets) == (10, 3)
    assert "There is no card" in (tmp_path / "site" / "datasets" / "odd-set" / "index.html").read_text()
    assert (tmp_path / "site" / "submissions" / "good" / "index.html").is_file()


def test_a_place_that_cannot_be_written_is_one_sentence(in_world, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        build_site(in_world.results, tmp_path / "file" / "site")


def test_templates_that_are_not_there_are_one_sentence(in_world, tmp_path, monkeypatch):
    monkeypatch.setenv("MANIFOLDBENCH_SITE", str(tmp_path))
    with pytest.raises(UserError, match="MANIFOLDBENCH_SITE"):
        build_site(in_world.results, tmp_path / "site")


def test_an_empty_folder_is_filled(in_world, tmp_path):
    out = tmp_path / "empty"
    out.mkdir()
    assert build_site(in_world.results, out).pages == len(list(out.rglob("*.html")))
