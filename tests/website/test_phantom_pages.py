"""Pages of the phantoms and of the calibration: what is certain, what is not, and the check as it falls."""

import json
import shutil
import struct
import zlib

import pytest

from benchmark.leaderboard import load_board
from benchmark.synthetic.certify import Certificate, code_sha256, write_certificate
from benchmark.synthetic.phantoms import PHANTOMS
from benchmark.website import build_site
from benchmark.website.boards import make_board
from benchmark.website.phantoms_page import make_phantoms


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
    write_certificate(results, certificate("warp", 8))
    write_certificate(results, certificate("warp", 8, size=224, condition_median=6.5))
    sheets.mkdir()
    (sheets / "ellipses.png").write_bytes(png(16, 8))
    monkeypatch.setattr("benchmark.website.content.SHEETS", sheets)
    build_site(results, tmp_path / "site")
    built = type(in_world)(results, tmp_path / "site")
    root = built.page("phantoms.html")
    (image,) = root.iter("img")
    assert (image.get("src"), image.get("width"), image.get("height")) == ("phantoms/ellipses.png", "16", "8")
    assert PHANTOMS["ellipses"].about in image.get("alt")
    assert (tmp_path / "site" / "phantoms" / "ellipses.png").read_bytes() == png(16, 8)
    lines = built.cells("phantoms.html", "certificates-ellipses")
    assert lines[0] == ["8", "8", "0.012", "5.5", "12.2", "0.0021", "0.31", "3e−09", "7.2", "1.50", "current"]
    assert (lines[1][0], lines[1][-1]) == ("64", "earlier")
    text = built.text("phantoms.html")
    assert "Certificates at 64 pixels a side, each from 256 random settings or more" in text
    lines = built.cells("phantoms.html", "certificates-warp")
    assert [line[:5] for line in lines] == [["8", "64", "8", "0.012", "5.5"], ["8", "224", "8", "0.012", "6.5"]]
    assert "Certificates, each from 256 random settings or more" in text
    assert "d = 2, 8, 32, 64" in built.text("phantoms.html")
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
    row = next(r for r in world.rows("calibration/values") if r["submission"] == "good")
    assert row["real/breastmnist raw"] == pytest.approx(0.97 * 12)
    assert row["real/breastmnist status"] == "ok"
    assert row["real/breastmnist"] == pytest.approx(
        0.97 * 12 / (0.97 * (0.9 * 0.8) ** 0.5), rel=0.01
    )  # the middle of four
    own = next(r for r in world.rows("datasets/breastmnist/full") if r["submission"] == "good")
    assert (own["calibrated"], own["calibration"]) == (row["real/breastmnist"], "ok")
    constant = next(r for r in world.rows("calibration/values") if r["submission"] == "constant")
    assert constant["real/breastmnist status"] == "no response"
    text = world.text("calibration.html")
    assert "(raw 11.64)" in text
    assert "no response)" in text
    # suites without phantoms have no calibrated column
    assert "calibrated" not in world.rows("datasets/breastmnist/standard")[0]


def test_the_held_out_check_is_published_as_it_falls(world):
    content = json.loads((world.out / "calibration" / "held-out.json").read_text())
    assert "mean" not in {row["submission"] for row in content["rows"]}
    mean, text = content["mean"], world.text("calibration.html")
    assert f"{mean['raw_error']:.1f} % to {mean['calibrated_error']:.1f} %" in text
    assert mean["raw_error"] != mean["calibrated_error"]
    competing = [row for row in content["rows"] if not row["control"]]
    better = sum(row["calibrated_error"] < row["raw_error"] for row in competing)
    assert f"it falls for {better} of {len(competing)}." in text
    assert ("the error falls from" in text) == (mean["calibrated_error"] < mean["raw_error"])
    families = {row["family"] for row in world.rows("calibration/held-out-families")}
    assert families == {"ellipses", "mr", "warp", "xray", "slices"}


def test_breaks_are_named_by_axis_and_estimator(world):
    found = {(row["axis"], row["setting"]): row for row in world.rows("calibration/settings")}
    assert found["8 bits", "8 bits"]["change"] == pytest.approx(50.0)
    assert found["Noise", "Gaussian 0.4"]["change"] == pytest.approx(50.0)
    assert found["Number of images", "N = 1000"]["change"] == pytest.approx(50.0)
    assert found["Kind of image", "Warp"]["change"] == pytest.approx(-20.0)
    assert found["Dimension", "d = 32"]["change"] == pytest.approx(0.0)
    good = next(row for row in world.rows("calibration/breaks") if row["submission"] == "good")
    assert (good["family"], good["family_note"]) == (pytest.approx(-70.0), "Slices")
    own = world.cells("submissions/good/index.html", "own-breaks")
    assert ["8 bits", "8 bits", "the plain case"] in [line[:3] for line in own]
    text = world.text("calibration.html")
    assert "Patients" not in text.partition("Where estimators break")[2].partition("This table")[0]  # none was asked
