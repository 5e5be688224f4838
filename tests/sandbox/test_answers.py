"""The judgement of an answer: bytes in, verdict out; no process is needed."""

import base64
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.sandbox.answers import Question, Verdict, ended, one_line, outcome, size, tail, validate
from benchmark.sandbox.engine import Limits

QUESTION = Question(rows=3, columns=2, file="estimator.py")
LIMITS = Limits(answer_bytes=4096)
FORGED = "the answer was not written by the worker: set dimension_ in fit, and leave the answer to it"


def judge(**content) -> Verdict:
    return validate(json.dumps(content).encode(), QUESTION, LIMITS)


def encoded(*numbers: float) -> dict[str, str]:
    return {"float64": base64.b64encode(np.array(numbers, "<f8").tobytes()).decode()}


def test_good_answer():
    verdict = judge(dimension=2, interval=[1.5, 2.5], pointwise=encoded(1, 0, 3))
    assert verdict == Verdict("ok", "", 2.0, (1.5, 2.5), (1.0, 0.0, 3.0))
    assert judge(dimension=0.25) == Verdict("ok", "", 0.25)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "fit left no dimension_: set it to a positive finite number"),
        ({"dimension": 0}, "dimension_ is 0, not a positive number"),
        ({"dimension": float("nan")}, "dimension_ is nan, not a finite number"),
        ({"dimension": float("-inf")}, "dimension_ is -inf, not a finite number"),
        ({"dimension": 10**400}, "dimension_ is inf, not a finite number"),
        ({"dimension": {"found": "None"}}, "dimension_ is None, not a number: set it to a positive finite number"),
        ({"dimension": 1, "interval": {"found": "None"}}, "dimension_interval_ is None, not a pair (low, high)"),
        ({"dimension": 1, "interval": [1, float("inf")]}, "dimension_interval_[1] is inf, not a finite number"),
        (
            {"dimension": 1, "interval": [2, 1]},
            "dimension_interval_ is (2, 1): its low end is above its high end",
        ),
        (
            {"dimension": 1, "pointwise": {"found": "the text 'x'"}},
            "dimension_pw_ is the text 'x', not 3 numbers, one for each row of X",
        ),
        (
            {"dimension": 1, "pointwise": encoded(1, 2)},
            "dimension_pw_ has 2 values, and X has 3 rows: set one for each row",
        ),
        (
            {"dimension": 1, "pointwise": encoded(1, float("nan"), 2)},
            "dimension_pw_[1] is nan, not a finite number of at least 0",
        ),
        (
            {"dimension": 1, "pointwise": encoded(1, 2, -3)},
            "dimension_pw_[2] is -3, not a finite number of at least 0",
        ),
    ],
)
def test_content_that_is_no_dimension_is_invalid(content, reason):
    assert judge(**content) == Verdict("invalid", reason)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff",
        b"[1]",
        b'{"dimension": 2.0}{"dimension": 2.0}',
        b'{"dimension": 2.0, "status": "ok"}',
        b'{"dimension": true}',
        b'{"dimension": "2"}',
        b'{"dimension": null}',
        b'{"dimension": 2, "interval": [1]}',
        b'{"dimension": 2, "interval": 1}',
        b'{"dimension": 2, "pointwise": [1, 2, 3]}',
        b'{"dimension": 2, "pointwise": {"float64": "?"}}',
        b'{"dimension": 2, "pointwise": {"float64": "AAAA"}}',
        b'{"error": "x"}',
        b'{"error": {"stage": 1, "type": "", "message": "", "line": 1, "memory": false}}',
        b"[" * 4000,
    ],
)
def test_what_the_worker_would_not_write_is_refused(answer):
    assert validate(answer, QUESTION, LIMITS) == Verdict("refused", FORGED)


def test_number_with_too_many_digits_is_refused():
    answer = b'{"dimension": ' + b"9" * 5000 + b"}"
    assert validate(answer, QUESTION, Limits()) == Verdict("refused", FORGED)


def test_large_answer_is_refused():
    assert validate(b" " * 4097, QUESTION, LIMITS) == Verdict("refused", "an answer of more than 4 KiB")


@pytest.mark.parametrize(
    ("memory", "status"),
    [(False, "failed"), (True, "out_of_memory")],
)
def test_exception_is_told_with_its_place(memory, status):
    error = {"stage": "fit", "type": "ValueError", "message": "no\nneighbours", "line": 12, "memory": memory}
    assert judge(error=error) == Verdict(status, "fit raised ValueError: no neighbours (estimator.py, line 12)")
    error |= {"message": "", "line": None}
    assert judge(error=error) == Verdict(status, "fit raised ValueError (estimator.py)")


@given(st.binary(max_size=300))
def test_any_bytes_get_a_verdict(answer):
    assert validate(answer, QUESTION, LIMITS).status in ("ok", "failed", "invalid", "refused", "out_of_memory")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["found", "float64", "bytes"]), inner),
    max_leaves=3,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(["dimension", "interval", "pointwise", "error"]), JSON))
def test_any_content_gets_a_verdict_and_ok_means_usable(content):
    verdict = judge(**content)
    assert (verdict.status == "ok") == (verdict.reason == "") == (verdict.dimension is not None)
    if verdict.dimension is not None:
        assert np.isfinite(verdict.dimension)
        assert verdict.dimension > 0
    assert "\n" not in verdict.reason


@given(st.text())
def test_text_becomes_one_printable_line(text):
    line = one_line(text)
    assert len(line) <= 300
    assert line == line.strip()
    assert all(character.isprintable() for character in line)


def test_tail_keeps_the_last_lines():
    text = "\n".join(f"line {number}\x1b[1m" for number in range(1000))
    assert tail(text).endswith("line 998 [1m\nline 999 [1m")
    assert len(tail(text)) <= 2000


@pytest.mark.parametrize(
    ("count", "text"), [(10, "10 bytes"), (1536, "1.5 KiB"), (1 << 20, "1 MiB"), (8 << 30, "8 GiB")]
)
def test_size(count, text):
    assert size(count) == text


def test_every_limit_has_its_sentence():
    for cause in ("wall_seconds", "cpu_seconds", "memory_bytes", "processes", "output_bytes", "scratch_bytes"):
        assert ended(cause, 0, QUESTION, LIMITS).reason
    assert ended("signal", 64, QUESTION, LIMITS).reason.startswith("the process was ended by SIG")
    assert ended("signal", 99, QUESTION, LIMITS).reason == "the process was ended by signal 99 before it answered"


def test_outcome_carries_cost_and_output():
    reply = {"cause": "exit", "number": 0, "wall_seconds": 1.5, "cpu_seconds": 0.5, "peak_bytes": 7}
    result = outcome(reply | {"answer": '{"dimension": 2}', "output": "a\x00b"}, QUESTION, LIMITS)
    assert (result.status, result.dimension, result.output_tail) == ("ok", 2.0, "a b")
    assert (result.wall_seconds, result.cpu_seconds, result.peak_bytes) == (1.5, 0.5, 7)
    assert outcome(reply | {"answer": "", "output": ""}, QUESTION, LIMITS).status == "crashed"
