"""What a sample's process sent, turned into an Outcome: nothing in it is trusted, and every refusal is a sentence."""

import base64
import binascii
import json
import math
import signal
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from benchmark.sandbox.engine import Limits, Outcome, Status, Trained

REASON_LENGTH = 300
TAIL_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fields of an Outcome that depend on the answer."""

    status: Status
    reason: str = ""
    dimension: float | None = None
    interval: tuple[float, float] | None = None
    pointwise: tuple[float, ...] | None = None
    trained: Trained | None = None


class Asked(Protocol):
    """What the harness knows of the sample that was asked: by it an answer is judged."""

    @property
    def file(self) -> str:
        """The submission's file, as its manifest spells it."""
        ...

    @property
    def shape(self) -> str:
        """What was handed over, in brackets, for a sentence."""
        ...

    @property
    def keys(self) -> frozenset[str]:
        """The keys that an answer may have beside `error`."""
        ...

    @property
    def forged(self) -> str:
        """The sentence for an answer that the worker's code did not write."""
        ...

    def judge(self, content: Mapping[str, Any], limits: Limits) -> Verdict:
        """The verdict on a content; raises InvalidError and RefusedError."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A sample of points."""

    rows: int
    """n, the number of points."""
    columns: int
    """D."""
    file: str

    @property
    def shape(self) -> str:
        """What was handed over."""
        return f"(X is {self.rows} x {self.columns})"

    @property
    def keys(self) -> frozenset[str]:
        """Those of an estimate."""
        return frozenset(("dimension", "interval", "pointwise"))

    @property
    def forged(self) -> str:
        """Of an estimator."""
        return FORGED

    def judge(self, content: Mapping[str, Any], limits: Limits) -> Verdict:
        """A dimension, perhaps with an interval and with pointwise dimensions."""
        if "dimension" not in content:
            raise InvalidError("fit left no dimension_: set it to a positive finite number")
        dimension = _number(content["dimension"], "dimension_")
        if dimension <= 0:
            raise InvalidError(f"dimension_ is {dimension:g}, not a positive number")
        interval = pointwise = None
        if "interval" in content:
            interval = _interval(content["interval"])
        if "pointwise" in content:
            pointwise = _pointwise(content["pointwise"], self, limits)
        return Verdict("ok", "", dimension, interval, pointwise)


class RefusedError(Exception):
    """The answer is not one that the worker's code writes."""


class InvalidError(Exception):
    """The answer is well formed, and its content is not what a submission may say."""


def validate(answer: bytes, question: Asked, limits: Limits) -> Verdict:
    """Judge the bytes that a sample's process sent as its answer.

    Returns status `ok` with what the question asks for, `failed` or `out_of_memory` for an exception that the answer
    tells of, `invalid` for a content that does not answer it, `refused` for anything that the worker's code would not
    have written. Never raises.
    """
    try:
        return _judge(answer, question, limits)
    except InvalidError as invalid:
        return Verdict("invalid", str(invalid))
    except RefusedError as refused:
        return Verdict("refused", str(refused))


def ended(cause: str, number: int, question: Asked, limits: Limits) -> Verdict:
    """Judge a process that ended without an answer, or passed a limit.

    cause: `exit`, `signal`, or the name of the limit (a field of Limits) that was passed.
    number: exit code or signal.
    """
    if cause == "exit":
        return Verdict("crashed", f"the process ended with exit code {number} before it answered")
    if cause == "signal":
        return Verdict("crashed", f"the process was ended by {_signal_name(number)} before it answered")
    shape = question.shape
    folder = f"{size(limits.scratch_bytes)} or 100,000 files"
    passed: dict[str, Verdict] = {
        "wall_seconds": Verdict("timeout", f"no answer within {limits.wall_seconds:g} s of wall-clock time {shape}"),
        "cpu_seconds": Verdict("timeout", f"no answer within {limits.cpu_seconds:g} s of CPU time {shape}"),
        "memory_bytes": Verdict("out_of_memory", f"more than {size(limits.memory_bytes)} of memory in use {shape}"),
        "processes": Verdict("refused", f"more than {limits.processes} processes at one time"),
        "output_bytes": Verdict("refused", f"more than {size(limits.output_bytes)} printed"),
        "scratch_bytes": Verdict("refused", f"more than {folder} in the working folder"),
        "answer_bytes": Verdict("refused", f"an answer of more than {size(limits.answer_bytes)}"),
    }
    return passed[cause]


def outcome(reply: Mapping[str, Any], question: Asked, limits: Limits) -> Outcome:
    """The Outcome of a worker's reply about one sample."""
    answered = reply["cause"] == "exit" and reply["number"] == 0 and reply["answer"] != ""
    if answered:
        verdict = validate(reply["answer"].encode("latin-1"), question, limits)
    else:
        verdict = ended(reply["cause"], reply["number"], question, limits)
    return Outcome(
        status=verdict.status,
        reason=verdict.reason,
        dimension=verdict.dimension,
        interval=verdict.interval,
        pointwise=verdict.pointwise,
        trained=verdict.trained,
        wall_seconds=reply["wall_seconds"],
        cpu_seconds=reply["cpu_seconds"],
        peak_bytes=reply["peak_bytes"],
        output_tail=tail(reply["output"]),
    )


def one_line(text: str, length: int = REASON_LENGTH) -> str:
    """Text from a submission as one line without control characters, at most `length` characters."""
    # Categories C* hold control, format (bidirectional marks too), surrogate and unassigned characters.
    printable = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text[: 20 * length])
    line = " ".join(printable.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def tail(text: str) -> str:
    """The last lines of what a submission printed: printable characters and line ends, at most 2,000 characters."""
    lines = [one_line(line, TAIL_LENGTH) for line in text[-4 * TAIL_LENGTH :].splitlines()]
    return "\n".join(line for line in lines if line)[-TAIL_LENGTH:]


def size(count: int) -> str:
    """A number of bytes in the largest unit that fits: `4 GiB`, `1.5 MiB`."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{count / factor:.4g} {unit}"
    return f"{count} bytes"


def _judge(answer: bytes, question: Asked, limits: Limits) -> Verdict:
    if len(answer) > limits.answer_bytes:
        raise RefusedError(f"an answer of more than {size(limits.answer_bytes)}")
    content = _parse(answer, question)
    if "error" in content:
        return _error(content["error"], question)
    return question.judge(content, limits)


def _parse(answer: bytes, question: Asked) -> dict[str, Any]:
    try:
        content = json.loads(answer.decode("ascii"))
    except (ValueError, RecursionError):
        raise RefusedError(question.forged) from None
    if not isinstance(content, dict) or not content.keys() <= question.keys | {"error"}:
        raise RefusedError(question.forged)
    return content


FORGED = "the answer was not written by the worker: set dimension_ in fit, and leave the answer to it"


def _number(value: Any, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidError(f"{name} is {_found(value)}, not a number: set it to a positive finite number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidError(f"{name} is {number}, not a finite number")
    return number


def _found(value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("found"), str):
        return one_line(value["found"], 120)
    raise RefusedError(FORGED)


def _interval(value: Any) -> tuple[float, float]:
    if not isinstance(value, list):
        raise InvalidError(f"dimension_interval_ is {_found(value)}, not a pair (low, high)")
    if len(value) != 2:
        raise RefusedError(FORGED)
    low, high = (_number(bound, f"dimension_interval_[{index}]") for index, bound in enumerate(value))
    if low > high:
        raise InvalidError(f"dimension_interval_ is ({low:g}, {high:g}): its low end is above its high end")
    return low, high


def _pointwise(value: Any, question: Question, limits: Limits) -> tuple[float, ...]:
    if not isinstance(value, dict):
        raise RefusedError(FORGED)
    if isinstance(value.get("bytes"), int):
        found = f"dimension_pw_ is {_found(value)}"
        raise RefusedError(f"an answer of more than {size(limits.answer_bytes)}: {found}")
    if not isinstance(value.get("float64"), str):
        raise InvalidError(f"dimension_pw_ is {_found(value)}, not {question.rows} numbers, one for each row of X")
    try:
        numbers = np.frombuffer(base64.b64decode(value["float64"], validate=True), dtype="<f8")
    except (binascii.Error, ValueError):
        raise RefusedError(FORGED) from None
    if len(numbers) != question.rows:
        raise InvalidError(
            f"dimension_pw_ has {len(numbers)} values, and X has {question.rows} rows: set one for each row"
        )
    wrong = np.flatnonzero(~np.isfinite(numbers) | (numbers < 0))
    if len(wrong):
        raise InvalidError(f"dimension_pw_[{wrong[0]}] is {numbers[wrong[0]]:g}, not a finite number of at least 0")
    return tuple(numbers.tolist())


def _error(error: Any, question: Asked) -> Verdict:
    kinds = {"stage": str, "type": str, "message": str, "line": int | None, "memory": bool}
    if not isinstance(error, dict) or error.keys() != kinds.keys():
        raise RefusedError(question.forged)
    if not all(isinstance(error[name], kind) for name, kind in kinds.items()):
        raise RefusedError(question.forged)
    raised = f"{one_line(error['stage'], 60)} raised {one_line(error['type'], 60)}"
    message = one_line(error["message"])
    where = question.file if error["line"] is None else f"{question.file}, line {error['line']:d}"
    reason = f"{raised}: {message} ({where})" if message else f"{raised} ({where})"
    return Verdict("out_of_memory" if error["memory"] else "failed", reason)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
