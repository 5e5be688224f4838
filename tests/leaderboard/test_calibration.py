"""Calibration from results made by hand: values, statuses, held-out families, and where estimators break."""

import json
import math

import pytest
from click.testing import CliRunner

from benchmark.breaks import breaks_table
from benchmark.calibration import calibrated_table, held_out_families_table, held_out_table
from benchmark.cli.calibrate import calibrate
from benchmark.estimation.conditions import Conditions
from benchmark.leaderboard import load_board
from benchmark.results import write_result

FACTORS = {"ellipses": 1.0, "warp": 0.8, "xray": 0.64}
"""What `mine` answers on each family, as a share of the truth."""


@pytest.fixture
def root(tmp_path, make):
    """`mine` answers a share of the truth, `constant` always 10, on plain phantoms at N = 1000 and on real images."""
    for name in ("mine", "constant"):
        for family, factor in (*FACTORS.items(), ("slices", 0.5)):
            for d in (2, 8, 32):
                conditions = Conditions(family, d, 1000)
                value = 10.0 if name == "constant" else factor * d
                write_phantom(tmp_path, make, name, conditions, value)
        for dataset, n, value in (
            ("near", 900, 8.0),
            ("small", 300, 8.0),
            ("high", 1000, 80.0),
            ("failed", 1000, None),
        ):
            result = make(name, f"real/{dataset}", {"whole": 10.0 if name == "constant" and value else value})
            answer = result.answers[0].model_copy(update={"n": n})
            write_result(tmp_path, result.model_copy(update={"answers": [answer], "correction": 1.5}))
    return tmp_path


def write_phantom(root, make, name, conditions, *values):
    estimates = {f"seed-{number}": value for number, value in enumerate(values)}
    fields = {"kind": "phantom", "family": conditions.family, "truth": float(conditions.dimension)}
    write_result(root, make(name, conditions.name, estimates, **fields))


def rows(table, **chosen):
    for key, value in chosen.items():
        table = table[table[key] == value]
    return table


def one(table, **chosen):
    [row] = rows(table, **chosen).to_dict("records")
    return row


def test_calibrated_stands_beside_raw_and_corrected(root):
    row = one(calibrated_table(load_board(root, "tiny")), submission="mine", dataset="near")
    assert (row["raw"], row["corrected"], row["status"]) == (8.0, 12.0, "ok")
    assert row["calibrated"] == pytest.approx(8 / 0.8)
    assert row["low"] < row["calibrated"] < row["high"]
    assert row["spread"] == pytest.approx(1 / 0.64)
    assert (row["n"], row["k"], row["phantom_n"], row["families"]) == (900, 20, 1000, 3)  # slices come in groups


def test_where_calibration_does_not_apply_it_says_so(root):
    table = calibrated_table(load_board(root, "tiny"))
    statuses = rows(table, submission="mine").set_index("dataset")["status"].to_dict()
    assert statuses == {"near": "ok", "small": "N mismatch", "high": "outside the range", "failed": "not answered"}
    assert math.isnan(one(table, submission="mine", dataset="high")["calibrated"])
    assert one(table, submission="constant", dataset="near")["status"] == "no response"


def test_phantoms_at_the_nearest_n_are_used(root, make):
    for family in FACTORS:
        for d in (2, 8, 32):
            write_phantom(root, make, "mine", Conditions(family, d, 250), 0.4 * d)
    row = one(calibrated_table(load_board(root, "tiny")), submission="mine", dataset="small")
    assert (row["phantom_n"], row["status"]) == (250, "ok")
    assert row["calibrated"] == pytest.approx(20.0)


def test_another_k_is_said(root, make):
    result = make("mine", "real/near", {"whole": 8.0}, neighbors=5)
    write_result(root, result.model_copy(update={"answers": [result.answers[0].model_copy(update={"n": 1000})]}))
    assert one(calibrated_table(load_board(root, "tiny")), submission="mine", dataset="near")["status"] == "k mismatch"


def test_without_phantoms_nothing_is_calibrated(tmp_path, make):
    write_result(tmp_path, make("mine", "real/near", {"whole": 8.0}))
    board = load_board(tmp_path, "tiny")
    assert one(calibrated_table(board), submission="mine")["status"] == "no phantoms"
    assert held_out_table(board).empty
    assert held_out_families_table(board).empty
    assert breaks_table(board).empty


@pytest.fixture
def four(root, make):
    """With a fourth independent family, three are left when one is held out."""
    for d in (2, 8, 32):
        write_phantom(root, make, "mine", Conditions("decoder", d, 1000), 0.8 * d)
    return load_board(root, "tiny")


def test_a_held_out_family_is_calibrated_with_the_others(four):
    families = held_out_families_table(four)
    # ellipses: the others say d = estimate / 0.8, xray: estimate / 0.8, warp and decoder: exact
    assert one(families, submission="mine", family="warp")["calibrated_error"] == pytest.approx(0.0, abs=1e-9)
    assert one(families, submission="mine", family="ellipses")["calibrated_error"] == pytest.approx(25.0)
    assert one(families, submission="mine", family="xray")["raw_error"] == pytest.approx(36.0)
    assert one(families, submission="mine", family="xray")["calibrated_error"] == pytest.approx(20.0)
    assert one(families, submission="mine", family="slices")["raw_error"] == pytest.approx(50.0)
    whole = one(held_out_table(four), submission="mine")
    assert (whole["samples"], whole["families"], whole["better"]) == (12, 4, 3)
    assert whole["raw_error"] == pytest.approx((0 + 20 + 36 + 20) / 4)
    assert whole["calibrated_error"] == pytest.approx((25 + 0 + 20 + 0) / 4)
    assert whole["ok"] == 100.0


def test_a_control_that_does_not_respond_keeps_its_raw_error_and_is_in_no_mean(four):
    table = held_out_table(four)
    constant = one(table, submission="constant")
    assert constant["calibrated_error"] == constant["raw_error"]
    assert constant["ok"] == 0.0
    mean, mine = one(table, submission="mean"), one(table, submission="mine")
    assert {key: value for key, value in mean.items() if key != "submission"} == pytest.approx(
        {key: value for key, value in mine.items() if key != "submission"}
    )


def test_breaks_are_changes_against_all_else_being_equal(root, make):
    plain = Conditions("ellipses", 8, 1000)
    for conditions, values in (
        (Conditions("ellipses", 8, 500), (6.0,)),
        (Conditions("ellipses", 8, 1000, bits=8), (4.0, 9.0)),
        (Conditions("ellipses", 8, 1000, noise="gaussian", noise_level=0.4), (16.0,)),
        (Conditions("ellipses", 8, 1000, size=32), (8.0,)),
        (Conditions("ellipses", 8, 1000, size=32, bits=8), (80.0,)),
        (Conditions("slices", 8, 1000, groups=True), (8.0,)),
        (Conditions("warp", 8, 1000, noise="rician", noise_level=0.1), (None,)),
    ):
        write_phantom(root, make, "mine", conditions, *values)
    for percent, value in (("00", 20.0), ("35", 5.0)):
        task = f"mixture/ScaleMixture_10_{percent}"
        write_result(root, make("mine", task, {"seed-0": value}, truth=10.0))
    table = rows(breaks_table(load_board(root, "tiny")), submission="mine")
    changes = {(row["axis"], row["setting"]): row["change"] for row in table.to_dict("records")}
    assert plain.plain
    assert changes == pytest.approx(
        {
            ("d", "d = 8"): 0.0,
            ("d", "d = 32"): 0.0,
            ("family", "slices"): -50.0,
            ("family", "warp"): -20.0,
            ("family", "xray"): -36.0,
            ("N", "N = 500"): -25.0,
            ("bits", "8 bits"): -25.0,
            ("noise", "gaussian 0.4"): 100.0,
            ("size", "32 x 32"): 0.0,
            ("groups", "passed over"): 100.0,
            ("amplitude", "spread 0.35"): -75.0,
        },
        abs=1e-9,
    )
    bits = one(table, axis="bits")
    assert (bits["bias"], bits["baseline_bias"], bits["tasks"]) == pytest.approx((-25.0, 0.0, 1), abs=1e-9)
    assert one(table, axis="amplitude")["baseline_bias"] == pytest.approx(100.0)


def test_the_command_prints_tables_and_json(root):
    words = CliRunner().invoke(calibrate, ["--suite", "tiny", "--results", str(root)])
    assert words.exit_code == 0, words.output
    assert "families disagree" not in words.output
    assert "outside the range" in words.output
    plain = CliRunner().invoke(calibrate, ["--suite", "tiny", "--results", str(root), "--json"])
    content = json.loads(plain.output)
    assert content["suite"] == "tiny"
    [row] = [row for row in content["calibrated"] if (row["submission"], row["dataset"]) == ("mine", "near")]
    assert row["calibrated"] == pytest.approx(10.0)
    [row] = [row for row in content["calibrated"] if (row["submission"], row["dataset"]) == ("mine", "high")]
    assert row["calibrated"] is None
