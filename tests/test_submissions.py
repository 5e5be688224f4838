"""The manifest: each mistake is one sentence, and what decides the answers decides the identity."""

import json
import re
import sys
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import jsonschema
import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.errors import UserError
from benchmark.paths import REPOSITORY
from benchmark.submissions import MANIFEST, Manifest, find_submissions, load_submissions, schema_json
from benchmark.validation import describe_validation_error

GOOD = """name = "mine"
track = "estimators"
entry = "estimator.py:Mine"
authors = ["A. Author"]
licence = "MIT"
reference = "none"
description = "For tests."
"""
CODE = "class Mine:\n    pass\n"


@pytest.fixture
def write(tmp_path) -> Callable[..., Path]:
    """Writes a submission folder and gives its path."""

    def folder(manifest: str = GOOD, code: str = CODE, name: str = "mine") -> Path:
        path = tmp_path / name
        path.mkdir(exist_ok=True)
        (path / MANIFEST).write_text(manifest)
        (path / "estimator.py").write_text(code)
        return path

    return folder


def sentence(path: Path) -> str:
    """The user's error, which must be one line that ends as a sentence does and starts with the file."""
    with pytest.raises(UserError) as error:
        load_submissions(path)
    text = str(error.value)
    assert text.startswith(str(path))
    assert text.endswith(".")
    assert not text.endswith("..")
    assert "\n" not in text
    assert "pydantic" not in text
    return text


def test_a_submission_without_variants_is_one_row(write):
    (row,) = load_submissions(write(GOOD + "neighbors = 2\nparameters = { discard = 0.1 }\n"))
    assert (row.name, row.neighbors, row.parameters) == ("mine", 2, {"discard": 0.1})
    assert len(row.sha256) == 64


def test_each_variant_is_a_row_of_its_own(write):
    text = (
        GOOD + "neighbors = 20\nparameters = { a = 1, b = 1 }\n[variants.k-5]\nneighbors = 5\nparameters = { b = 2 }\n"
    )
    text += '[variants.k-20]\ndescription = "The other."\ncorrection = { factor = "18/19", reason = "Known." }\n'
    first, second = load_submissions(write(text))
    assert (first.name, first.neighbors, first.parameters) == ("mine-k-5", 5, {"a": 1, "b": 2})
    assert (second.name, second.neighbors, second.parameters) == ("mine-k-20", 20, {"a": 1, "b": 1})
    assert (first.description, second.description) == ("For tests.", "The other.")
    assert first.correction is None
    assert second.correction is not None
    assert second.correction.value == pytest.approx(18 / 19)
    assert first.sha256 != second.sha256


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('neighbors = "20"', 'neighbors must be a whole number from 1 to 100, not "20": remove the quotes.'),
        ('neighbors = "many"', 'neighbors must be a whole number from 1 to 100, not "many".'),
        ("neighbors = 0", "neighbors must be a whole number from 1 to 100, not 0."),
        ("neighbors = 101", "neighbors must be a whole number from 1 to 100, not 101."),
        ("neighbors = 2.0", "neighbors must be a whole number from 1 to 100, not 2.0."),
        ("neighbors = true", "neighbors must be a whole number from 1 to 100, not true."),
        ("neighbours = 3", "unknown key neighbours (did you mean neighbors?); allowed: name, track, entry"),
        ("zzz = 3", "unknown key zzz; allowed: name, track, entry"),
        ('control = "true"', 'control must be true or false, not "true": remove the quotes.'),
        ("control = 1", "control must be true or false, not 1."),
        ("slow = 3", "slow must be a text, not 3: put it in quotes."),
        ('requirements = "numpy"', 'requirements must be a list of texts, not "numpy": put it in brackets.'),
        ("requirements = [1]", "requirements[0] must be a text, not 1: put it in quotes."),
        ("parameters = 3", "parameters must be a table, not 3."),
        ("parameters = { when = 2020-01-01 }", "parameters: when may hold texts, finite numbers, true, false, lists"),
        ("parameters = { a = [nan] }", "parameters: a may hold texts, finite numbers"),
        ('parameters = { "a b" = 1 }', 'parameters: "a b" is no name of a parameter.'),
        ("[variants.Big]", "the name variants.Big must be a text of the form"),
        ('[variants.a]\nneighbors = "5"', 'variants.a.neighbors must be a whole number from 1 to 100, not "5"'),
        (
            "[variants.a]\nk = 5",
            "unknown key k in variants.a; allowed: parameters, neighbors, correction, description.",
        ),
        ('[correction]\nreason = "x"', "correction.factor is missing: a positive fraction such as 19/18."),
        ('[correction]\nfactor = "1/0"\nreason = "x"', "correction.factor must be a text of the form"),
        ("[correction]\nfactor = 2\nreason = 'x'", "correction.factor must be a text of the form"),
        ("neighbors = [", "is not TOML:"),
        ('name = "twice"', "is not TOML: Cannot overwrite a value"),
    ],
)
def test_a_wrong_line_is_one_sentence(write, line, words):
    path = write(GOOD + line)
    assert sentence(path).startswith(f"{path / MANIFEST}: {words}")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('licence = "MIT"\n', "", "licence is missing: SPDX identifier of the code's licence."),
        ("licence", "license", "unknown key license (did you mean licence?)"),
        ('"MIT"', '""', 'licence must be a text that is not empty, not "".'),
        ('"mine"', '"My Name"', "name must be a text of the form [a-z0-9]+(-[a-z0-9]+)* (lower-case letters, digits"),
        ('"mine"', f'"{"m" * 41}"', "40 characters at most"),
        ('"mine"', '"mine\\n"', "name must be a text of the form"),
        ('"mine"', '"../up"', "name must be a text of the form"),
        ('"estimators"', '"estimator"', 'track must be "estimators" or "models", not "estimator".'),
        ('"estimators"', '"models"\nneighbors = 3', "neighbors belongs to the estimators track"),
        ('"estimators"', '"models"\nvariants.a.neighbors = 3', "neighbors belongs to the estimators track"),
        ('["A. Author"]', '"A. Author"', "authors must be a list of texts with 1 or more entries, not"),
        ('["A. Author"]', "[]", "authors must be a list of texts with 1 or more entries, not []."),
        ("estimator.py:Mine", "estimator.Mine", "entry must be a text of the form"),
        ("estimator.py:Mine", "../estimator.py:Mine", "entry must be a text of the form"),
    ],
)
def test_a_wrong_field_is_one_sentence(write, old, new, words):
    assert words in sentence(write(GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("class Other: pass\n", "defines no Mine, but submission.toml names it as the entry."),
        ("class Mine(:\n", "is not Python: invalid syntax (line 1)."),
        ("\0", "is not Python: source code string cannot contain null bytes"),
        ("-" * 100_000 + "1", "cannot be read as Python:"),
        ("def outer():\n    class Mine: pass\n", "defines no Mine"),
    ],
)
def test_code_that_cannot_be_the_entry_is_one_sentence(write, code, words):
    path = write(code=code)
    assert sentence(path).startswith(f"{path / 'estimator.py'}: {words}")


@pytest.mark.parametrize(
    "code",
    [
        "from skdim.id import TwoNN as Mine\n",
        "import somewhere.Mine as Mine\n",
        "Mine = None\n",
        "Mine: type = int\n",
        "a, Mine = 1, 2\n",
        "try:\n    from fast import Mine\nexcept ImportError:\n    class Mine: pass\n",
        "if True:\n    def Mine(): pass\n",
        "from elsewhere import *\n",
        "pattern = '\\d'\nclass Mine: pass\n",
    ],
)
def test_an_entry_may_be_defined_in_any_way_a_module_can(write, code):
    assert load_submissions(write(code=code))


def test_nothing_of_the_submission_is_imported(write, tmp_path):
    mark = tmp_path / "imported"
    path = write(code=f"open({str(mark)!r}, 'w').close()\nclass Mine: pass\n")
    before = set(sys.modules)
    load_submissions(path)
    assert not mark.exists()
    assert "estimator" not in set(sys.modules) - before


def test_a_missing_entry_file_and_a_missing_manifest_are_named(write, tmp_path):
    path = write()
    (path / "estimator.py").unlink()
    assert "no such file, but submission.toml names it as the entry." in sentence(path)
    (path / MANIFEST).unlink()
    assert "no submission.toml" in sentence(path)
    assert "no submission.toml" in sentence(tmp_path / "nowhere")


def test_bytes_that_are_no_text_are_named(write):
    path = write()
    (path / MANIFEST).write_bytes(b'name = "\xff"')
    assert "is not TOML: 'utf-8' codec" in sentence(path)


def test_a_byte_order_mark_is_no_mistake(write):
    path = write()
    (path / MANIFEST).write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_submissions(path)


@pytest.mark.parametrize("target", ["/etc/hostname", "/etc", "nowhere"])
def test_a_link_is_refused_whatever_it_leads_to(write, target):
    """What a link leads to is not part of the identity."""
    path = write()
    (path / "data").symlink_to(target)
    assert sentence(path) == f"{path / 'data'}: is a link; a submission holds plain files only."


def test_two_rows_of_one_name_are_refused(write, tmp_path):
    write(GOOD + "[variants.a-b]\n")
    write(GOOD.replace('"mine"', '"mine-a"') + "[variants.b]\n", name="other")
    with pytest.raises(UserError, match="the name mine-a-b is also that of"):
        find_submissions(tmp_path)


def test_submissions_are_found_by_name(write, tmp_path):
    write(GOOD.replace('"mine"', '"b"'), name="first")
    write(GOOD.replace('"mine"', '"a"'), name="second")
    (tmp_path / "no-submission").mkdir()
    assert [row.name for row in find_submissions(tmp_path)] == ["b", "a"]
    assert find_submissions(tmp_path / "nowhere") == ()


# Identity


@pytest.mark.parametrize(
    "change",
    [
        lambda path: (path / "estimator.py").write_text(CODE + "# another\n"),
        lambda path: (path / MANIFEST).write_text(GOOD + "parameters = { a = 1 }\n"),
        lambda path: (path / MANIFEST).write_text(GOOD + "neighbors = 2\n"),
        lambda path: (path / MANIFEST).write_text(GOOD + 'requirements = ["x"]\n'),
        lambda path: (path / "helper.py").write_text(""),
        lambda path: _nested(path, MANIFEST),
    ],
)
def test_what_can_change_an_answer_changes_the_identity(write, change):
    path = write()
    before = load_submissions(path)[0].sha256
    change(path)
    assert load_submissions(path)[0].sha256 != before


@pytest.mark.parametrize(
    "change",
    [
        lambda path: (path / MANIFEST).write_text(GOOD.replace("For tests.", "In other words.")),
        lambda path: (path / MANIFEST).write_text(GOOD.replace("A. Author", "B. Author")),
        lambda path: (path / MANIFEST).write_text(GOOD + 'correction = { factor = "1/2", reason = "x" }\n'),
        lambda path: _nested(path, "__pycache__"),
        lambda path: path.rename(path.with_name("moved")),
    ],
)
def test_what_cannot_change_an_answer_leaves_the_identity(write, change):
    path = write()
    before = load_submissions(path)[0].sha256
    moved = change(path)
    assert load_submissions(moved if isinstance(moved, Path) else path)[0].sha256 == before


def _nested(path: Path, name: str) -> None:
    (path / "below").mkdir()
    if name == MANIFEST:
        (path / "below" / name).write_text("read by the code")
    else:
        (path / "below" / name).mkdir()
        (path / "below" / name / "estimator.cpython-311.pyc").write_bytes(b"x")


# The schema


def test_the_committed_schema_is_that_of_the_model():
    committed = REPOSITORY / "docs" / "submission.schema.json"
    assert committed.read_text(encoding="utf-8") == schema_json(), (
        "regenerate it: manifoldbench check --schema > docs/submission.schema.json"
    )


@pytest.mark.parametrize(
    ("content", "valid"),
    [
        ({}, True),
        ({"neighbors": 5, "variants": {"k-5": {"neighbors": 5}}}, True),
        ({"neighbors": "5"}, False),
        ({"neighbours": 5}, False),
        ({"variants": {"Big": {}}}, False),
        ({"variants": {"a": {"k": 1}}}, False),
        ({"track": "estimator"}, False),
    ],
)
def test_schema_and_model_agree(content, valid):
    """An editor that uses the schema marks what the command refuses."""
    manifest = tomllib.loads(GOOD) | content
    assert jsonschema.Draft202012Validator(json.loads(schema_json())).is_valid(manifest) is valid
    if valid:
        Manifest.model_validate(manifest)
    else:
        with pytest.raises(ValidationError):
            Manifest.model_validate(manifest)


# What the documents say


def _toml_blocks(document: str) -> list[str]:
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    return re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)


def test_the_manifest_in_contributing_is_right(write):
    manifest, variant = _toml_blocks("CONTRIBUTING.md")
    (row,) = load_submissions(write(manifest + variant))
    assert (row.name, row.neighbors, row.parameters) == ("mine-k-20", 20, {"discard_fraction": 0.2})


def test_the_correction_in_the_rules_is_right(write):
    (correction,) = _toml_blocks("RULES.md")
    assert load_submissions(write(GOOD + correction))[0].correction.value == pytest.approx(19 / 18)


def test_the_limits_in_the_rules_are_those_of_the_suites():
    rules = (REPOSITORY / "RULES.md").read_text(encoding="utf-8")
    suites = sorted((REPOSITORY / "benchmark" / "estimation" / "suites").glob("*.toml"))
    assert suites
    for path in suites:
        budget = tomllib.loads(path.read_text(encoding="utf-8"))["budget"]
        seconds = f"{budget['wall_seconds']:g} s | {budget['cpu_seconds']:g} s"
        assert f"| `{path.stem}` | {seconds} | {budget['memory_gib']:g} GiB |" in rules


# Sentences for other files


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["a", "b"]
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    either: list[int | str] | None = None
    least: float = Field(0.0, ge=0)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: list[_Inner] = []
    day: date | None = None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"inner": [{"kind": "c"}]}, 'inner[0].kind must be "a" or "b", not "c".'),
        ({"inner": [{"kind": "a", "share": 1.5}]}, "inner[0].share must be a number above 0 and below 1, not 1.5."),
        ({"inner": [{"kind": "a", "share": "0.5x"}]}, 'not "0.5x".'),
        ({"inner": [{"kind": "a", "least": -1}]}, "inner[0].least must be a number of 0 or more, not -1."),
        ({"inner": [{"kind": "a", "either": [1.5]}]}, "inner[0].either[0] must be a whole number or a text, not 1.5."),
        ({"inner": [{}]}, "inner[0].kind is missing."),
        ({"inner": {"kind": "a"}}, "inner must be a list, not a table."),
        (
            {"inner": [{"kind": "a", "kin": 1}]},
            "unknown key kin in inner[0] (did you mean kind?); allowed: kind, share",
        ),
        ({"day": "x" * 99}, "day must be a text, not"),
    ],
)
def test_any_model_gets_its_sentences(content, words):
    with pytest.raises(ValidationError) as error:
        _File.model_validate(content)
    assert words in describe_validation_error(Path("file.toml"), error.value, _File)
