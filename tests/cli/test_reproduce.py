"""The verb `reproduce`, as typed."""

import json

import pytest
from click.testing import CliRunner

import made_up_results as made_up
from benchmark.cli import cli, main
from benchmark.errors import UserError


def reproduce(*arguments):
    return CliRunner().invoke(cli, ["reproduce", *map(str, arguments)], catch_exceptions=False)


def words(text: str) -> str:
    """Without the line breaks of a terminal."""
    return " ".join(text.split())


@pytest.fixture
def results(tmp_path):
    made_up.write_estimator(tmp_path, "papers-mle-k20", correction=19 / 18)
    made_up.write_estimator(tmp_path, "good")
    return tmp_path


def test_it_says_what_the_paper_claims_what_the_results_say_and_what_is_missing(results):
    outcome = reproduce("konz2022", "--results", results)
    assert outcome.exit_code == 0
    text = words(outcome.stdout)
    assert "2 estimators, 5 natural and 6 radiology datasets; no model has been trained yet" in text
    assert "1. Natural images have a higher intrinsic dimension than radiology images." in text
    assert "Medians of 26.0 (7 natural sets) and 13.0 (7 radiology sets)" in text
    assert "Here, papers-mle-k20 (k = 20, corrected): holds: 16.9 (" in text
    assert "Over 2 estimators: “holds” for 2; 0 of 2 intervals include zero." in text
    assert "R² 0.8332, which is 0.0088 from the printed one" in text
    assert "Not enough datasets: 0, and it takes 3 datasets of the domain." in text
    assert "`manifoldbench run --track models --suite standard`" in text
    assert all(len(line) <= 100 for line in outcome.stdout.splitlines())


def test_the_second_paper_has_claims_of_its_own(results):
    made_up.write_trainings(results)
    text = words(reproduce("konz2024", "--results", results).stdout)
    assert "mean of the models (2), protocol mini, N = 500" in text
    assert "N to the power −1/d" in text
    assert "It takes results at 3 numbers of training images, and there are 1 (N = 500)" in text
    assert "r = 0.70 (printed)" in text
    assert "--measure-sharpness" in text
    assert "steeply" not in text


def test_short_is_a_line_for_each_claim(results):
    made_up.write_trainings(results)
    lines = reproduce("konz2022", "--results", results, "--short").stdout.splitlines()
    assert words(" ".join(lines[:2])) == (
        "MICCAI 2022, re-tested on suite standard, version 1: the verdict of papers-mle-k20, and how many of 2 "
        "estimators give which."
    )
    assert words(lines[2]) == "Claim papers-mle-k20 Datasets Holds With zero Does not hold Too few"
    found = {line[:43].rstrip(): words(line[43:]) for line in lines[3:]}
    assert found["Dimension of natural and radiology images"] == "holds 11 2 0 0 0"
    assert found["Accuracy against dimension, radiology"] == "holds 6 2 0 0 0"
    assert found["Dimension and number of images, radiology"] == "too few datasets 0 0 0 0 2"
    assert len(found) == 6


def test_json_holds_every_setting_and_no_infinity(results):
    made_up.write_trainings(results)
    content = json.loads(reproduce("konz2022", "--results", results, "--json").stdout)
    assert [claim["id"] for claim in content["claims"]] == [
        "natural-higher",
        "accuracy-falls",
        "steeper-for-radiology",
        "plane",
    ]
    parts = {(f["estimator"], f["version"], f["part"]) for f in content["claims"][0]["findings"]}
    assert ("papers-mle-k20", "raw", "halves") in parts
    assert ("good", "corrected", "low-rounded") in parts
    assert content["protocols"] == {"mini": "c" * 64}
    assert content["claims"][3]["findings"][0]["effect"] is None


def test_only_one_protocol_is_taken_where_it_is_named(results):
    made_up.write_trainings(results)
    assert reproduce("konz2022", "--results", results, "--protocol", "mini").exit_code == 0
    with pytest.raises(UserError, match=r"--protocol v1: suite standard has no results of it; there are: mini\."):
        reproduce("konz2022", "--results", results, "--protocol", "v1")


def test_without_results_it_is_one_sentence_and_exit_code_1(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["manifoldbench", "reproduce", "konz2022", "--results", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert "holds no results: run `manifoldbench run --suite standard`." in error
    assert error.count("\n") == 1


def test_a_suite_without_trainings_has_no_sharpness_to_measure(results, tmp_path):
    suite = tmp_path / "bare.toml"
    suite.write_text(
        'version = "1"\ndescription = "Few."\nbudget = { wall_seconds = 5.0, cpu_seconds = 9.0, memory_gib = 1.0 }\n'
        'known = [{ family = "classic", manifolds = ["M7_Roll"], n = 120, seeds = 1 }]\n'
    )
    (results / "standard").rename(results / "bare")
    with pytest.raises(UserError, match="Suite bare trains no models"):
        reproduce("konz2024", "--suite", suite, "--results", results, "--measure-sharpness")
    assert not (results / "sharpness").exists()


@pytest.mark.data
def test_label_sharpness_is_measured_where_the_images_are_and_kept(results, tmp_path, data_root):
    suite = tmp_path / "tiny.toml"
    suite.write_text(
        'version = "1"\ndescription = "Few."\nbudget = { wall_seconds = 5.0, cpu_seconds = 9.0, memory_gib = 1.0 }\n'
        'known = []\nreal = []\n[[training]]\nprotocol = "mini"\ntasks = [{ dataset = "pneumoniamnist" }]\n'
    )
    from benchmark.estimation.suites import load_suite
    from benchmark.findings.sharpness import load_sharpness, measure_sharpness

    path, left_out = measure_sharpness(load_suite(str(suite)), results, lambda name, done, total: None)
    assert left_out == []
    assert path == results / "sharpness" / "tiny.json"
    (found,) = load_sharpness(results, "tiny")
    (task,) = found.tasks
    assert (found.protocol, found.train, task.dataset, task.domain) == ("mini", 500, "pneumoniamnist", "radiology")
    assert task.pairs == 500 * 499 // 2
    assert 0 < task.quantile_99 < task.maximum < 1
    # the released code looks at 500 of the pairs, so it finds a smaller maximum
    assert 0 < task.earlier_released < task.maximum
    assert found.values("maximum") == {"pneumoniamnist": pytest.approx(task.maximum)}
