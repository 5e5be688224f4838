"""Outcomes of misbehaving submissions: written whole, read back, and one sentence for a file that is none."""

import json

import pytest
from pydantic import ValidationError

from benchmark.cheats import CheatOutcome, iter_cheats, write_cheat
from benchmark.errors import UserError

CONTENT = {
    "name": "forges-answer",
    "what": "Writes an answer of its own into every open descriptor.",
    "engine": "docker",
    "engine_version": "28.0.1",
    "image_digest": "sha256:" + "0" * 64,
    "status": "refused",
    "reason": "the answer was not written by the worker <script> é",
    "contained": True,
    "recorded": "2026-01-02T03:04:05+00:00",
    "version": "0.1.0",
    "git_commit": None,
}


def outcome(**changes) -> CheatOutcome:
    return CheatOutcome.model_validate(CONTENT | changes)


def test_outcomes_are_read_back_by_engine_and_name(tmp_path):
    written = [
        outcome(name="sleeps", engine="process", engine_version=None, image_digest=None),
        outcome(name="connects", engine="process", contained=False),
        outcome(),
    ]
    paths = [write_cheat(tmp_path, each) for each in written]
    assert paths == [
        tmp_path / "cheats" / "process" / "sleeps.json",
        tmp_path / "cheats" / "process" / "connects.json",
        tmp_path / "cheats" / "docker" / "forges-answer.json",
    ]
    assert list(iter_cheats(tmp_path)) == [written[2], written[1], written[0]]
    assert json.loads(paths[2].read_text(encoding="utf-8")) == CONTENT | {"schema_version": 1}


def test_a_later_outcome_takes_the_place_of_an_earlier_one(tmp_path):
    write_cheat(tmp_path, outcome())
    path = write_cheat(tmp_path, outcome(status="ok", reason="", contained=False))
    assert [each.status for each in iter_cheats(tmp_path)] == ["ok"]
    assert [file.name for file in path.parent.iterdir()] == ["forges-answer.json"]


def test_without_outcomes_there_is_nothing_to_read(tmp_path):
    assert list(iter_cheats(tmp_path / "results")) == []


@pytest.mark.parametrize(
    "changes",
    [
        *({"name": name} for name in ("", "../up", "/etc/passwd", "a/b", "a\\b", ".hidden", "Upper", "a\n", "a" * 41)),
        {"what": ""},
        {"engine": "../process"},
        {"engine": "podman"},
        {"status": "contained"},
        {"contained": "perhaps"},
        *({"recorded": time} for time in ("yesterday", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04+01:00")),
        {"truth": 3.0},
    ],
    ids=repr,
)
def test_what_is_no_outcome_is_refused(changes):
    with pytest.raises(ValidationError):
        outcome(**changes)


def test_an_outcome_cannot_be_changed():
    with pytest.raises(ValidationError):
        outcome().contained = False


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no outcome of a cheat, or is damaged"),
        ("[]", "is no outcome of a cheat, or is damaged"),
        ("[" * 100_000, "is no outcome of a cheat, or is damaged"),
        (b"\xff", "is no outcome of a cheat, or is damaged"),
        ({"schema_version": 2}, "newer version of ManifoldBench"),
        ({"schema_version": "2"}, "schema_version must be"),
        ({"status": "fine"}, 'status must be "ok" or'),
        ({"recorded": "yesterday"}, 'recorded must be a time in UTC, such as .*, not "yesterday"'),
        ({"contain": True}, r"unknown key contain \(did you mean contained\?\)"),
        ({"name": "../forges-answer"}, "name must be a text of the form"),
        ({"name": "sleeps"}, "holds the outcome of sleeps in the engine docker"),
        ({"engine": "process"}, "holds the outcome of forges-answer in the engine process"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_file_that_cannot_be_used_is_named_in_one_sentence(tmp_path, content, words):
    path = write_cheat(tmp_path, outcome())
    text = json.dumps(CONTENT | content) if isinstance(content, dict) else content
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=words) as raised:
        list(iter_cheats(tmp_path))
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "cheats" / "process" / "sleeps.json"
    path.mkdir(parents=True)
    with pytest.raises(UserError, match=r"sleeps\.json: cannot be read: Is a directory\.$"):
        list(iter_cheats(tmp_path))


def test_an_outcome_that_cannot_be_written_is_a_users_error(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(UserError, match="cannot be written"):
        write_cheat(tmp_path / "results", outcome())
