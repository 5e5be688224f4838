"""Pages of models, phantoms and the calibration: the right rows, ranks, failures and hashes, and nothing mixed."""

import json
import re
import shutil
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmark.hashing import sha256_of
from benchmark.leaderboard import load_board
from benchmark.synthetic.certify import Certificate, code_sha256, write_certificate
from benchmark.synthetic.phantoms import PHANTOMS
from benchmark.training.corrections import CORRECTIONS
from benchmark.training.protocols import ProtocolFile, load_protocol, protocol_names
from benchmark.website import build_site
from benchmark.website.boards import make_board
from benchmark.website.curves import curve_points
from benchmark.website.phantoms_page import make_phantoms
from benchmark.website.protocol_text import PARTS, protocol_text
from benchmark.website.tables import Column, Table, best_of

MINI = "models/smoke-mini"


def rows(world, path: str) -> list[dict]:
    return json.loads((world.out / f"{path}.json").read_text(encoding="utf-8"))["rows"]


def page(world, path: str) -> ET.Element:
    text = (world.out / path).read_text(encoding="utf-8")
    return ET.fromstring(text.removeprefix("<!DOCTYPE html>\n"))


def words(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def body(root: ET.Element, table: str) -> list[list[str]]:
    """The cells of a table, as read."""
    (found,) = [element for element in root.iter() if element.get("id") == table]
    lines = found.findall("tbody/tr")
    assert lines, table
    return [[words(cell) for cell in line] for line in lines]


def other_page(world) -> Path:
    """Of the protocol that no suite asks for."""
    (found,) = [path for path in (world.out / "models").glob("*.html") if path.name != "smoke-mini.html"]
    return found


def test_a_board_has_every_model_once_ranked_or_apart(world):
    found = {row["submission"]: row for row in rows(world, MINI)}
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
    root = page(world, f"{MINI}.html")
    cells = next(line for line in body(root, "test-table") if "lookup" in line[1])
    assert cells[0] == "–none"
    assert cells[1] == "lookupfits itself"
    assert "lookup fits itself: It keeps the training images." in words(root)
    assert "majority fits itself" not in words(root)  # a control is ranked, and is no competitor
    assert next(line for line in body(root, "test-table") if "majority" in line[1])[1] == "majoritycontrol"


def test_failures_are_words_on_the_board_and_sentences_on_the_submission(world):
    root = page(world, f"{MINI}.html")
    for table in ("test-table", "model-cost-table"):
        assert next(line for line in body(root, table) if line[1] == "other-net")[-1] == "1 timeout"
    own = page(world, "submissions/other-net/index.html")
    failed = next(line for line in body(own, "runs-smoke-mini") if "timeout" in line)
    assert failed[-1] == "took 600 s <script>alert('x')</script>"
    assert failed[2:6] == ["–none"] * 4
    task = next(line for line in body(own, "tasks-smoke-mini") if line[0] == "breastmnist@N=500")
    assert task[-2:] == ["timeout", "took 600 s <script>alert('x')</script>"]


def test_robustness_gaps_and_cost_stand_on_the_board(world):
    root = page(world, f"{MINI}.html")
    (net,) = [line for line in body(root, "generalisation-table") if line[1] == "net"]
    assert net[2:] == ["2.5", "92.5", "10.0", "20.0"]
    (net,) = [line for line in body(root, "model-cost-table") if line[1] == "net"]
    assert net[2:] == ["11.2", "0.001", "2.00", "25.0", "512", "3", "6", "6", "–none"]
    (lookup,) = [line for line in body(root, "generalisation-table") if line[1].startswith("lookup")]
    assert lookup[-2:] == ["–none", "–none"]


def test_tasks_say_what_they_train_on_and_what_is_not_known(world):
    found = {row["task"]: row for row in rows(world, f"{MINI}-tasks")}
    known, unknown = found["breastmnist@N=500"], found["pneumoniamnist@N=500"]
    assert (known["groups"], known["in_both"], known["duplicates"], known["test"]) == (78, 3, 4, 250)
    assert (unknown["groups"], unknown["in_both"]) == (None, None)  # 0 would be a claim
    assert known["files_sha256"] == sha256_of(["files", "breastmnist@N=500"])
    shown = body(page(world, f"{MINI}.html"), "tasks-table")
    assert next(line for line in shown if line[0] == "breastmnist@N=500")[-1] == known["files_sha256"][:12]


def test_protocols_are_never_mixed(world):
    other = json.loads(other_page(world).with_suffix(".json").read_text())
    mini = json.loads((world.out / f"{MINI}.json").read_text())
    assert mini["protocol_sha256"] == load_protocol("mini").sha256
    assert other["protocol_sha256"] == load_protocol("konz2024", {"training.head": "thousand"}).sha256
    assert other["protocol"] == "konz2024 (training.head = thousand)"
    assert {row["runs"] for row in mini["rows"]} == {6}  # two seeds of three tasks, of this protocol alone
    text = words(ET.fromstring(other_page(world).read_text().removeprefix("<!DOCTYPE html>\n")))
    assert "incomplete: 2 of 3 tasks" in text
    assert "other-net has no rank: it has results for 2 of 3 tasks." in text
    assert "Models without results under this protocol: net-without-results." in text
    for path in (world.out / f"{MINI}.html", other_page(world)):
        links = [a.get("href") for a in ET.fromstring(path.read_text().removeprefix("<!DOCTYPE html>\n")).iter("a")]
        assert {f"../models/{name}" for name in ("smoke-mini.html", other_page(world).name)} <= set(links)


def test_a_protocol_is_spelled_out_only_if_its_hash_is_that_of_the_results(world):
    text = words(page(world, f"{MINI}.html"))
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
    root = page(world, "submissions/net/index.html")
    text = words(root)
    assert "Submission, models track" in text
    assert "Learning rate 0.003, chosen by the submission" in text
    assert "Neighbours" not in text
    tasks = body(root, "tasks-smoke-mini")
    assert tasks[0][:2] == ["breastmnist@N=500", "92.5 (60.7 to 100.0)"]  # Student's t of two seeds, cut at 100
    runs = body(root, "runs-smoke-mini")
    assert len(runs) == 6
    assert runs[0][1:6] == ["0", "90.0", "0.300", "0.7 to 0.1", "3"]
    lines = [element.get("points") for element in root.iter() if element.tag == "polyline"]
    assert lines[0] == curve_points([0.7, 0.4, 0.1]) == "0,0 48,8.6 96,17.1"
    exact = rows(world, "submissions/net/smoke-mini-runs")[0]
    assert exact["predictions_sha256"] == sha256_of(["net", load_protocol("mini").sha256, 0])


def test_a_dataset_names_the_best_model_and_leaves_out_what_is_not_ranked(world):
    (row,) = rows(world, "datasets/breastmnist/models-smoke-mini")
    assert (row["best_model"], row["best"], row["models"]) == ("net", pytest.approx(92.5), 2)  # `lookup` stands apart
    assert row["mean"] == pytest.approx((92.5 + 67.5) / 2)
    assert row["control"] == pytest.approx(52.5)
    text = words(page(world, "datasets/breastmnist/index.html"))
    assert "How well models learn it: suite smoke, protocol mini" in text
    # a dataset with trainings alone has a page too
    assert "No dimensions of this dataset yet" in words(page(world, "datasets/pneumoniamnist/index.html"))


def test_the_first_page_shows_both_tracks(world):
    root = page(world, "index.html")
    assert [line[1] for line in body(root, "models-table")] == [
        "net",
        "other-net",
        "majoritycontrol",
        "lookupfits itself",
    ]
    assert "good" in {line[1] for line in body(root, "board-table")}
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
    assert (summary.suites, summary.submissions) == ([], 4)
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


def certificate(family: str, dimension: int, **changed) -> Certificate:
    values = {
        "family": family,
        "dimension": dimension,
        "size": 64,
        "anatomy": 0,
        "latents": 256,
        "seed": 1,
        "ranks": (dimension,),
        "smallest_singular_ratio": 0.0123,
        "condition_median": 5.5,
        "condition_max": 12.25,
        "injectivity": 0.0021,
        "collision_margin": 0.31,
        "pairs": 1000,
        "difference_error": 3e-9,
        "effective_dimension": 7.25,
        "reach_bound": 1.5,
        "code_sha256": code_sha256(PHANTOMS[family]),
        "libraries": {"torch": "2.0", "numpy": "2.0"},
        "key": "k",
    }
    return Certificate.model_validate(values | changed)


def test_phantoms_show_sheets_certificates_and_answers(in_world, tmp_path, monkeypatch):
    results, sheets = tmp_path / "results", tmp_path / "sheets"
    shutil.copytree(in_world.results, results)
    write_certificate(results, certificate("ellipses", 8))
    write_certificate(results, certificate("ellipses", 64, code_sha256="0" * 64))
    sheets.mkdir()
    (sheets / "ellipses.png").write_bytes(png(16, 8))
    monkeypatch.setattr("benchmark.website.content.SHEETS", sheets)
    build_site(results, tmp_path / "site")
    root = ET.fromstring((tmp_path / "site" / "phantoms.html").read_text().removeprefix("<!DOCTYPE html>\n"))
    (image,) = root.iter("img")
    assert (image.get("src"), image.get("width"), image.get("height")) == ("phantoms/ellipses.png", "16", "8")
    assert PHANTOMS["ellipses"].about in image.get("alt")
    assert (tmp_path / "site" / "phantoms" / "ellipses.png").read_bytes() == png(16, 8)
    lines = body(root, "certificates-ellipses")
    assert lines[0] == ["8", "8", "0.012", "5.5", "12.2", "0.0021", "0.31", "3e−09", "7.2", "1.50", "current"]
    assert (lines[1][0], lines[1][-1]) == ("64", "earlier")
    assert "d = 2, 8, 32, 64" in words(root)
    answers = json.loads((tmp_path / "site" / "phantoms" / "ellipses-answers.json").read_text())
    assert answers["n"] == 500
    assert [row["d"] for row in answers["rows"]] == [2, 8, 32]
    assert answers["rows"][1]["good"] == pytest.approx(0.97 * 8 * 1.005)  # the median over the seeds
    assert all(f"family-{name}" in {e.get("id") for e in root.iter()} for name in PHANTOMS)


def png(width: int, height: int) -> bytes:
    """A black image."""
    parts = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),)
    parts += ((b"IDAT", zlib.compress(bytes((width + 1) * height))), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_sample_that_failed_has_no_answer_on_the_page_of_phantoms(in_world, tmp_path):
    board = make_board(load_board(in_world.results, "full"), {})
    (xray,) = [part for part in make_phantoms(in_world.results, board, tmp_path).families if part.name == "xray"]
    assert xray.answers is not None
    assert [record.get("markup") is None for record in xray.answers.records] == [False, False, True]


def test_calibrated_stands_beside_raw_with_a_status(world):
    row = next(r for r in rows(world, "calibration/values") if r["submission"] == "good")
    assert row["real/breastmnist raw"] == pytest.approx(0.97 * 12)
    assert row["real/breastmnist status"] == "ok"
    assert row["real/breastmnist"] == pytest.approx(
        0.97 * 12 / (0.97 * (0.9 * 0.8) ** 0.5), rel=0.01
    )  # the middle of four
    own = next(r for r in rows(world, "datasets/breastmnist/full") if r["submission"] == "good")
    assert (own["calibrated"], own["calibration"]) == (row["real/breastmnist"], "ok")
    constant = next(r for r in rows(world, "calibration/values") if r["submission"] == "constant")
    assert constant["real/breastmnist status"] == "no response"
    text = words(page(world, "calibration.html"))
    assert "(raw 11.64)" in text
    assert "no response)" in text
    # suites without phantoms have no calibrated column
    assert "calibrated" not in rows(world, "datasets/breastmnist/standard")[0]


def test_the_held_out_check_is_published_as_it_falls(world):
    content = json.loads((world.out / "calibration" / "held-out.json").read_text())
    assert "mean" not in {row["submission"] for row in content["rows"]}
    mean, text = content["mean"], words(page(world, "calibration.html"))
    assert f"{mean['raw_error']:.1f} % to {mean['calibrated_error']:.1f} %" in text
    assert mean["raw_error"] != mean["calibrated_error"]
    competing = [row for row in content["rows"] if not row["control"]]
    better = sum(row["calibrated_error"] < row["raw_error"] for row in competing)
    assert f"it falls for {better} of {len(competing)}." in text
    assert ("the error falls from" in text) == (mean["calibrated_error"] < mean["raw_error"])
    families = {row["family"] for row in rows(world, "calibration/held-out-families")}
    assert families == {"ellipses", "mr", "warp", "xray", "slices"}


def test_breaks_are_named_by_axis_and_estimator(world):
    found = {(row["axis"], row["setting"]): row for row in rows(world, "calibration/settings")}
    assert found["8 bits", "8 bits"]["change"] == pytest.approx(50.0)
    assert found["Noise", "Gaussian 0.4"]["change"] == pytest.approx(50.0)
    assert found["Number of images", "N = 1000"]["change"] == pytest.approx(50.0)
    assert found["Kind of image", "Warp"]["change"] == pytest.approx(-20.0)
    assert found["Dimension", "d = 32"]["change"] == pytest.approx(0.0)
    good = next(row for row in rows(world, "calibration/breaks") if row["submission"] == "good")
    assert (good["family"], good["family_note"]) == (pytest.approx(-70.0), "Slices")
    own = body(page(world, "submissions/good/index.html"), "own-breaks")
    assert ["8 bits", "8 bits", "the plain case"] in [line[:3] for line in own]
    text = words(page(world, "calibration.html"))
    assert "Patients" not in text.partition("Where estimators break")[2].partition("This table")[0]  # none was asked
