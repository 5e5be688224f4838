"""Calibrated dimensions are those of the calibration whose status is `ok`, and no others."""

import pandas as pd
import pytest

import made_up_results as made_up
from benchmark.findings import dimensions
from benchmark.findings.report import sections
from benchmark.findings.retest import retest
from benchmark.leaderboard import load_board


@pytest.fixture
def board(tmp_path):
    made_up.write_estimator(tmp_path, "good")
    made_up.write_estimator(tmp_path, "lost")
    found = load_board(tmp_path, made_up.SUITE)
    found.tasks.loc[0, "kind"] = "phantom"
    return found


@pytest.fixture
def calibrated(monkeypatch):
    """A calibration that turns the order round for `good`, and never holds for `lost`."""
    rows = [
        {
            "submission": name,
            "task": f"real/{dataset}",
            "dataset": dataset,
            "k": 20,
            "calibrated": 100 / value,
            "status": "ok" if name == "good" else "outside the range",
        }
        for name in ("good", "lost", "constant")
        for dataset, value in made_up.DIMENSIONS.items()
    ]
    table = pd.DataFrame(rows).astype({"k": "Int64"})
    monkeypatch.setattr(dimensions, "calibrated_table", lambda board: table)


def test_a_finding_is_tested_on_calibrated_dimensions(board, calibrated):
    found = {
        (f.setting.measuring.estimator, f.setting.measuring.version): (f.verdict, f.datasets)
        for f in retest(board, [], []).of("natural-higher")
        if f.setting.measuring.part == "whole"
    }
    assert found == {
        ("good", "corrected"): ("holds", 11),
        ("lost", "corrected"): ("holds", 11),
        ("good", "calibrated"): ("does not hold", 11),
        ("lost", "calibrated"): ("not enough datasets", 0),
    }


def test_the_sections_say_whether_a_claim_survives_it(board, calibrated):
    first, *others = sections(retest(board, [], []), ["konz2022"])
    assert first.calibration == (
        "Does it survive calibration? 2 estimators: “does not hold” for 1, “not enough datasets” for 1; 0 of 1 "
        "intervals include zero; 1 of 1 turn from holding to not holding, or back."
    )
    assert all("not enough datasets whose calibration holds" in other.calibration for other in others)


def test_without_phantoms_it_says_so(tmp_path, load):
    made_up.write_estimator(tmp_path, "good")
    (first, *_) = sections(load(tmp_path), ["konz2022"])
    assert "no answers on phantoms (`manifoldbench run --track estimators --suite standard`)" in first.calibration
