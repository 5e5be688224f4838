"""Pages of models: the right rows, ranks, failures and hashes, the protocol in words, and nothing mixed."""

import json
import re
import shutil
from pathlib import Path

import pytest

from benchmark.hashing import sha256_of
from benchmark.training.corrections import CORRECTIONS
from benchmark.training.protocols import ProtocolFile, load_protocol, protocol_names
from benchmark.website import build_site
from benchmark.website.curves import curve_points
from benchmark.website.protocol_text import PARTS, protocol_text
from benchmark.website.tables import Column, Table, best_of

MINI = "models/smoke-mini"


def other_page(world) -> Path:
    """Of the protocol that no suite asks for."""
    (found,) = [path for path in (world.out / "models").glob("*.html") if path.name != "smoke-mini.html"]
    return found


def test_a_board_has_every_model_once_ranked_or_apart(world):
    found = {row["submission"]: row for row in world.rows(MINI)}
    assert set(found) == {"net", "other-net", "lookup", "majority"}
    assert {name: row["rank"] for name, row in found.items()} == {
        "net": 1,
        "other-net": 2,
        "majority": 3,
        "lookup": None,
    }
    assert found["net"]["error"] == pytest.approx(7.5)  # 90 and 95 % in each task
    # one of six runs failed, and counts as the control's with the same seed, 55 %: the other domain has none
    assert found["other-net"]["error_radiology"] == pytest.approx(100 - (67.5 + 82.5) / 2)
    assert found["other-net"]["error"] == pytest.approx((found["other-net"]["error_radiology"] + 17.5) / 2)
    assert found["other-net"]["statuses"] == {"timeout": 1}
    assert [row["control"] for row in found.values()].count(True) == 1


def test_what_stands_apart_is_unranked_and_says_why(world):
    cells = next(line for line in world.cells(f"{MINI}.html", "test-table") if "lookup" in line[1])
    assert cells[0] == "–none"
    assert cells[1] == "lookupfits itself"
    assert "lookup fits itself: It keeps the training images." in world.text(f"{MINI}.html")
    assert "majority fits itself" not in world.text(f"{MINI}.html")  # a control is ranked, and is no competitor
    names = [line[1] for line in world.cells(f"{MINI}.html", "test-table")]
    assert names == ["net", "other-net", "majoritycontrol", "lookupfits itself"]


def test_failures_are_words_on_the_board_and_sentences_on_the_submission(world):
    for table in ("test-table", "model-cost-table"):
        assert next(line for line in world.cells(f"{MINI}.html", table) if line[1] == "other-net")[-1] == "1 timeout"
    own = "submissions/other-net/index.html"
    failed = next(line for line in world.cells(own, "runs-smoke-mini") if "timeout" in line)
    assert failed[-1] == "took 600 s <script>alert('x')</script>"
    assert failed[2:6] == ["–none"] * 4
    task = next(line for line in world.cells(own, "tasks-smoke-mini") if line[0] == "breastmnist@N=500")
    assert task[-2:] == ["timeout", "took 600 s <script>alert('x')</script>"]


def test_robustness_gaps_and_cost_stand_on_the_board(world):
    (net,) = [line for line in world.cells(f"{MINI}.html", "generalisation-table") if line[1] == "net"]
    assert net[2:] == ["2.5", "92.5", "10.0", "20.0"]
    (net,) = [line for line in world.cells(f"{MINI}.html", "model-cost-table") if line[1] == "net"]
    assert net[2:] == ["11.2", "0.001", "2.00", "25.0", "512", "3", "6", "6", "–none"]
    (lookup,) = [line for line in world.cells(f"{MINI}.html", "generalisation-table") if line[1].startswith("lookup")]
    assert lookup[-2:] == ["–none", "–none"]


def test_tasks_say_what_they_train_on_and_what_is_not_known(world):
    found = {row["task"]: row for row in world.rows(f"{MINI}-tasks")}
    known, unknown = found["breastmnist@N=500"], found["pneumoniamnist@N=500"]
    assert (known["groups"], known["in_both"], known["duplicates"], known["test"]) == (78, 3, 4, 250)
    assert (unknown["groups"], unknown["in_both"]) == (None, None)  # 0 would be a claim
    assert known["files_sha256"] == sha256_of(["files", "breastmnist@N=500"])
    shown = world.cells(f"{MINI}.html", "tasks-table")
    assert next(line for line in shown if line[0] == "breastmnist@N=500")[-1] == known["files_sha256"][:12]


def test_protocols_are_never_mixed(world):
    other = json.loads(other_page(world).with_suffix(".json").read_text())
    mini = json.loads((world.out / f"{MINI}.json").read_text())
    assert mini["protocol_sha256"] == load_protocol("mini").sha256
    assert other["protocol_sha256"] == load_protocol("konz2024", {"training.head": "thousand"}).sha256
    assert other["protocol"] == "konz2024 (training.head = thousand)"
    assert {row["runs"] for row in mini["rows"]} == {6}  # two seeds of three tasks, of this protocol alone
    text = world.text(f"models/{other_page(world).name}")
    assert "incomplete: 2 of 3 tasks" in text
    assert "other-net has no rank: it has results for 2 of 3 tasks." in text
    assert "Models without results under this protocol: net-without-results." in text
    for path in (world.out / f"{MINI}.html", other_page(world)):
        links = [a.get("href") for a in world.page(f"models/{path.name}").iter("a")]
        assert {f"../models/{name}" for name in ("smoke-mini.html", other_page(world).name)} <= set(links)


def test_a_protocol_is_spelled_out_only_if_its_hash_is_that_of_the_results(world):
    text = world.text(f"{MINI}.html")
    assert "Epochs 8" in text
    assert "Seeds 0, 1, 2" in text
    assert "PGD: no grey level of 0 to 255 changes by more than 2; 10 steps of 0.5" in text
    assert "All of these are corrected here." in text
    assert all(correction.here in text for correction in CORRECTIONS.values())
    assert load_protocol("mini").sha256 in text
    other = other_page(world).read_text()
    assert "No protocol of this checkout has the hash of these results" in other
    assert "Epochs" not in re.sub("<[^>]*>", "", other.partition('id="protocol"')[2].partition('id="columns"')[0])


def test_every_field_of_a_protocol_is_said():
    fields = ProtocolFile.model_fields
    tables = {"data": fields["data"].annotation, "training": fields["training"].annotation}
    tables["budget"] = fields["budget"].annotation
    for heading, table, facts in PARTS:
        if table in tables:
            said = {key for _, keys, _ in facts for key in keys}
            assert said == set(tables[table].model_fields), heading
    assert {table for _, table, _ in PARTS} == set(fields) - {"version", "description"}
    for name in protocol_names():
        text = protocol_text(load_protocol(name))
        assert all(said for _, facts in text.parts for _, said in facts)


def test_corrections_that_are_off_are_named():
    text = protocol_text(load_protocol("konz2024", {"training.head": "thousand"}))
    assert [each.name for each in text.off] == ["head"]
    assert len(text.on) == len(CORRECTIONS) - 1
    assert dict(dict(text.parts)["Training"])["Output"] == "1,000 logits, as published"


def test_a_model_has_a_page_with_its_tasks_runs_and_losses(world):
    root = world.page("submissions/net/index.html")
    text = world.text("submissions/net/index.html")
    assert "Submission, models track" in text
    assert "Learning rate 0.003, chosen by the submission" in text
    assert "Neighbours" not in text
    tasks = world.cells("submissions/net/index.html", "tasks-smoke-mini")
    assert tasks[0][:2] == ["breastmnist@N=500", "92.5 (60.7 to 100.0)"]  # Student's t of two seeds, cut at 100
    runs = world.cells("submissions/net/index.html", "runs-smoke-mini")
    assert len(runs) == 6
    assert runs[0][1:6] == ["0", "90.0", "0.300", "0.7 to 0.1", "3"]
    lines = [element.get("points") for element in root.iter() if element.tag == "polyline"]
    assert lines[0] == curve_points([0.7, 0.4, 0.1]) == "0,0 48,8.6 96,17.1"
    exact = world.rows("submissions/net/smoke-mini-runs")[0]
    assert exact["predictions_sha256"] == sha256_of(["net", load_protocol("mini").sha256, 0])


def test_a_model_shows_its_saved_check_though_it_earns_no_badges(world):
    """The page once took a check without badges for none."""
    net = world.text("submissions/net/index.html")
    assert "for exactly this code. contract, determinism pass" in net
    assert "No saved check" not in net
    assert "invariance" not in net
    other = world.text("submissions/other-net/index.html")
    assert "contract, determinism fail Run manifoldbench check: it says why." in other
    assert "No saved check" in world.text("submissions/lookup/index.html")


def test_a_dataset_names_the_best_model_and_leaves_out_what_is_not_ranked(world):
    (row,) = world.rows("datasets/breastmnist/models-smoke-mini")
    assert (row["best_model"], row["best"], row["models"]) == ("net", pytest.approx(92.5), 2)  # `lookup` stands apart
    assert row["mean"] == pytest.approx((92.5 + 67.5) / 2)
    assert row["control"] == pytest.approx(52.5)
    text = world.text("datasets/breastmnist/index.html")
    assert "How well models learn it: suite smoke, protocol mini" in text
    # a dataset with trainings alone has a page too
    assert "No dimensions of this dataset yet" in world.text("datasets/pneumoniamnist/index.html")


def test_the_first_page_shows_both_tracks(world):
    root = world.page("index.html")
    assert [line[1] for line in world.cells("index.html", "models-table")] == [
        "net",
        "other-net",
        "majoritycontrol",
        "lookupfits itself",
    ]
    assert "good" in {line[1] for line in world.cells("index.html", "board-table")}
    links = {a.get("href") for a in root.iter("a")}
    assert {f"{MINI}.html", "phantoms.html", "calibration.html", f"models/{other_page(world).name}"} <= links


def test_without_trainings_or_phantoms_there_is_no_page_and_no_link(in_world, tmp_path):
    shutil.copytree(in_world.results / "smoke", tmp_path / "results" / "smoke")
    build_site(tmp_path / "results", tmp_path / "site")
    assert not (tmp_path / "site" / "models").exists()
    assert not (tmp_path / "site" / "calibration.html").exists()
    for path in (tmp_path / "site").rglob("*.html"):
        assert not re.search(r'href="[^"]*(models/|calibration)', path.read_text()), path
    assert "No certificate of this family" in (tmp_path / "site" / "phantoms.html").read_text()


def test_trainings_alone_make_a_site(in_world, tmp_path):
    shutil.copytree(in_world.results / "models", tmp_path / "results" / "models")
    summary = build_site(tmp_path / "results", tmp_path / "site")
    assert (summary.suites, summary.submissions) == (["smoke"], 4)
    first = (tmp_path / "site" / "index.html").read_text()
    assert "models-table" in first
    assert "board-table" not in first
    assert not (tmp_path / "site" / "estimators").exists()


def test_a_long_board_is_cut_to_its_first_rows_and_the_controls():
    records = tuple({"submission": f"s{n}", "control": n == 18} for n in range(20))
    table = Table("board", "Ranks.", "boards/long", (Column("submission", "Submission", "submission"),), records, {})
    cut = best_of(table, 10)
    assert [record["submission"] for record in cut.records] == [*(f"s{n}" for n in range(10)), "s18"]
    assert (cut.path, cut.caption) == ("boards/long-first", "The first 10 of 19, and the controls. Ranks.")
    assert best_of(cut, 10) is cut


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ([], ""),
        ([float("nan"), float("inf")], ""),
        ([2.0], "0,0 96,0"),
        ([4.0, 1.0, 0.0], "0,0 48,15 96,20"),
        ([0.0, 0.0], "0,20 96,20"),
    ],
)
def test_a_curve_starts_left_and_has_its_largest_value_at_the_top(values, points):
    assert curve_points(values) == points
