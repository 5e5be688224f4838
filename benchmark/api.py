"""For notebooks: the exact neighbour graph and the dimension of whatever holds images or points.

    from benchmark import estimate_dimension, neighbor_graph

    graph = neighbor_graph(images, k=20)                       # exact, copies removed and counted
    print(estimate_dimension(images, "mle-k20", graph=graph))  # a row of the board

Estimators run in this process, with your rights: run only what you trust. `manifoldbench run` has the sandbox.
"""

import difflib
import importlib.util
import inspect
import json
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.points import points_of
from benchmark.errors import UserError
from benchmark.neighbors import NeighborGraph, first_copies
from benchmark.neighbors import neighbor_graph as exact_graph
from benchmark.neighbors.graph import MEMORY_BYTES
from benchmark.paths import submissions_root
from benchmark.sandbox import child, estimating
from benchmark.sandbox.answers import Question, Verdict, validate
from benchmark.sandbox.engine import Limits
from benchmark.submissions import MANIFEST, Submission, find_submissions, load_submissions

__all__ = ["Estimate", "NeighborGraph", "UserError", "estimate_dimension", "neighbor_graph", "points_of"]

GRAPH_ARGUMENT = "precomputed_knn_arrays"
SPOT_CHECK = 1e-4
"""A ready graph whose distances differ from those of the points by more, relatively, is not theirs."""
LARGEST_SEED = 2**32 - 1
MODULE = "manifoldbench_submission"
"""What a submission's file is called while it runs."""
NO_LIMIT = Limits(answer_bytes=sys.maxsize)


@dataclass(frozen=True, eq=False)
class Estimate:
    """A dimension, and what it stands on."""

    dimension: float
    """Positive and finite; `float(estimate)` gives it too."""
    interval: tuple[float, float] | None
    """Low and high end at 95 %, where the estimator gives them."""
    pointwise: NDArray[np.float64] | None = field(repr=False)
    """[N], the local dimension at each row of the data, where the estimator gives it; copies of a row share theirs."""
    estimator: str
    """Name of the row of the board, or of the class, with the parameters that were changed."""
    neighbors: int | None
    """k, the neighbours of each point that the estimator was given; None if it was given none."""
    n: int
    """Points that were measured: the rows of the data without exact copies."""
    duplicates: int
    """Rows that were left out as exact copies of an earlier one."""
    certified: float | None
    """Share of the graph's rows whose distances are certified exact; None without a graph."""

    def __float__(self) -> float:
        return self.dimension

    def __str__(self) -> str:
        parts = [f"{self.estimator}: dimension {self.dimension:.4g}"]
        if self.interval is not None:
            parts[0] += f" (95 % interval {self.interval[0]:.4g} to {self.interval[1]:.4g})"
        parts.append(f"n = {self.n}")
        if self.neighbors is not None:
            parts.append(f"k = {self.neighbors}")
        parts.append(f"{self.duplicates} {'copy' if self.duplicates == 1 else 'copies'} removed")
        if self.certified is not None:
            parts.append(f"{100 * self.certified:.4g} % of the rows certified exact")
        return ", ".join(parts)


def neighbor_graph(
    data: Any,
    k: int = 20,
    *,
    groups: Any = None,
    device: str = "cpu",
    threads: int | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> NeighborGraph:
    """The exact k-nearest-neighbour graph of images or points (Euclidean distance between flattened rows).

    data: [N, ...]: an array, a tensor, a torch Dataset, a folder of images and more (see `points_of`).
    k: neighbours of each of the n different rows, from 1 to n - 1.
    groups: [N], for instance patients: neighbours of the same group are passed over.
    device: "cpu" or a CUDA device, such as "cuda".
    threads: of the processor; None for all that this process may use.
    memory_bytes: for blocks of distances, beside the points themselves; it changes the time, never the result.

    Returns a NeighborGraph: distances and indices [n, k], ascending, self excluded; kept [n] and inverse [N] lead from
    rows to input and back; duplicates counts the exact copies that were removed.

    Exact: distances of uint8 data are those of integer arithmetic, of other numbers those of direct differences in
    float64; `certified` is the share of rows for which that is proved. Nothing is approximated on any device.
    Cost: n^2 D / 2 multiplications, 8-bit for uint8 (four times as fast) and else float32; memory of the points, of
    the result and of `memory_bytes`.
    Raises UserError for data, k or groups that cannot be used.
    """
    return exact_graph(points_of(data), k, groups=groups, device=device, threads=threads, memory_bytes=memory_bytes)


def estimate_dimension(
    data: Any,
    estimator: Any = "twonn",
    *,
    neighbors: int | None = None,
    groups: Any = None,
    graph: NeighborGraph | None = None,
    device: str = "cpu",
    threads: int | None = None,
    seed: int = 0,
    **parameters: Any,
) -> Estimate:
    """The intrinsic dimension of images or points.

    data: [N, ...], as for `neighbor_graph`. Exact copies of a row are removed.
    estimator: a row of the board ("twonn", "mle-k20", "skdim-lpca-fo"), the path of a submission's folder, a
        Submission, or a class or object with scikit-learn's `fit` that sets `dimension_`: any of scikit-dimension's.
    neighbors: k, in place of the row's own. A class or object gets the graph if its fit takes `precomputed_knn_arrays`
        and k is given here or by `graph`; otherwise it gets the points alone.
    groups: [N], for instance patients, whose own neighbours are passed over; for estimators that are given a graph.
    graph: one that `neighbor_graph` made of this data, with at least k neighbours, so that estimators share it.
    device, threads: for the graph, as for `neighbor_graph`; threads also for torch in the estimator.
    seed: from 0 to 2**32 - 1, for the generators of Python, numpy and torch, which are put back afterwards, and for
        `random_state` if a class has one that is not set. The same seed gives the same answer.
    parameters: of the class, in place of the row's own.

    Returns an Estimate: the dimension and, where the estimator gives them, its interval and the local dimension [N].

    Cost: that of the graph (none if `graph` is given or no neighbours are wanted), that of the estimator, and a
    float64 copy of the points, 8 n D bytes, because that is what a `fit` is promised.
    The estimator's code runs in this process, with your rights: run only what you trust.
    Raises UserError for input that cannot be used, ValueError for an answer that is no dimension; what the estimator
    raises comes through as it is.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"seed must be a whole number from 0 to {LARGEST_SEED}, not {seed!r}.")
    subject = _subject_of(estimator, neighbors, parameters, None if graph is None else graph.distances.shape[1])
    k = subject.neighbors
    if groups is not None and (graph is not None or k is None):
        why = f"{subject.name} is given none" if graph is None else "graph holds them already: mask them in it"
        raise UserError(f"groups only matter while neighbours are searched, and {why}.")
    points = points_of(data)
    if graph is not None:
        _check_graph(graph, points, subject)
    elif k is not None:
        graph = exact_graph(points, k, groups=groups, device=device, threads=threads)
    kept, inverse = first_copies(points) if graph is None else (graph.kept, graph.inverse)
    X = _without_copies(points, kept)
    verdict = _answer(subject, X, None if k is None else graph, int(seed), threads)
    if verdict.status != "ok" or verdict.dimension is None:
        raise ValueError(f"{subject.name}: {verdict.reason}.")
    return Estimate(
        dimension=verdict.dimension,
        interval=verdict.interval,
        pointwise=None if verdict.pointwise is None else np.array(verdict.pointwise)[inverse],
        estimator=subject.name,
        neighbors=k,
        n=len(kept),
        duplicates=len(points) - len(kept),
        certified=None if graph is None or k is None else graph.certified,
    )


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is to be fitted."""

    name: str
    source: Submission | type | Any
    """A submission, a class, or an object that is made already."""
    parameters: Mapping[str, Any]
    """Of the class, where there is one."""
    neighbors: int | None
    """k, how many neighbours it is given; None for none."""


def _subject_of(estimator: Any, neighbors: int | None, parameters: dict[str, Any], width: int | None) -> _Subject:
    """What `estimator` means. width: neighbours in a ready graph; None without one."""
    if neighbors is not None and (isinstance(neighbors, bool) or not isinstance(neighbors, int) or neighbors < 1):
        raise UserError(f"neighbors must be a whole number of at least 1, not {neighbors!r}.")
    if isinstance(estimator, str | Path):
        estimator = _submission_of(estimator)
    changed = f"({', '.join(f'{name}={value!r}' for name, value in parameters.items())})" if parameters else ""
    if isinstance(estimator, Submission):
        if estimator.manifest.track != "estimators":
            raise UserError(f"estimator: {estimator.name} is on the track {estimator.manifest.track}.")
        merged = estimator.parameters | parameters
        return _Subject(estimator.name + changed, estimator, merged, neighbors or estimator.neighbors)
    if not hasattr(estimator, "fit"):
        raise UserError(
            "estimator must be the name of a row of the board, the path of a submission's folder, or a class or object "
            f"with a method fit, not {estimator!r}."
        )
    is_class = isinstance(estimator, type)
    if parameters and not is_class:
        raise UserError(f"estimator is an object that is made already: set {', '.join(parameters)} when you make it.")
    name = (estimator if is_class else type(estimator)).__name__
    k = _neighbors_of(estimator.fit, name, neighbors, width)
    return _Subject(name + changed, estimator, parameters, k)


def _neighbors_of(fit: Callable[..., Any], name: str, neighbors: int | None, width: int | None) -> int | None:
    """K for a class or object: as asked for, else all that a ready graph holds, if its fit takes a graph."""
    argument = _arguments(fit).get(GRAPH_ARGUMENT)
    if argument is None:
        if neighbors is not None:
            raise _takes_no_graph(name)
        return None
    if neighbors is None and width is None and argument.default is inspect.Parameter.empty:
        raise UserError(f"neighbors: {name} needs a graph: give k, for instance neighbors=20.")
    return neighbors or width


def _takes_no_graph(name: str) -> UserError:
    return UserError(f"neighbors: the fit of {name} takes no {GRAPH_ARGUMENT}: leave neighbors out.")


def _arguments(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def _submission_of(name: str | Path) -> Submission:
    """The one row that a name or the path of a folder means."""
    root = submissions_root()
    known = find_submissions(root) if isinstance(name, str) else ()
    found = [row for row in known if row.name == name] or [row for row in known if row.manifest.name == name]
    folder = Path(name).expanduser()
    if not found and (folder / MANIFEST).exists():
        found = list(load_submissions(folder))
    if any(row.manifest.track == "models" for row in found):
        raise UserError(f"estimator: {name} is a model, not an estimator of the dimension.")
    if len(found) == 1:
        return found[0]
    if found:
        rows = ", ".join(row.name for row in found)
        raise UserError(
            f"estimator: {name} has the rows {rows}: name one of them, or pass one of "
            "benchmark.submissions.load_submissions(folder)."
        )
    if isinstance(name, Path):
        raise UserError(f"estimator: {name} is no folder with {MANIFEST}.")
    if not root.is_dir():
        raise UserError(
            f'estimator: there is no folder of submissions at {root}, so "{name}" names no row: set '
            "MANIFOLDBENCH_SUBMISSIONS to the folder `submissions` of a checkout, or pass a class with a method fit."
        )
    names = [row.name for row in known if row.manifest.track == "estimators"]
    near = difflib.get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(near)}" if near else f"there are {', '.join(names)}"
    raise UserError(f'estimator: no row of {root} is called "{name}", and no folder with {MANIFEST}: {hint}.')


def _answer(
    subject: _Subject, X: NDArray[np.float64], graph: NeighborGraph | None, seed: int, threads: int | None
) -> Verdict:
    """Make the estimator, fit it and read what it set as the sandbox's worker does, except that nothing shuts it in."""
    source, k = subject.source, subject.neighbors
    with _seeded(seed, threads), _importable(source.folder.resolve() if isinstance(source, Submission) else None):
        estimator: Any = _load(source, seed) if isinstance(source, Submission) else source
        if isinstance(source, Submission | type):
            parameters = dict(subject.parameters)
            if "random_state" not in parameters and estimating.takes_random_state(estimator):
                parameters["random_state"] = seed
            estimator = estimator(**parameters)
        if graph is None:
            estimator.fit(X)
        else:
            kinds = {argument.kind for argument in _arguments(estimator.fit).values()}
            if GRAPH_ARGUMENT not in _arguments(estimator.fit) and inspect.Parameter.VAR_KEYWORD not in kinds:
                raise _takes_no_graph(subject.name)
            distances = np.array(graph.distances[:, :k], np.float64, order="C")
            estimator.fit(X, **{GRAPH_ARGUMENT: (distances, np.array(graph.indices[:, :k], np.int64, order="C"))})
        answer = json.dumps(estimating.read_answer(estimator, NO_LIMIT.answer_bytes))
    return validate(answer.encode(), Question(rows=X.shape[0], columns=X.shape[1], file=""), NO_LIMIT)


def _load(submission: Submission, seed: int) -> Any:
    """The object that a submission's manifest names as its entry: its file is run, in this process."""
    file, _, name = submission.manifest.entry.partition(":")
    spec = importlib.util.spec_from_file_location(MODULE, submission.folder.resolve() / file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{submission.folder / file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    torch_was_there = "torch" in sys.modules
    with warnings.catch_warnings():  # importing scikit-dimension silences all warnings: not beyond this line
        spec.loader.exec_module(module)
    if not torch_was_there and "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    return getattr(module, name)


@contextmanager
def _importable(folder: Path | None) -> Iterator[None]:
    """Let the modules of a folder be imported, and forget them afterwards: another submission has its own."""
    if folder is None:
        yield
        return
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(folder):
                del sys.modules[name]


@contextmanager
def _seeded(seed: int, threads: int | None) -> Iterator[None]:
    """Seed the global generators as the sandbox's worker does, and put them back."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - estimators use the global generator
    torch = sys.modules.get("torch")
    used = 1 if torch is None else torch.get_num_threads()
    if torch is not None:
        devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
        cpu, cuda = torch.get_rng_state(), [torch.cuda.get_rng_state(device) for device in devices]
    child.seed_generators(seed, used if threads is None else threads)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if torch is not None:
            torch.set_num_threads(used)
            torch.set_rng_state(cpu)
            for device, state in zip(devices, cuda, strict=True):
                torch.cuda.set_rng_state(state, device)


def _check_graph(graph: NeighborGraph, points: NDArray[Any], subject: _Subject) -> None:
    """Refuse a ready graph that holds too few neighbours, or is not of these points."""
    rows, width = len(graph.inverse), graph.distances.shape[1]
    if rows != len(points):
        raise UserError(f"graph is of {rows} rows, and data has {len(points)}: make it from the same data.")
    if subject.neighbors is not None and width < subject.neighbors:
        raise UserError(
            f"graph holds {width} neighbours of each point, and {subject.name} takes {subject.neighbors}: make it with "
            f"k={subject.neighbors} or more."
        )
    for row in {0, len(graph.kept) // 2, len(graph.kept) - 1}:
        one, other = graph.kept[row], graph.kept[graph.indices[row, 0]]
        distance = float(np.linalg.norm(points[one].astype(np.float64) - points[other].astype(np.float64)))
        if not np.isclose(distance, graph.distances[row, 0], rtol=SPOT_CHECK, atol=0):
            raise UserError(
                f"graph is not of this data: it has rows {one} and {other} at a distance of "
                f"{graph.distances[row, 0]:.6g}, and in data it is {distance:.6g}."
            )


def _without_copies(points: NDArray[Any], kept: NDArray[np.int64]) -> NDArray[np.float64]:
    """A float64 copy [n, D] of the rows that stay, which the estimator may write into."""
    if len(kept) < 2:
        raise UserError(f"data: all {len(points)} rows are equal, and a dimension needs at least 2 different ones.")
    X = np.array(points if len(kept) == len(points) else points[kept], dtype=np.float64, order="C")
    if not (np.isfinite(X.min()) and np.isfinite(X.max())):  # NaN if any value is
        raise UserError("data must be finite: there is a NaN or an infinity.")
    return X
