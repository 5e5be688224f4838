"""What ranks: phantoms where there are any, manifolds beside them, points of mixed dimension never."""

import math

import pytest

from benchmark.leaderboard import load_board, submission_table, to_text
from benchmark.results import write_result

PHANTOMS = {"phantom/ellipses-8@N=100": 8.0, "phantom/ellipses-2@N=100": 2.0, "phantom/warp-8@N=100": 8.0}


@pytest.fixture
def write(tmp_path, make):
    """A function that writes a submission's results: factors on ellipses, warp and manifolds, and local scores."""

    def write(name, ellipses, warp, manifolds, local=None):
        for task, truth in PHANTOMS.items():
            family = task.partition("/")[2].partition("-")[0]
            factor = {"ellipses": ellipses, "warp": warp}[family]
            write_result(
                tmp_path, make(name, task, {"seed-0": factor * truth}, truth=truth, kind="phantom", family=family)
            )
        write_result(tmp_path, make(name, "classic/a", {"seed-0": 10 * manifolds}, truth=10.0))
        scores = {"local_error": local, "local_rank_correlation": 0.5} if local else {}
        task = "local/strata-8@N=100"
        fields = {"kind": "local", "family": "strata", "dataset": None, "view_sha256": None, "scores": scores}
        write_result(tmp_path, make(name, task, {"seed-0": 5.0}, **fields))
        return tmp_path

    return write


def rows_of(root):
    board = load_board(root, "tiny")
    return board, board.rows.set_index("submission")


def test_phantoms_rank_and_manifolds_stand_beside(write):
    write("good", 1.1, 1.3, 5.0)
    root = write("poor", 1.5, 1.5, 1.0, local=30.0)
    board, rows = rows_of(root)
    assert board.ranked_by == "phantom"
    assert rows.loc["good", ["rank", "error", "error_manifolds"]].tolist() == pytest.approx([1, 20.0, 400.0])
    assert rows.loc["good", ["error_ellipses", "error_warp", "error_classic"]].tolist() == pytest.approx([10, 30, 400])
    assert rows.loc["poor", ["rank", "error", "error_manifolds", "bias"]].tolist() == pytest.approx(
        [2, 50.0, 0.0, 50.0]
    )
    assert rows.loc["poor", ["local_error", "local_rank_correlation"]].tolist() == [30.0, 0.5]
    assert math.isnan(rows.loc["good", "local_error"])
    assert "error_strata" not in rows
    text = to_text(board, width=200)
    assert "Ranked by the error on phantoms of known dimension." in text
    assert "3 phantoms of known dimension, 1 manifold of known dimension, 1 phantom of mixed dimension" in text


def test_manifolds_break_ties_and_equal_ones_still_share_a_rank(write):
    for name, manifolds in (("third", 3.0), ("second", 2.0), ("first", 1.0), ("also-second", 2.0)):
        root = write(name, 1.1, 1.1, manifolds)
    write("last", 2.0, 2.0, 1.0)
    _, rows = rows_of(root)
    assert rows["rank"].to_dict() == {"first": 1, "also-second": 2, "second": 2, "third": 4, "last": 5}
    assert (rows["rank_low"] <= rows["rank"]).all()
    assert (rows["rank_high"] >= rows["rank"]).all()


def test_a_tasks_scores_of_each_point_are_those_that_were_kept(write):
    board, _ = rows_of(write("mine", 1.0, 1.0, 1.0, local=30.0))
    table = submission_table(board, "mine").set_index("task")
    assert table.loc["local/strata-8@N=100", ["local_error", "estimate"]].tolist() == [30.0, 5.0]
    assert math.isnan(table.loc["local/strata-8@N=100", "truth"])
    assert table.loc["phantom/warp-8@N=100", ["truth", "estimate", "error"]].tolist() == [8.0, 8.0, 0.0]


def test_without_phantoms_manifolds_rank(tmp_path, make):
    write_result(tmp_path, make("mine", "classic/a", {"seed-0": 3.0}, truth=2.0))
    board, rows = rows_of(tmp_path)
    assert board.ranked_by == "known"
    assert rows.loc["mine", "error"] == rows.loc["mine", "error_manifolds"] == pytest.approx(50.0)
