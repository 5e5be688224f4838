"""What is asked of an estimator, inside the sandbox: load points and graph, fit, read what it answers.

Standard library and numpy alone.
"""

import base64
import inspect
import json
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Sample:
    """One point cloud as it is handed over."""

    seed: int
    points: NDArray[np.float64]
    """[n, D]"""
    graph: tuple[NDArray[np.float64], NDArray[np.int64]] | None
    """Distances and indices [n, k], if the task says k."""


def load(sample: Path) -> Sample:
    """Read a sample folder; raises OSError, ValueError and KeyError, which are faults of ours."""
    task = json.loads((sample / "task.json").read_text(encoding="utf-8"))
    points = np.load(sample / "points.npy", allow_pickle=False).astype(np.float64)
    seed, k = task["seed"], task["neighbors"]
    if k is None:
        return Sample(seed, points, None)
    distances = np.load(sample / "distances.npy", mmap_mode="r", allow_pickle=False)
    indices = np.load(sample / "indices.npy", mmap_mode="r", allow_pickle=False)
    graph = np.array(distances[:, :k], np.float64, order="C"), np.array(indices[:, :k], np.int64, order="C")
    return Sample(seed, points, graph)


def answer(factory: Any, sample: Sample, start: Mapping[str, Any], at: Callable[[str], None]) -> dict[str, Any]:
    """Construct and fit the estimator, and read its answer.

    at: told each stage before it begins, so that an exception can be said to be raised by it.
    """
    at("the constructor")
    parameters = dict(start["parameters"])
    if "random_state" not in parameters and takes_random_state(factory):
        parameters["random_state"] = sample.seed
    estimator = factory(**parameters)
    at("fit")
    if sample.graph is None:
        estimator.fit(sample.points)
    else:
        estimator.fit(sample.points, precomputed_knn_arrays=sample.graph)
    at("reading dimension_")
    return read_answer(estimator, start["limits"]["answer_bytes"])


def takes_random_state(factory: Any) -> bool:
    """Whether a class or function has an argument of that name."""
    try:
        return "random_state" in inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return False


def read_answer(estimator: Any, answer_bytes: int) -> dict[str, Any]:
    """What a fitted estimator answers, as plain numbers and lists; `benchmark.sandbox.answers` judges it."""
    answer: dict[str, Any] = {}
    if hasattr(estimator, "dimension_"):
        answer["dimension"] = _number(estimator.dimension_)
    interval = getattr(estimator, "dimension_interval_", None)
    if interval is not None:
        pair = isinstance(interval, list | tuple | np.ndarray) and np.shape(interval) == (2,)
        answer["interval"] = [_number(bound) for bound in interval] if pair else {"found": _describe(interval)}
    pointwise = getattr(estimator, "dimension_pw_", None)
    if pointwise is not None:
        answer["pointwise"] = _array(pointwise, answer_bytes)
    return answer


def _number(value: Any) -> Any:
    """The value as a float if it is one, else a description of what it is."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.size == 1):
        value = value.item()
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    return {"found": _describe(value)}


def _array(value: Any, answer_bytes: int) -> dict[str, Any]:
    array = np.asarray(value)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        return {"found": _describe(array)}
    encoded = array.size * 8 * 4 // 3 + 1024
    if encoded > answer_bytes:
        return {"found": _describe(array), "bytes": encoded}
    return {"float64": base64.b64encode(array.astype("<f8").tobytes()).decode("ascii")}


def _describe(value: Any) -> str:
    match value:
        case None:
            found = "None"
        case str():
            found = f"the text {value[:60]!r}"
        case bool():
            found = f"the boolean {value}"
        case complex():
            found = f"the complex number {value}"
        case np.ndarray():
            found = f"an array of shape {value.shape} and type {value.dtype}"
        case list() | tuple():
            found = f"a {type(value).__name__} of {len(value)} values"
        case _:
            found = f"of type {type(value).__name__}"
    return found
