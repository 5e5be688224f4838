"""The results in the repository: current, complete, and without anything that a fresh clone could not read."""

import json

import numpy as np
import pytest

from benchmark.estimation.suites import load_suite
from benchmark.findings.published import PAPERS
from benchmark.findings.report import to_short_text
from benchmark.findings.retest import load_retest
from benchmark.leaderboard import dataset_table, load_board, suites_in, to_text
from benchmark.paths import REPOSITORY
from benchmark.saved_checks import FOLDER, read_check
from benchmark.submissions import find_submissions
from benchmark.synthetic.certify import load_certificate
from benchmark.synthetic.phantoms import PHANTOMS
from benchmark.training.board import load_model_boards
from benchmark.training.board import to_text as models_to_text
from benchmark.training.protocols import load_protocol
from benchmark.training.results import suites_with_models
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

SUBMISSIONS = find_submissions(REPOSITORY / "submissions")
BASELINES = {row.name: row.sha256 for row in SUBMISSIONS}
ROWS = {row.name: row.sha256 for row in SUBMISSIONS if row.manifest.track == "estimators"}
DATASETS = {view.dataset for block in load_suite("standard").content.real for view in block.views}


@pytest.fixture(scope="module")
def board():
    return load_board(REPOSITORY / "results", "standard")


def test_they_are_of_the_present_suite_and_of_nothing_older(board):
    assert board.suite_sha256 == load_suite("standard").sha256
    assert board.superseded == 0


def test_every_baseline_is_there_and_ranked(board):
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


@pytest.mark.parametrize("suite", suites_with_models(REPOSITORY / "results"))
def test_models_are_of_their_present_code_and_protocols(suite):
    asked = {
        load_protocol(block.protocol, block.overrides, block.title).sha256
        for block in load_suite(suite).content.training
    }
    boards = load_model_boards(REPOSITORY / "results", suite)
    assert {board.protocol_sha256 for board in boards} == asked
    for board in boards:
        assert board.superseded == 0
        assert all(result.submission_sha256 == BASELINES[result.submission] for result in board.results)
        assert all(result.status != "infrastructure" for result in board.results)
        tasks = {result.task for result in board.results}
        jobs = {(result.submission, result.task) for result in board.results}
        assert jobs == {(submission, task) for submission, _ in jobs for task in tasks}, "a model lacks a task"


def test_every_model_of_the_repository_is_on_the_board_of_standard():
    [mini] = load_model_boards(REPOSITORY / "results", "standard")
    assert {result.submission for result in mini.results} == set(BASELINES) - set(ROWS)


def test_every_baseline_passed_a_check_of_its_present_code():
    saved = {name: read_check(REPOSITORY / "results", name, sha256) for name, sha256 in BASELINES.items()}
    assert [name for name, check in saved.items() if check is None or not check.passed] == []
    assert {path.stem for path in (REPOSITORY / "results" / FOLDER).iterdir()} == set(BASELINES)


def test_the_readme_shows_what_the_program_prints(board):
    readme = (REPOSITORY / "README.md").read_text()
    [mini] = load_model_boards(REPOSITORY / "results", "standard")
    retest = load_retest(REPOSITORY / "results", board)
    beginning = "\n".join(to_text(board).splitlines()[:14])
    for text in (beginning, models_to_text(mini), *(to_short_text(retest, paper) for paper in PAPERS)):
        assert f"\n```text\n{text}\n" in readme


def test_the_site_of_all_that_is_committed_can_be_built(tmp_path):
    """Every kind of result lies where no other kind is looked for."""
    build_site(REPOSITORY / "results", tmp_path / "site")
    assert (tmp_path / "site" / "models" / "standard-mini.html").exists()
    assert suites_in(REPOSITORY / "results") == ("standard",)
