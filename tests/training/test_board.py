"""The boards of models: means, intervals, ranks, failures, and what is never mixed."""

import json
import math

import pytest
from scipy import stats

from benchmark.errors import UserError
from benchmark.training.board import board_content, load_model_boards, mean_interval, score_table, to_text
from benchmark.training.results import (
    finished_trainings,
    iter_training_results,
    suites_with_models,
    write_training_result,
)


@pytest.fixture
def boards(tmp_path):
    def load(*results):
        for result in results:
            write_training_result(tmp_path, result)
        return load_model_boards(tmp_path, "tiny")

    return load


def row(board, submission):
    [found] = board.rows[board.rows["submission"] == submission].to_dict("records")
    return found


def test_a_result_is_read_as_it_was_written(tmp_path, trained):
    result = trained("cnn", "xray@N=50", [80.0, 90.0])
    path = write_training_result(tmp_path, result)
    assert path == tmp_path / "models" / "tiny" / "cnn" / f"{result.job_sha256[:16]}.json"
    assert list(iter_training_results(tmp_path, "tiny")) == [result]
    assert finished_trainings(tmp_path, "tiny") == {result.job_sha256}
    assert suites_with_models(tmp_path) == ("tiny",)


def test_a_fault_of_ours_runs_again_and_is_on_no_board(tmp_path, trained):
    write_training_result(tmp_path, trained("cnn", "xray@N=50", [80.0], status="infrastructure"))
    assert finished_trainings(tmp_path, "tiny") == set()
    with pytest.raises(UserError, match="holds no results of models"):
        load_model_boards(tmp_path, "tiny")


def test_domains_weigh_the_same_and_the_lower_error_ranks_first(boards, trained):
    [board] = boards(
        *(trained("good", f"xray:{n}@N=50", [90.0, 80.0]) for n in range(3)),
        *(trained("poor", f"xray:{n}@N=50", [70.0, 70.0]) for n in range(3)),
        trained("good", "digits@N=50", [95.0, 95.0], "natural"),
        trained("poor", "digits@N=50", [65.0, 65.0], "natural"),
    )
    assert list(board.rows["submission"]) == ["good", "poor"]
    assert row(board, "good")["error"] == pytest.approx((15 + 5) / 2)
    assert row(board, "good")["error_radiology"] == pytest.approx(15)
    assert row(board, "good")["error_natural"] == pytest.approx(5)
    assert (row(board, "good")["rank"], row(board, "poor")["rank"]) == (1, 2)
    assert row(board, "good")["outside_share"] == pytest.approx(25)
    assert row(board, "good")["accuracy"] == pytest.approx((3 * 85 + 95) / 4)
    assert len(board.tasks) == 4
    assert "4 tasks, 2 runs each" in to_text(board)
    json.dumps(board_content(board), allow_nan=False)


def test_a_failed_run_counts_as_the_control(boards, trained):
    [board] = boards(trained("majority", "xray@N=50", [60.0, 60.0]), trained("cnn", "xray@N=50", [90.0, None]))
    assert row(board, "cnn")["accuracy"] == pytest.approx(75)
    assert row(board, "cnn")["statuses"] == {"failed": 1}
    assert (row(board, "cnn")["ok"], row(board, "cnn")["runs"]) == (1, 2)
    assert ": 1 task, 2 runs each" in to_text(board)


def test_without_the_control_a_failed_run_counts_as_a_guess(boards, trained):
    [board] = boards(trained("cnn", "xray@N=50", [90.0, None]))
    assert row(board, "cnn")["accuracy"] == pytest.approx((90 + 50) / 2)
    assert row(board, "cnn")["log_loss"] == pytest.approx((0.5 + math.log(2)) / 2)


def test_who_stands_apart_or_is_incomplete_has_no_rank(boards, trained):
    [board] = boards(
        trained("cnn", "xray@N=50", [80.0]),
        trained("cnn", "mri@N=50", [80.0]),
        trained("half", "xray@N=50", [99.0]),
        trained("nearest", "xray@N=50", [99.0], apart="fits itself"),
        trained("nearest", "mri@N=50", [99.0], apart="fits itself"),
        trained("majority", "xray@N=50", [50.0], apart="fits itself"),
        trained("majority", "mri@N=50", [50.0], apart="fits itself"),
    )
    ranks = {row["submission"]: row["rank"] for row in board_content(board)["rows"]}
    assert ranks == {"cnn": 1, "majority": 2, "half": None, "nearest": None}
    assert "incomplete: 1 of 2 tasks" in to_text(board, 140)


def test_protocols_are_never_on_one_board(boards, trained):
    found = boards(
        trained("cnn", "xray@N=50", [80.0]),
        trained("cnn", "xray@N=50", [90.0], protocol="v1", protocol_sha256="d" * 64, task_sha256="d" * 64),
    )
    assert [(board.protocol, row(board, "cnn")["accuracy"]) for board in found] == [("mini", 80.0), ("v1", 90.0)]


def test_a_changed_protocol_takes_the_place_of_the_old_one(boards, trained):
    later = trained("other", "xray@N=50", [70.0]).provenance.model_copy(
        update={"finished": "2027-01-01T00:00:00+00:00"}
    )
    [board] = boards(
        trained("cnn", "xray@N=50", [80.0]),
        trained("other", "xray@N=50", [70.0], protocol_sha256="d" * 64, task_sha256="d" * 64, provenance=later),
    )
    assert list(board.rows["submission"]) == ["other"]
    assert (board.superseded, board.protocol_sha256) == (1, "d" * 64)


def test_intervals_over_seeds(trained):
    table = score_table([trained("cnn", "xray@N=50", [80.0, 90.0, 85.0])])
    [found] = table.to_dict("records")
    reach = 5 / math.sqrt(3) * stats.t.ppf(0.975, 2)
    assert found["accuracy"] == pytest.approx(85)
    assert (found["accuracy_low"], found["accuracy_high"]) == pytest.approx((85 - reach, 85 + reach))
    assert mean_interval([3.0])[0] == 3.0
    assert all(math.isnan(end) for end in mean_interval([3.0])[1:])
