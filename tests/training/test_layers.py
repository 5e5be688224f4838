"""The dimension of representations: layer by layer, in a real sandbox."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark.cli import cli
from benchmark.errors import UserError
from benchmark.paths import submissions_root
from benchmark.sandbox.engine import Limits
from benchmark.sandbox.process import ProcessEngine
from benchmark.submissions import find_submissions
from benchmark.training import layers
from benchmark.training.protocols import TaskWanted, load_protocol
from benchmark.training.tasks import build_training_tasks


def row(name):
    [found] = [submission for submission in find_submissions(submissions_root()) if submission.name == name]
    return found


def test_each_layer_is_asked_and_what_collapsed_is_said(tmp_path):
    rng = np.random.default_rng(0)
    plane = (rng.uniform(size=(600, 2)) @ rng.normal(size=(2, 20))).astype(np.float32)
    twice = np.concatenate([plane[:300], plane[:300]])
    dead = np.zeros((600, 4), dtype=np.float32)
    found = list(
        layers.measure(
            {"plane": plane, "twice": twice, "dead": dead}, [row("mle-k20")], Limits(), ProcessEngine(), tmp_path
        )
    )
    assert [(each.layer, each.status, each.n, each.duplicates) for each in found] == [
        ("plane", "ok", 600, 0),
        ("twice", "ok", 300, 300),
        ("dead", "invalid", 1, 599),
    ]
    assert found[0].dimension == pytest.approx(2, rel=0.1)
    assert found[2].reason == "the layer has 1 different outputs for 600 images: too few"
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_could_not_be_trained_is_one_sentence(tmp_path):
    """A real training, with a second of processor time in place of minutes."""
    protocol = load_protocol("mini", {"training.representations": 50, "training.epochs": 50, "budget.cpu_seconds": 1.0})
    wanted = TaskWanted(dataset="digits", labels="whole")
    [(task, _)], [] = build_training_tasks(protocol, [wanted], tmp_path / "trainings", lambda *_: None)
    with pytest.raises(UserError, match=r"small-cnn: timeout: no answer within 1 s of CPU time \(500 training images"):
        layers.train_for_layers(row("small-cnn"), task, ProcessEngine(), tmp_path / "scratch")


def test_the_command_trains_and_measures_every_layer(tmp_path):
    words = ["represent", "small-cnn", "--dataset", "digits", "--labels", "whole", "--epochs", "2", "--images", "200"]
    outcome = CliRunner().invoke(
        cli, [*words, "--estimators", "mle-k20,papers-mle-k20", "--results", str(tmp_path), "--json"]
    )
    assert outcome.exit_code == 0, outcome.output
    content = json.loads(outcome.stdout)
    [kept] = layers.iter_representations(tmp_path)
    assert kept.model_dump(mode="json") == content
    assert content["layers"][0] == "images"
    assert content["layers"][-1] == "logits"
    assert len(content["layers"]) > 3
    by = {(each["layer"], each["estimator"]): each for each in content["estimates"]}
    assert set(by) == {(layer, name) for layer in content["layers"] for name in ("mle-k20", "papers-mle-k20")}
    for layer in content["layers"]:
        ours, theirs = by[layer, "mle-k20"], by[layer, "papers-mle-k20"]
        assert ours["status"] == theirs["status"] == "ok"
        # the papers' constant: (k - 2) / (k - 1) of the mean of the inverses, which the correction takes back
        assert theirs["dimension"] * theirs["correction"] == pytest.approx(ours["dimension"], rel=0.15)


def copy_as(name, folder, original):
    """A submission of the repository under another name, elsewhere."""
    shutil.copytree(submissions_root() / original, folder)
    manifest = folder / "submission.toml"
    manifest.write_text(manifest.read_text().replace(f'name = "{original}"', f'name = "{name}"', 1))


def test_the_command_takes_folders_and_all_rows_of_an_estimator(tmp_path):
    copy_as("my-net", tmp_path / "net", "small-cnn")
    copy_as("my-mle", tmp_path / "estimator", "mle")
    words = ["--dataset", "digits", "--labels", "whole", "--epochs", "1", "--images", "50", "--results", str(tmp_path)]
    outcome = CliRunner().invoke(
        cli, ["represent", str(tmp_path / "net"), "--estimators", f"{tmp_path / 'estimator'}, twonn", *words]
    )
    assert outcome.exit_code == 0, outcome.output
    [kept] = layers.iter_representations(tmp_path)
    assert kept.submission == "my-net"
    rows = ["my-mle-k5", "my-mle-k10", "my-mle-k20", "twonn"]
    assert list(dict.fromkeys(each.estimator for each in kept.estimates)) == rows
    assert [line.split()[1] for line in outcome.stderr.splitlines() if line.startswith("Warning: ")] == [
        "net",
        "estimator",
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["mle", "--dataset", "digits"], '"mle" is an estimator: give a model.'),
        (["small-cnn", "--dataset", "digits", "--estimators", "twonn,vgg13"], '"vgg13" is a model: give estimators.'),
        (["small-cnn", "--dataset", "nothing"], 'There is no dataset "nothing"'),
    ],
)
def test_a_wrong_word_is_one_sentence(tmp_path, words, sentence):
    outcome = CliRunner().invoke(cli, ["represent", *words, "--results", str(tmp_path)])
    assert sentence in str(outcome.exception)
