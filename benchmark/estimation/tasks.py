"""Tasks and truths: a suite becomes sample folders on disk, each built once and shared by all submissions.

A Task is what a submission is asked. It has no field for the answer and no name that would tell it; what the harness
knows of it stands in a Truth, which never leaves the harness.
"""

import importlib.metadata
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark import neighbors as neighbors_package
from benchmark.data import view as view_module
from benchmark.data.card import load_card
from benchmark.data.store import DatasetMissing, prepared
from benchmark.data.view import View, render
from benchmark.errors import UserError, reason_of
from benchmark.estimation.suites import Copies, KnownBlock, RealBlock, Suite, manifolds_of
from benchmark.hashing import seed_from, sha256_of, sha256_of_array, sha256_of_file
from benchmark.neighbors import first_copies, neighbor_graph, restore_copies
from benchmark.sandbox.engine import Limits
from benchmark.submissions import MAX_NEIGHBORS
from benchmark.synthetic import manifolds as manifolds_module
from benchmark.synthetic.manifolds import MANIFOLDS, sample_manifold


@dataclass(frozen=True, slots=True)
class Sample:
    """One point cloud with its exact neighbour graph, on disk."""

    part: str
    """Role in its task: `seed-3`, `whole`, `half-1a`, `low`, `low-rounded`."""
    folder: Path
    """Holds `points.npy` [n, D], `distances.npy` and `indices.npy` [n, k]."""
    n: int
    ambient_dimension: int
    duplicates: int
    certified: float
    points_sha256: str
    seed: int
    """Seeds the generators of the submission."""
    graph_seconds: float


@dataclass(frozen=True, slots=True)
class Task:
    """What a submission is asked: samples and a budget. No truth, no name."""

    samples: tuple[Sample, ...]
    limits: Limits

    @property
    def sha256(self) -> str:
        """Content hash: arrays, seeds, budget."""
        return sha256_of(
            {
                "samples": [(s.part, s.points_sha256, s.seed) for s in self.samples],
                "limits": asdict(self.limits),
            }
        )


@dataclass(frozen=True, slots=True)
class Truth:
    """What the harness knows of a task."""

    name: str
    kind: str
    """`known` or `real`."""
    family: str
    dimension: float | None = None
    dataset: str | None = None
    view_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A task that cannot be asked here, and how to get what it needs."""

    name: str
    reason: str


_Part = tuple[str, str, Callable[[], NDArray[Any]], Copies]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A task before its samples are built."""

    truth: Truth
    parts: tuple[_Part, ...]
    """Part, sha256 of everything that determines its points, the function that makes them, what to do with copies."""


def build_tasks(
    suite: Suite, folder: Path, progress: Callable[[str, int, int], None]
) -> tuple[list[tuple[Task, Truth]], list[LeftOut]]:
    """Build every task of a suite below `folder`; samples that are there already are not built again.

    progress: called with a task's name, how many are done, how many there are.
    Returns the tasks with their truths, and the tasks left out since their dataset is not on this machine.
    """
    budget = suite.content.budget
    limits = Limits(
        wall_seconds=budget.wall_seconds,
        cpu_seconds=budget.cpu_seconds,
        memory_bytes=round(budget.memory_gib * 2**30),
    )
    plans: list[_Plan] = []
    left_out: list[LeftOut] = []
    for block in suite.content.known:
        plans.extend(_known_plans(block))
    for real in suite.content.real:
        for view in real.views:
            try:
                plans.append(_real_plan(view, real))
            except DatasetMissing as missing:
                left_out.append(LeftOut(f"real/{view.dataset}", str(missing)))
    tasks = []
    for done, plan in enumerate(plans):
        progress(plan.truth.name, done, len(plans))
        samples = tuple(
            _build_sample(folder, part, key, points, copies, seed_from(task=plan.truth.name, part=part))
            for part, key, points, copies in plan.parts
        )
        tasks.append((Task(samples, limits), plan.truth))
    progress("", len(plans), len(plans))
    return tasks, left_out


def _known_plans(block: KnownBlock) -> Iterator[_Plan]:
    # The code that draws the points is part of what determines them: a changed generator is never read from the store.
    code = sha256_of_file(Path(manifolds_module.__file__))
    library = importlib.metadata.version("scikit-dimension")
    suffix = f"@noise={block.noise:g}" if block.noise else ""
    for name in manifolds_of(block):
        parts: list[_Part] = []
        for index in range(block.seeds):
            seed = seed_from(manifold=name, repeat=index)
            key = sha256_of(
                {"manifold": name, "n": block.n, "seed": seed, "noise": block.noise, "code": code, "skdim": library}
            )
            parts.append((f"seed-{index}", key, _sampler(name, block.n, seed, block.noise), "removed"))
        truth = Truth(
            name=f"{block.family}/{name}{suffix}",
            kind="known",
            family=block.family,
            dimension=float(MANIFOLDS[name].dimension),
        )
        yield _Plan(truth, tuple(parts))


def _sampler(name: str, n: int, seed: int, noise: float) -> Callable[[], NDArray[np.float64]]:
    return lambda: sample_manifold(name, n, seed, noise)


def _real_plan(view: View, block: RealBlock) -> _Plan:
    card = load_card(view.dataset)
    # What renders the pixels is part of what determines them, as above.
    code = [sha256_of_file(Path(view_module.__file__)), importlib.metadata.version("torch")]
    source = view.sha256()
    parts: list[_Part] = [("whole", sha256_of([source, code, "whole"]), lambda: _flat(view), block.copies)]
    for split in range(1, block.splits + 1):
        for half in ("a", "b"):
            part = f"half-{split}{half}"
            parts.append((part, sha256_of([source, code, part]), _half(view, split, half), block.copies))
    if block.resolutions:
        native = view.size or prepared(card, view.split, view.source_size).pixels.shape[1]
        size = native // 2
        for part, rounding in (("low", "none"), ("low-rounded", "uint8")):
            low = View.model_validate(view.model_dump() | {"size": size, "rounding": rounding})
            parts.append((part, sha256_of([low.sha256(), code, part]), _whole(low), block.copies))
    name = f"real/{view.dataset}" + ("" if block.copies == "removed" else "@copies")
    truth = Truth(name=name, kind="real", family=card.domain, dataset=card.id, view_sha256=source)
    return _Plan(truth, tuple(parts))


def _flat(view: View) -> NDArray[Any]:
    pixels = render(view).pixels
    return np.ascontiguousarray(pixels.reshape(len(pixels), -1))


def _whole(view: View) -> Callable[[], NDArray[Any]]:
    return lambda: _flat(view)


def _half(view: View, split: int, half: str) -> Callable[[], NDArray[Any]]:
    def points() -> NDArray[Any]:
        flat = _flat(view)
        # Copies go before the split, so that no image is in both halves.
        flat = flat[first_copies(flat)[0]]
        order = np.random.default_rng(seed_from(view=view.sha256(), split=split)).permutation(len(flat))
        middle = len(flat) // 2
        return flat[np.sort(order[:middle] if half == "a" else order[middle : 2 * middle])]

    return points


def _build_sample(
    folder: Path, part: str, key: str, make_points: Callable[[], NDArray[Any]], copies: Copies, seed: int
) -> Sample:
    code = [sha256_of_file(path) for path in sorted(Path(neighbors_package.__file__).parent.glob("*.py"))]
    target = folder / sha256_of({"points": key, "copies": copies, "graph": code, "k": MAX_NEIGHBORS})[:32]
    described = target / "sample.json"
    if not described.exists():
        _write_sample_folder(target, make_points(), copies)
    facts = json.loads(described.read_text())
    return Sample(part=part, folder=target, seed=seed, **facts)


def _write_sample_folder(target: Path, points: NDArray[Any], copies: Copies) -> None:
    """Write points, graph and facts into `target`, which appears whole or not at all."""
    if len(points) < 3:
        raise UserError(f"A sample needs at least 3 points, and this one has {len(points)}.")
    started = time.perf_counter()
    k = min(MAX_NEIGHBORS, len(points) - 1)
    unique = len(first_copies(points)[0])
    graph = neighbor_graph(points, min(k, unique - 1))
    distances, indices = graph.distances, graph.indices
    if copies == "removed":
        points = points[graph.kept]
    else:
        distances, indices = restore_copies(graph, distances.shape[1])
    facts = {
        "n": len(points),
        "ambient_dimension": points.shape[1],
        "duplicates": graph.duplicates,
        "certified": graph.certified,
        "points_sha256": sha256_of({"points": sha256_of_array(points), "copies": copies}),
        "graph_seconds": round(time.perf_counter() - started, 4),
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=".partial-"))
        try:
            np.save(partial / "points.npy", points, allow_pickle=False)
            np.save(partial / "distances.npy", distances, allow_pickle=False)
            np.save(partial / "indices.npy", indices, allow_pickle=False)
            (partial / "sample.json").write_text(json.dumps(facts))
            partial.chmod(0o755)
            for path in partial.iterdir():
                path.chmod(0o444)
            try:
                partial.rename(target)
            except OSError:
                # Another process may have built the same sample meanwhile; both hold the same bytes.
                if not (target / "sample.json").exists():
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{target.parent}: a sample cannot be written: {reason_of(error)}.") from None
