"""Suites' files: faults are one sentence, and a secret draws other tasks by the same code."""

import math

import pytest

from benchmark.errors import UserError
from benchmark.estimation.secret import VARIABLE, drawn_dimensions
from benchmark.estimation.suites import load_suite, suites_compared_with

HEAD = 'version = "1"\ndescription = "d"\nbudget = { wall_seconds = 5.0, cpu_seconds = 5.0, memory_gib = 1.0 }\n'
PHANTOMS = '[[phantoms]]\nfamilies = ["ellipses"]\ndimensions = [2, 8]\nn = 50\nseeds = 2\n'
SECRET, OTHER = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "mine.toml"
        path.write_text(HEAD + text)
        return load_suite(str(path))

    return load


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (PHANTOMS.replace("ellipses", "ovals"), "phantoms, block 1: families must be of ellipses, .*, not ovals"),
        (
            PHANTOMS + PHANTOMS.replace("2, 8", "3, 99"),
            "phantoms, block 2: dimensions of ellipses must be from 1 to 64, not 99",
        ),
        ('dimensions = "elsewhere"\n', "there is no suite elsewhere to take dimensions from"),
        (PHANTOMS + 'noise = "rician"\n', "phantoms, block 1: noise_level is 0 and noise is rician: set both or none"),
        (PHANTOMS + "noise_level = 0.1\n", "noise_level is 0.1 and noise is none: set both or none"),
        (PHANTOMS + 'noise = "salt"\n', "noise must be .*none.*gaussian.*rician.*poisson.*, not .*salt"),
        (PHANTOMS + "bits = 16\n", "bits must be .*8.*32.*, not 16"),
        (PHANTOMS + "size = 16\n", "size must be .*28.*, not 16"),
        (PHANTOMS + "groups = true\n", "groups is for slices, and ellipses has no groups"),
        (PHANTOMS + PHANTOMS.replace("2, 8", "8, 4"), "block 2: phantom/ellipses-8@N=50 is asked twice: remove one"),
        (PHANTOMS.replace("dimensions", "dimension"), r"unknown key dimension .*did you mean dimensions"),
    ],
)
def test_a_wrong_block_is_one_sentence_that_names_file_and_field(load, text, sentence):
    with pytest.raises(UserError, match=rf"mine\.toml: .*{sentence}") as raised:
        load(text)
    assert "\n" not in str(raised.value)


def test_all_families_are_asked_at_the_dimensions_they_can_have(load):
    suite = load(PHANTOMS.replace('"ellipses"', '"*"').replace("2, 8", "1, 64"))
    asked = {(conditions.family, conditions.dimension) for _, conditions in suite.phantoms}
    assert {("ellipses", 1), ("ellipses", 64), ("periodic", 1)} <= asked
    assert ("slices", 1) not in asked
    assert ("periodic", 64) not in asked


def names(suite):
    return [conditions.name for _, conditions in suite.phantoms]


def test_models_are_compared_with_the_dimensions_of_another_suite(load):
    assert suites_compared_with("standard") == ("learning-curves",)
    assert suites_compared_with("smoke") == ()
    assert load('dimensions = "standard"\n' + PHANTOMS).sha256 == load(PHANTOMS).sha256


def test_without_a_secret_the_tasks_are_those_of_the_file(load, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    suite = load(PHANTOMS)
    assert (suite.name, suite.secret_sha256) == ("mine", None)
    assert names(suite) == ["phantom/ellipses-2@N=50", "phantom/ellipses-8@N=50"]
    assert suite.anatomy("ellipses", 8) == 0


def test_a_secret_changes_hash_seeds_anatomies_and_dimensions(load, monkeypatch):
    text = PHANTOMS.replace("2, 8", "2, 4, 8, 16, 32, 48")
    public = load(text)
    monkeypatch.setenv(VARIABLE, SECRET)
    first, again = load(text), load(text)
    monkeypatch.setenv(VARIABLE, OTHER)
    other = load(text)
    assert first.name == other.name == "mine-official"
    assert first.sha256 == again.sha256
    assert names(first) == names(again)
    assert len({suite.sha256 for suite in (public, first, other)}) == 3
    assert len({tuple(names(suite)) for suite in (public, first, other)}) == 3
    assert len({suite.anatomy("ellipses", 8) for suite in (public, first, other)}) == 3
    assert len({suite.seed(manifold="M7_Roll", repeat=0) for suite in (public, first, other)}) == 3
    assert first.seed(manifold="M7_Roll", repeat=0) == again.seed(manifold="M7_Roll", repeat=0)


def test_the_secret_is_shown_nowhere(load, monkeypatch):
    monkeypatch.setenv(VARIABLE, SECRET)
    suite = load(PHANTOMS)
    assert SECRET not in repr(suite)
    assert SECRET not in suite.sha256 + suite.secret_sha256
    monkeypatch.setenv(VARIABLE, "too short")
    with pytest.raises(UserError, match=f"{VARIABLE} must have at least 16 characters, not 9") as raised:
        load(PHANTOMS)
    assert "too short" not in str(raised.value)


def test_a_file_may_not_take_the_name_of_an_official_suite(tmp_path):
    path = tmp_path / "standard-official.toml"
    path.write_text(HEAD + PHANTOMS)
    with pytest.raises(UserError, match="rename the file"):
        load_suite(str(path))


def test_drawn_dimensions_stay_near_allowed_and_apart():
    asked = [("free", d) for d in (2, 3, 4, 8, 16, 32)] + [("short", d) for d in (1, 2, 3, 4)]
    seen = set()
    for number in range(50):
        drawn = drawn_dimensions(asked, {"free": range(1, 65), "short": range(1, 5)}, f"secret {number}")
        assert set(drawn) == set(asked)
        assert len({(family, d) for (family, _), d in drawn.items()}) == len(asked)
        assert sorted(drawn["short", d] for d in (1, 2, 3, 4)) == [1, 2, 3, 4]
        for d in (8, 16, 32):
            assert d / math.sqrt(2) - 1 < drawn["free", d] < d * math.sqrt(2) + 1
        seen.add(drawn["free", 16])
    assert len(seen) > 5
