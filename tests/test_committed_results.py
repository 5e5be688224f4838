"""The results in the repository: current, complete, and without anything that a fresh clone could not read."""

import json

import numpy as np
import pytest

from benchmark.estimation.suites import load_suite
from benchmark.leaderboard import dataset_table, load_board, suites_in
from benchmark.paths import REPOSITORY
from benchmark.submissions import find_submissions
from benchmark.synthetic.certify import load_certificate
from benchmark.synthetic.phantoms import PHANTOMS
from benchmark.website import build_site

REFERENCE = json.loads((REPOSITORY / "tests" / "reference-dimensions.json").read_text())["known_dimension"]
PUBLISHED = {
    "danco": "DANCo",
    "skdim-mada": "MADA",
    "skdim-tle": "TLE",
    "skdim-corrint": "CorrInt",
    "skdim-lpca-fo": "lPCA",
    "ess-k100": "ESS",
    "skdim-mind-ml-mlk-k10": "MiND_ML",
}
"""Rows whose mean error over the 24 manifolds was published: these take too long to be run again in a test."""

ROWS = {
    row.name: row.sha256
    for row in find_submissions(REPOSITORY / "submissions")
    if row.manifest.track == "estimators" and not row.manifest.slow
}
DATASETS = {view.dataset for block in load_suite("standard").content.real for view in block.views}


@pytest.fixture(scope="module")
def board():
    return load_board(REPOSITORY / "results", "standard")


def test_they_are_of_the_present_suite_and_of_nothing_older(board):
    assert board.suite_sha256 == load_suite("standard").sha256
    assert board.superseded == 0


def test_every_baseline_that_is_not_slow_is_there_and_ranked(board):
    """Of its present code: a changed baseline must be run again before it is committed."""
    found = board.rows.set_index("submission")
    assert {name: found.loc[name, "submission_sha256"] for name in ROWS} == ROWS
    assert found.loc[list(ROWS), "rank"].notna().all()


@pytest.mark.parametrize("dataset", sorted(DATASETS))
def test_every_dataset_has_a_value_of_every_baseline(board, dataset):
    table = dataset_table(board, dataset)
    assert set(table["submission"]) >= set(ROWS)
    answered = table[table["status"] == "ok"]
    assert len(answered) > len(table) / 2
    assert answered[["n", "ambient_dimension", "raw", "corrected", "low", "high", "view_sha256"]].notna().all(axis=None)


def test_no_fault_of_ours_was_committed(board):
    assert all(result.status != "infrastructure" for result in board.results)
    assert all(answer.certified == 1.0 for result in board.results for answer in result.answers)


@pytest.mark.parametrize("suite", ["smoke", "standard", "full"])
def test_every_phantom_has_its_certificate(suite):
    """Of the present code and libraries: whoever runs the suite need not measure it again."""
    asked = {(each.family, each.dimension, each.size) for _, each in load_suite(suite).phantoms}
    assert asked
    without = [
        (family, dimension, size)
        for family, dimension, size in sorted(asked)
        if load_certificate(REPOSITORY / "results", PHANTOMS[family], dimension, size=size, anatomy=0) is None
    ]
    assert without == []


@pytest.mark.parametrize("submission", PUBLISHED)
def test_published_errors_over_the_manifolds(board, submission):
    published = REFERENCE[PUBLISHED[submission]][0]
    assert abs(board.rows.set_index("submission").loc[submission, "error_classic"] - published) < 1.0


def test_published_error_of_fishers_without_what_it_failed(board):
    """The published mean leaves the failures out; ours counts them as the control, so they are left out here."""
    errors = [
        np.mean([abs(answer.dimension - result.truth) / result.truth for answer in answered])
        for result in board.results
        if result.submission == "skdim-fishers"
        and result.family == "classic"
        and (answered := [answer for answer in result.answers if answer.dimension is not None])
    ]
    assert abs(100 * np.mean(errors) - REFERENCE["FisherS"][0]) < 1.0


def test_the_site_of_all_that_is_committed_can_be_built(tmp_path):
    """Every kind of result lies where no other kind is looked for."""
    build_site(REPOSITORY / "results", tmp_path / "site")
    assert (tmp_path / "site" / "models" / "standard-mini.html").exists()
    assert suites_in(REPOSITORY / "results") == ("standard",)
