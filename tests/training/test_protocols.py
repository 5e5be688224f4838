"""Protocols: what each trains by, what is refused, and that a changed one has another hash and title."""

import json
import tomllib

import pytest

from benchmark.errors import UserError
from benchmark.training.corrections import CORRECTIONS
from benchmark.training.protocols import FOLDER, TaskWanted, TrainingBlock, load_protocol, protocol_names

SWITCHED = {name: correction for name, correction in CORRECTIONS.items() if correction.switch}


def test_there_are_three_and_their_hashes_differ():
    assert protocol_names() == ("konz2024", "mini", "v1")
    assert len({load_protocol(name).sha256 for name in protocol_names()}) == 3


def test_konz2024_is_as_published():
    """Konz et al. 2022, Konz & Mazurowski 2024: train.py of the published code."""
    protocol = load_protocol("konz2024")
    data = protocol.content.data
    assert protocol.content.seeds == [1337]
    assert (data.train, data.test, data.size, data.scaling) == ([*range(500, 2001, 250)], 750, 224, "image-max")
    published = {
        "resnet18": (40, 1e-3),
        "resnet34": (25, 1e-3),
        "resnet50": (12, 1e-3),
        "vgg13": (6, 1e-4),
        "vgg16": (6, 1e-4),
        "vgg19": (6, 1e-4),
    }
    for model, (batch, rate) in published.items():
        recipe = protocol.recipe(model)
        assert (recipe["batch_size"], recipe["learning_rate"]) == (batch, rate)
        assert (recipe["epochs"], recipe["optimizer"], recipe["weight_decay"]) == (100, "adam", 1e-4)
        assert (recipe["inputs"], recipe["schedule"]) == ("raw", "constant")
    assert protocol.corrections == tuple(CORRECTIONS)


@pytest.mark.parametrize("name", protocol_names())
def test_a_recipe_is_plain_json_with_the_last_epoch_among_those_evaluated(name):
    recipe = load_protocol(name).recipe("some-model")
    assert json.loads(json.dumps(recipe)) == recipe
    assert set(recipe) == {
        *("epochs", "batch_size", "learning_rate", "optimizer", "weight_decay", "schedule", "precision", "inputs"),
        *("head", "evaluate", "attacks", "representations", "max_parameters", "drop_last"),
    }
    assert recipe["evaluate"] == sorted(set(recipe["evaluate"]))
    assert recipe["evaluate"][-1] == recipe["epochs"]


def test_epochs_that_the_interval_does_not_divide_end_with_the_last():
    protocol = load_protocol("v1", {"training.epochs": 12})
    assert protocol.recipe("any")["evaluate"] == [5, 10, 12]


def test_a_submission_may_choose_a_learning_rate_that_is_offered():
    protocol = load_protocol("konz2024")
    assert protocol.recipe("vgg13", 1e-6)["learning_rate"] == 1e-6
    with pytest.raises(
        UserError, match=r"vgg13: learning_rate must be one .* offers \(0.001, 0.0001, 1e-06\), not 0.5"
    ):
        protocol.recipe("vgg13", 0.5)


def test_an_overridden_protocol_says_so_and_has_another_hash():
    base = load_protocol("konz2024")
    short = load_protocol("konz2024", {"training.epochs": 3, "training.head": "thousand"})
    assert short.title == "konz2024 (training.epochs = 3, training.head = thousand)"
    assert short.sha256 != base.sha256
    assert short.recipe("resnet18")["evaluate"] == [1, 2, 3]
    assert load_protocol("konz2024", {"training.models.resnet18.batch_size": 7}).recipe("resnet18")["batch_size"] == 7


def test_an_override_that_changes_nothing_is_no_override():
    same = load_protocol("konz2024", {"training.epochs": 100, "training.drop_last": False})
    assert same.title == "konz2024"
    assert same.sha256 == load_protocol("konz2024").sha256


def test_every_key_but_the_description_changes_the_hash():
    """Each scalar of the file: another value is another hash."""
    base = load_protocol("mini")
    other = {
        "version": "0",
        "seeds": [5],
        "data.test": 600,
        "data.balanced": "exactly",
        "data.nested": False,
        "data.split": "image",
        "data.copies": "kept",
        "data.largest": 24,
        "data.seed": 9,
        "training.weight_decay": 0.5,
        "training.precision": "bfloat16",
        "training.evaluate_every": 2,
        "training.models.x.batch_size": 3,
        "attacks": [],
        "budget.wall_seconds": 1.0,
    }
    hashes = {load_protocol("mini", {key: value}).sha256 for key, value in other.items()}
    assert len(hashes | {base.sha256}) == len(other) + 1
    assert load_protocol("mini", {"description": "other words"}).sha256 == base.sha256


@pytest.mark.parametrize("name", SWITCHED)
def test_a_correction_with_a_switch_can_be_turned_off(name):
    protocol = load_protocol("konz2024", SWITCHED[name].switch)
    assert name not in protocol.corrections
    assert protocol.sha256 != load_protocol("konz2024").sha256


def test_corrections_without_a_switch_stay_on_whatever_is_overridden():
    everything = {key: value for correction in SWITCHED.values() for key, value in correction.switch.items()}
    left = set(load_protocol("konz2024", everything).corrections)
    assert left == set(CORRECTIONS) - set(SWITCHED)
    assert {"imagenet-files", "class-balance-order", "attacked-images", "selection"} <= left


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"training.epoch": 3}, r"unknown key epoch in training \(did you mean epochs\?\)"),
        ({"training.epochs": 0}, "training.epochs must be a whole number of 1 or more, not 0"),
        ({"seeds.first": 1}, "there is no key seeds.first to override: seeds is no table"),
        ({"seeds": [1, 1]}, "seeds must differ"),
        ({"data.size": "big"}, 'data.size must be a whole number of 1 or more or "native", not "big"'),
        ({"data.train": [750, 500]}, "train must be ascending"),
        ({"data.least_test": 751}, r"least_test must be at most test \(750\), not 751"),
        ({"data.labels": "truncated"}, 'labels = "truncated" needs nested = false'),
        ({"training.learning_rate": 0.7}, "learning_rates must hold 0.7"),
    ],
)
def test_a_wrong_override_is_one_sentence(overrides, sentence):
    with pytest.raises(UserError, match=sentence):
        load_protocol("konz2024", overrides)


def test_an_unknown_protocol_names_those_that_exist():
    with pytest.raises(UserError, match='There is no protocol "konz": give konz2024, mini, v1'):
        load_protocol("konz")


def test_overrides_may_be_given_a_title():
    overrides = {"training.epochs": 3}
    assert load_protocol("mini", overrides, "mini in short").title == "mini in short"
    assert load_protocol("mini", overrides, "mini in short").sha256 == load_protocol("mini", overrides).sha256
    assert load_protocol("mini", {"training.epochs": 8}, "mini in short").title == "mini"
    block = {"protocol": "mini", "overrides": overrides, "tasks": []}
    assert TrainingBlock(**block, title="mini in short").title == "mini in short"
    for wrong in (block | {"title": "v1 in short"}, block | {"title": "mini in short", "overrides": {}}):
        with pytest.raises(ValueError, match="title is for overrides, and begins with the protocol: mini with"):
            TrainingBlock(**wrong)


def test_the_files_are_in_the_package():
    """The wheel takes the whole folder `benchmark`, whatever the kind of file."""
    project = tomllib.loads((FOLDER.parents[2] / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["benchmark"]}
    assert FOLDER.relative_to(FOLDER.parents[2]).as_posix() == "benchmark/training/protocols"


def test_numbers_of_training_images_must_be_positive():
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        TaskWanted(dataset="mnist", train=[0])
