"""The verb data: what it prints, as text and as JSON, and how it ends."""

import json

import pytest
from click.testing import CliRunner

from benchmark.cli.data import data
from benchmark.errors import UserError

UNREACHABLE = """
id = "far"
name = "Far"
domain = "natural"
modality = "none"
loader = "torchvision"
source = "nowhere"
licence = "CC0"
citation = "none"
channels = 1
classes = ["no", "yes"]
sizes = [28]
splits = { train = 6 }
[options]
class = "KMNIST"
files = ["KMNIST/raw/train-images-idx3-ubyte"]
address = "http://127.0.0.1:1/"
arguments = { train = { train = true } }
"""


@pytest.fixture
def far(home):
    """The card `far`: its source cannot be reached."""
    path = home / "cards" / "far" / "dataset.toml"
    path.parent.mkdir()
    path.write_text(UNREACHABLE)


def run(*arguments):
    return CliRunner().invoke(data, arguments)


@pytest.mark.parametrize("verb", ["list", "show", "get", "verify"])
def test_help_has_an_example(verb):
    outcome = run(verb, "--help")
    assert outcome.exit_code == 0
    assert f"Example: manifoldbench data {verb}" in outcome.output
    assert "--json" in outcome.output


def test_list_says_what_is_here(tiny, far):
    outcome = run("list")
    assert outcome.exit_code == 0
    assert "tiny                      radiology           6  yes (8)" in outcome.output
    assert "far                       natural             6  no" in outcome.output
    rows = {row["id"]: row for row in json.loads(run("list", "--json").output)}
    assert rows["tiny"]["present"] is True
    assert rows["tiny"]["sizes_present"] == [8]
    assert rows["far"]["present"] is False


def test_show_prints_the_card():
    outcome = run("show", "breastmnist")
    assert outcome.exit_code == 0
    for words in (
        "breast ultrasound",
        "CC BY 4.0",
        "train 546",
        "Label 0 is malignant",
        "750601b1f35ba3300ea97c75c52ff8f6",
    ):
        assert words in outcome.output
    card = json.loads(run("show", "breastmnist", "--json").output)
    assert card["splits"] == {"train": 546, "val": 78, "test": 156}


def test_show_of_an_unknown_dataset_names_near_ones():
    outcome = run("show", "brestmnist")
    assert outcome.exit_code == 1
    assert isinstance(outcome.exception, UserError)
    assert "Did you mean breastmnist" in str(outcome.exception)


def test_get_of_what_is_here_says_so(tiny):
    outcome = run("get", "tiny")
    assert outcome.exit_code == 0
    assert outcome.output == "tiny: is here already\n"
    assert json.loads(run("get", "tiny", "--json").output) == [{"id": "tiny", "status": "present", "reason": ""}]


def test_get_needs_no_network_for_digits():
    assert run("get", "digits").exit_code == 0


def test_get_goes_on_after_a_failure_and_says_so_at_the_end(tiny, far):
    outcome = run("get", "far", "tiny")
    assert outcome.exit_code == 1
    assert outcome.stdout == "tiny: is here already\n"
    assert outcome.stderr == (
        "Error: far could not be fetched: 127.0.0.1 cannot be reached (Connection refused).\n"
        "1 of 2 datasets could not be had: far.\n"
    )


def test_get_optional_says_what_is_left_out_and_how_to_have_it(tiny, far):
    outcome = run("get", "far", "tiny", "--optional")
    assert outcome.exit_code == 0
    assert "Left out: far could not be fetched" in outcome.stderr
    assert "`manifoldbench data get far`" in outcome.stderr


def test_get_as_json_keeps_standard_output_to_json(tiny, far):
    outcome = run("get", "far", "tiny", "--json")
    assert outcome.exit_code == 1
    assert [row["status"] for row in json.loads(outcome.stdout)] == ["failed", "present"]


def test_get_of_a_damaged_file_fails(tiny):
    tiny.write_bytes(tiny.read_bytes()[:200])
    outcome = run("get", "tiny")
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith(f"Error: {tiny}: cannot be read as an .npz file; is it whole?")
    assert outcome.stderr.count("\n") == 1


def test_get_of_an_unknown_size_names_those_there_are():
    outcome = run("get", "breastmnist", "--size", "32")
    assert outcome.exit_code == 1
    assert "breastmnist has no images of 32 pixels; it has 28, 64, 128, 224." in outcome.stderr


def checksum(value, note):
    return f"[[checksums]]\nfile = 'folders/tiny.npz'\nalgorithm = 'sha256'\nvalue = '{value}'\nnote = '{note}'\n"


@pytest.mark.parametrize(
    ("checksums", "words", "exit_code"),
    [
        ([("own", "official")], "matches the card (official; sha256 ", 0),
        ([("own", "a reduced copy")], "matches the card (a reduced copy; sha256 ", 0),
        (
            [("other", "official"), ("own", "re-saved")],
            "differs from the official file; matches a copy the card knows (re-saved; sha256 ",
            0,
        ),
        ([("other", "official")], "differs from the official file, and from every copy the card knows", 1),
        ([("other", "a reduced copy")], "differs from the copy the card knows", 1),
        ([], "the card has no checksum for this file", 1),
    ],
)
def test_verify_is_honest(tiny, make_card, checksums, words, exit_code):
    from benchmark.hashing import sha256_of_file

    values = {"own": sha256_of_file(tiny), "other": "0" * 64}
    make_card(more="".join(checksum(values[which], note) for which, note in checksums))
    outcome = run("verify", "tiny")
    assert outcome.exit_code == exit_code
    assert outcome.output.startswith(f"folders/tiny.npz: {words}")
    [row] = json.loads(run("verify", "tiny", "--json").output)
    assert row["known"] is (exit_code == 0)
    assert row["official"] is (exit_code == 0 and checksums[0] == ("own", "official"))


def test_verify_of_what_is_not_here_says_how_to_get_it(far):
    outcome = run("verify", "far")
    assert outcome.exit_code == 1
    assert str(outcome.exception) == "far is not on this machine: run `manifoldbench data get far`."


def test_verify_of_a_folder_has_no_checksum_to_compare(home, make_card):
    make_card(file="tiny")
    assert "tiny is not on this machine" in str(run("verify", "tiny").exception)
    (home / "data" / "folders" / "tiny").mkdir()
    outcome = run("verify", "tiny")
    assert (outcome.exit_code, outcome.output) == (0, "tiny: no file to verify: made in a test\n")
    assert json.loads(run("verify", "tiny", "--json").output) == []


def test_verify_of_a_file_outside_the_data_folder(tiny, home, make_card):
    elsewhere = tiny.rename(home / "elsewhere.npz")
    make_card(replace=("folders/tiny.npz", str(elsewhere)))
    outcome = run("verify", "tiny")
    assert (outcome.exit_code, outcome.output) == (1, f"{elsewhere}: the card has no checksum for this file\n")


def test_verify_of_embedded_data_has_nothing_to_do():
    outcome = run("verify", "digits")
    assert outcome.exit_code == 0
    assert "no file to verify" in outcome.output


@pytest.mark.data
@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ("mnist", "matches the card (official, unpacked"),
        ("fashionmnist", "matches the card (official, unpacked"),
        ("breastmnist", "differs from the official file; matches a copy the card knows (not official"),
        ("pneumoniamnist", "differs from the official file; matches a copy the card knows (not official"),
        ("nih-chest-xray-224", "matches the card (a reduced copy, no official file"),
        ("mednist-hand", "matches the card (a reduced copy, no official file"),
    ],
)
def test_verify_of_real_data(data_root, dataset, words):
    outcome = run("verify", dataset)
    assert outcome.exit_code == 0
    assert all(words in line for line in outcome.output.splitlines())
