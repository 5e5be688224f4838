"""Boards from results made by hand: every number can be worked out, and nothing that differs is mixed."""

import csv
import io
import json
import math

import pytest

from benchmark.errors import UserError
from benchmark.leaderboard import (
    board_csv,
    board_json,
    dataset_table,
    load_board,
    submission_table,
    to_text,
)
from benchmark.results import write_result

REAL = {"whole": 10.0, "half-1a": 8.0, "half-1b": 10.0, "low": 5.0, "low-rounded": 10.0}


@pytest.fixture
def board(tmp_path, make):
    """Three submissions on three tasks of known truth and one real set."""
    estimates = {
        "constant": (10.0, 10.0, 10.0, dict.fromkeys(REAL, 10.0)),
        "good": (9.0, 2.0, 22.0, REAL),
        "fails": (None, 2.0, None, {**REAL, "low": None}),
    }
    for name, (first, second, third, real) in estimates.items():
        write_result(tmp_path, make(name, "classic/a", {"seed-0": first, "seed-1": 10.0}, truth=10.0))
        write_result(tmp_path, make(name, "classic/b", {"seed-0": second}, truth=2.0))
        write_result(tmp_path, make(name, "topology/c", {"seed-0": third}, truth=20.0))
        changes = {"correction": 1.5} if name == "good" else {}
        write_result(tmp_path, make(name, "real/set", real, **changes))
    return load_board(tmp_path, "tiny")


def row(board, name):
    return board.rows.set_index("submission").loc[name]


def test_error_is_averaged_within_families_first(board):
    good = row(board, "good")
    assert good["error_classic"] == pytest.approx((5 + 0) / 2)
    assert good["error_topology"] == pytest.approx(10.0)
    assert good["error"] == pytest.approx((2.5 + 10) / 2)
    assert good["error_low"] <= good["error"] <= good["error_high"]


def test_a_failure_counts_as_the_control_and_is_shown(board):
    fails = row(board, "fails")
    assert fails["error"] == pytest.approx((0 + 50) / 2)  # 10 on classic/a and topology/c, as the control says
    assert fails["failure_rate"] == pytest.approx(100 * 3 / 9)
    assert fails["statuses"] == {"failed": 3}
    assert fails["ok"] == 6


def test_the_best_comes_first(board):
    assert board.rows["submission"].tolist() == ["good", "fails", "constant"]
    assert board.rows["rank"].tolist() == [1, 2, 3]
    assert (board.rows["rank_low"] <= board.rows["rank"]).all()


def test_consistency_of_real_images(board):
    good = row(board, "good")
    assert good["half_disagreement"] == pytest.approx(math.log(10 / 8))
    assert good["rounding_change"] == pytest.approx(math.log(2))
    assert row(board, "constant")["inconsistency"] == pytest.approx(0.0, abs=1e-12)
    assert row(board, "fails")["rounding_change"] == pytest.approx(math.log(2))


def test_costs_with_and_without_the_graph(board):
    assert row(board, "good")["wall_seconds"] == pytest.approx(0.5)
    assert row(board, "good")["wall_seconds_with_graph"] == pytest.approx(0.75)


def test_dataset_table_shows_raw_beside_corrected(board):
    table = dataset_table(board, "set").set_index("submission")
    assert table.loc["good", "raw"] == 10.0
    assert table.loc["good", "corrected"] == 15.0
    assert table.loc["good", "low"] < 15.0 < table.loc["good", "high"]
    assert table.loc["constant", "corrected"] == 10.0
    assert table.loc["good", ["n", "k", "ambient_dimension", "duplicates"]].tolist() == [100, 20, 9, 1]
    assert table.loc["good", "view_sha256"] == "b" * 64
    assert dataset_table(board, "other").empty


def test_submission_table_has_a_row_for_each_task(board):
    table = submission_table(board, "fails").set_index("task")
    assert list(table.index) == ["classic/a", "classic/b", "real/set", "topology/c"]
    assert table.loc["topology/c", "status"] == "failed"
    assert table.loc["topology/c", "reason"] == "fit raised ValueError: no"
    assert math.isnan(table.loc["topology/c", "estimate"])
    assert table.loc["classic/b", "error"] == 0.0


def test_other_hashes_are_never_in_one_mean(tmp_path, make):
    later = {"provenance": make("x", "a/b", {"seed-0": 1.0}, truth=1.0).provenance.model_copy(update={"finished": "3"})}
    write_result(tmp_path, make("mine", "classic/a", {"seed-0": 4.0}, truth=2.0, suite_sha256="old", task_sha256="1"))
    write_result(tmp_path, make("mine", "classic/a", {"seed-0": 4.0}, truth=2.0, task_sha256="2"))
    write_result(tmp_path, make("mine", "classic/a", {"seed-0": 6.0}, truth=2.0, submission_sha256="old"))
    write_result(tmp_path, make("mine", "classic/a", {"seed-0": 2.0}, truth=2.0, **later))
    board = load_board(tmp_path, "tiny")
    assert board.superseded == 3
    assert row(board, "mine")["error"] == 0.0


def test_who_has_not_answered_every_task_has_no_rank(tmp_path, make):
    for name, tasks in (("whole", "ab"), ("part", "a")):
        for task in tasks:
            write_result(tmp_path, make(name, f"classic/{task}", {"seed-0": 2.0}, truth=2.0))
    board = load_board(tmp_path, "tiny")
    assert board.rows["submission"].tolist() == ["whole", "part"]
    assert math.isnan(row(board, "part")["error"])
    assert "incomplete: 1 of 2 tasks" in to_text(board)


def test_csv_and_json_hold_the_numbers_in_full(board):
    [first, *_] = list(csv.DictReader(io.StringIO(board_csv(board))))
    assert float(first["inconsistency"]) == row(board, "good")["inconsistency"]
    assert {line["submission"]: line["statuses"] for line in csv.DictReader(io.StringIO(board_csv(board)))} == {
        "good": "",
        "fails": "3 failed",
        "constant": "",
    }
    content = json.loads(board_json(board))
    assert content["rows"][0]["submission"] == "good"
    assert content["rows"][0]["error"] == row(board, "good")["error"]
    assert content["rows"][0]["rank"] == 1
    assert content["rows"][1]["statuses"] == {"failed": 3}
    assert content["rows"][0]["coverage"] is None


def test_text_fits_the_terminal(board):
    lines = to_text(board, width=100).splitlines()
    assert max(map(len, lines)) <= 100
    assert "3 failed" in lines[-2]
    assert "constant (control)" in lines[-1]


def test_no_results_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="holds no results: run `manifoldbench run --suite tiny`"):
        load_board(tmp_path, "tiny")


TRUTHS = {"classic/a": 10.0, "classic/b": 2.0, "topology/c": 20.0}


def test_an_oracle_has_no_error_and_the_first_rank(tmp_path, make):
    """The scoring's own check: who answers the truth cannot be beaten."""
    for name, factor in (("oracle", 1.0), ("near", 1.01), ("constant", 2.0)):
        for task, truth in TRUTHS.items():
            write_result(tmp_path, make(name, task, {"seed-0": factor * truth}, truth=truth))
    oracle = row(load_board(tmp_path, "tiny"), "oracle")
    assert oracle[["error", "error_low", "error_high", "log_error", "bias", "far_off"]].tolist() == [0.0] * 6
    assert oracle[["rank", "rank_low", "rank_high"]].tolist() == [1, 1, 1]


def test_equal_submissions_are_shown_as_a_tie_and_a_worse_one_moves_nobody(tmp_path, make):
    for name, factor in (("b", 1.1), ("a", 1.1), ("best", 1.0), ("worst", 3.0)):
        for task, truth in TRUTHS.items():
            write_result(tmp_path, make(name, task, {"seed-0": factor * truth}, truth=truth))
    board = load_board(tmp_path, "tiny")
    assert board.rows["submission"].tolist() == ["best", "a", "b", "worst"]
    assert board.rows["rank"].tolist() == board.rows["rank_low"].tolist() == [1, 2, 2, 4]


def test_a_fault_of_ours_counts_against_nobody(tmp_path, make):
    for name in ("mine", "other"):
        for task in "ab":
            ours = {"status": "infrastructure"} if (name, task) == ("mine", "b") else {}
            write_result(tmp_path, make(name, f"classic/{task}", {"seed-0": None if ours else 2.0}, truth=2.0, **ours))
    mine = row(load_board(tmp_path, "tiny"), "mine")
    assert (mine["answered"], mine["failure_rate"], mine["error_classic"]) == (1, 0.0, 0.0)


def test_without_a_real_set_that_others_have_there_is_an_error_and_no_rank(tmp_path, make):
    for name in ("whole", "part"):
        write_result(tmp_path, make(name, "classic/a", {"seed-0": 2.0}, truth=2.0))
    write_result(tmp_path, make("whole", "real/set", REAL))
    board = load_board(tmp_path, "tiny")
    assert row(board, "part")["error"] == 0.0
    assert row(board, "whole")["rank"] == row(board, "whole")["rank_high"] == 1
    assert board.rows["rank"].isna().tolist() == [False, True]
    assert math.isnan(row(board, "part")["inconsistency"])


@pytest.mark.parametrize("absurd", [1e308, 5e-324])
def test_an_absurd_answer_does_not_break_the_board(tmp_path, make, absurd):
    for name, value in (("absurd", absurd), ("good", 2.0)):
        write_result(tmp_path, make(name, "classic/a", {"seed-0": value}, truth=2.0))
        write_result(tmp_path, make(name, "real/set", dict(zip(REAL, [value, 2.0, value, 2.0, value], strict=True))))
    board = load_board(tmp_path, "tiny")
    assert board.rows["submission"].tolist() == ["good", "absurd"]
    assert len(dataset_table(board, "set")) == 2
    json.loads(board_json(board))


def test_a_suite_may_have_one_kind_of_task(tmp_path, make):
    write_result(tmp_path, make("mine", "real/set", REAL, suite="real"))
    write_result(tmp_path, make("mine", "classic/a", {"seed-0": 2.0}, truth=2.0, suite="known"))
    write_result(tmp_path, make("mine", "real/set", {"whole": 4.0}, suite="values"))
    real, known, values = (load_board(tmp_path, suite) for suite in ("real", "known", "values"))
    assert list(real.rows.columns) == [column for column in known.rows.columns if column != "error_classic"]
    assert real.rows["rank"].isna().all()
    assert math.isnan(row(real, "mine")["error"])
    assert row(real, "mine")["inconsistency"] > 0
    assert math.isnan(row(known, "mine")["inconsistency"])
    assert math.isnan(row(values, "mine")["inconsistency"])
    for board in (real, known, values):
        assert "mine" in to_text(board)
        json.loads(board_json(board))


def test_where_no_truth_is_known_the_text_says_the_dimensions(tmp_path, make):
    parts = {"whole": 4.0, "half-1a": 3.8, "half-1b": 4.4}
    write_result(tmp_path, make("mine", "real/one", parts, correction=1.5))
    write_result(tmp_path, make("mine", "real/two", {"whole": 7.25}))
    write_result(tmp_path, make("theirs", "real/one", dict.fromkeys(parts)))
    write_result(tmp_path, make("constant", "real/one", {"whole": 1.0}))
    board = load_board(tmp_path, "tiny")
    low, high = dataset_table(board, "one").set_index("submission").loc["mine", ["low", "high"]]
    text = to_text(board, width=120)
    lines = text.splitlines()
    assert lines[0].endswith("on 2 real images. No true dimension is known, so that nobody is ranked.")
    assert [line.split() for line in lines[-2:]] == [
        ["mine", "6.0", f"({low:.1f}-{high:.1f})", "7.2"],
        ["theirs", "failed", "-"],
    ]
    for number in range(4):
        write_result(tmp_path, make("mine", f"real/more-{number}", {"whole": 2.0}))
    assert to_text(load_board(tmp_path, "tiny")).endswith("pages with the dimension of each.")


def test_results_that_were_replaced_are_counted_in_the_text(tmp_path, make):
    write_result(tmp_path, make("mine", "classic/a", {"seed-0": 2.0}, truth=2.0, submission_sha256="new"))
    write_result(tmp_path, make("mine", "classic/a", {"seed-0": 9.0}, truth=2.0, submission_sha256="0"))
    assert to_text(load_board(tmp_path, "tiny")).endswith(
        "Results of an earlier suite, task or submission, left out: 1."
    )
