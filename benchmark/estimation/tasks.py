"""Tasks and truths: a suite becomes sample folders on disk, each built once and shared by all submissions.

A Task is what a submission is asked. It has no field for the answer and no name that would tell it; what the harness
knows of it stands in a Truth, which never leaves the harness.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark import neighbors as neighbors_package
from benchmark.data.store import DatasetMissing
from benchmark.errors import UserError, reason_of
from benchmark.estimation.phantom_plans import phantom_plans
from benchmark.estimation.plans import Cloud, Part, Plan, Truth, known_plans, real_plan
from benchmark.estimation.suites import Copies, Suite
from benchmark.files import whole_folder
from benchmark.hashing import seed_from, sha256_of, sha256_of_array, sha256_of_file
from benchmark.neighbors import first_copies, neighbor_graph, restore_copies
from benchmark.sandbox.engine import Limits
from benchmark.submissions import MAX_NEIGHBORS

__all__ = ["LeftOut", "Sample", "Task", "Truth", "build_tasks"]

DESCRIPTION = "sample.json"
"""The last file of a sample's folder."""
TRUTHS = "truths"
"""Folder, beside those of the samples, of the true dimension at each point."""


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
class LeftOut:
    """A task that cannot be asked here, and how to get what it needs."""

    name: str
    reason: str


def build_tasks(
    suite: Suite, folder: Path, results: Path, progress: Callable[[str, int, int], None]
) -> tuple[list[tuple[Task, Truth]], list[LeftOut]]:
    """Build every task of a suite below `folder`; samples that are there already are not built again.

    results: where certificates of phantoms are looked for.
    progress: called with a task's name, how many are done, how many there are.
    Returns the tasks with their truths, and the tasks left out since their dataset is not on this machine.
    Raises UserError, before anything is built, if the samples that are not there do not fit on the disk.
    """
    budget = suite.content.budget
    limits = Limits(
        wall_seconds=budget.wall_seconds,
        cpu_seconds=budget.cpu_seconds,
        memory_bytes=round(budget.memory_gib * 2**30),
    )
    left_out: list[LeftOut] = []
    plans = list(phantom_plans(suite))
    for block in suite.content.known:
        plans.extend(known_plans(block, suite))
    for real in suite.content.real:
        for view in real.views:
            try:
                plans.append(real_plan(view, real))
            except DatasetMissing as missing:
                left_out.append(LeftOut(f"real/{view.dataset}", str(missing)))
    _check_room(suite.name, folder, plans)
    tasks = []
    for done, plan in enumerate(plans):
        progress(plan.truth.name, done, len(plans))
        refusal = plan.refusal(results)
        if refusal is None:
            tasks.append(_build_task(folder, plan, limits))
        else:
            left_out.append(LeftOut(plan.truth.name, refusal))
    progress("", len(plans), len(plans))
    return tasks, left_out


def _check_room(name: str, folder: Path, plans: Iterable[Plan]) -> None:
    """Raise UserError if what has to be built takes more than is free, which else shows after hours.

    A sample that two tasks share counts once. A task that will be refused counts too: to know that takes a certificate.
    """
    wanted = {_target(folder, part): part for plan in plans for part in plan.parts}
    needed = sum(part.room() for target, part in wanted.items() if not _is_whole(target))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _unwritable(folder, error) from None
    if needed > free:
        raise UserError(
            f"The samples of suite {name} that are still to be built take {needed / 2**30:.1f} GiB, and {folder} has "
            f"{free / 2**30:.1f} GiB free: make room, name another folder in MANIFOLDBENCH_CACHE, or choose a smaller "
            "suite."
        )


def _build_task(folder: Path, plan: Plan, limits: Limits) -> tuple[Task, Truth]:
    truth = plan.truth
    samples = tuple(_build_sample(folder, part, seed_from(task=truth.name, part=part.name)) for part in plan.parts)
    if truth.kind == "local":
        truth = replace(truth, local=tuple(_truth_path(sample.folder) for sample in samples))
    return Task(samples, limits), truth


def _build_sample(folder: Path, part: Part, seed: int) -> Sample:
    target = _target(folder, part)
    if not _is_whole(target):
        _write_sample_folder(target, part.make(), part.copies)
    facts = json.loads((target / DESCRIPTION).read_text())
    return Sample(part=part.name, folder=target, seed=seed, **facts)


def _target(folder: Path, part: Part) -> Path:
    """The folder of a sample, whose name says what it is made of."""
    made_of = {"points": part.key, "copies": part.copies, "graph": _graph_code(), "k": MAX_NEIGHBORS}
    return folder / sha256_of(made_of)[:32]


@cache
def _graph_code() -> list[str]:
    return [sha256_of_file(path) for path in sorted(Path(neighbors_package.__file__).parent.glob("*.py"))]


def _is_whole(target: Path) -> bool:
    return (target / DESCRIPTION).exists()


def _truth_path(target: Path) -> Path:
    """Where the true dimensions of a sample's points lie: not in its folder, of which parts are handed over."""
    return target.parent / TRUTHS / f"{target.name}.npy"


def _write_sample_folder(target: Path, cloud: Cloud, copies: Copies) -> None:
    """Write points, graph and facts into `target`, which appears whole or not at all."""
    points = cloud.points
    if len(points) < 3:
        raise UserError(f"A sample needs at least 3 points, and this one has {len(points)}.")
    started = time.perf_counter()
    first = first_copies(points)[0]
    # the largest group is what a point may pass over, itself included
    passed = 1 if cloud.groups is None else int(np.unique(cloud.groups[first], return_counts=True)[1].max())
    k = min(MAX_NEIGHBORS, len(first) - passed)
    graph = neighbor_graph(points, k, groups=cloud.groups)
    distances, indices = graph.distances, graph.indices
    if copies == "removed":
        points = points[graph.kept]
    else:
        distances, indices = restore_copies(graph, distances.shape[1])
    # the graph is not part of a task's hash: it follows from the points, unless groups are passed over
    grouped = {} if cloud.groups is None else {"groups": sha256_of_array(cloud.groups)}
    facts = {
        "n": len(points),
        "ambient_dimension": points.shape[1],
        "duplicates": graph.duplicates,
        "certified": graph.certified,
        "points_sha256": sha256_of({"points": sha256_of_array(points), "copies": copies} | grouped),
        "graph_seconds": round(time.perf_counter() - started, 4),
    }
    try:
        with whole_folder(target, _is_whole) as partial:
            if cloud.local is not None:
                _write_truth(_truth_path(target), cloud.local[graph.kept])
            np.save(partial / "points.npy", points, allow_pickle=False)
            np.save(partial / "distances.npy", distances, allow_pickle=False)
            np.save(partial / "indices.npy", indices, allow_pickle=False)
            (partial / DESCRIPTION).write_text(json.dumps(facts))
            for path in partial.iterdir():
                path.chmod(0o444)
    except OSError as error:
        raise _unwritable(target.parent, error) from None


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(f"{folder}: a sample cannot be written: {reason_of(error)}.")


def _write_truth(path: Path, local: NDArray[np.int64]) -> None:
    """Write true dimensions [n] whole or not at all, before the sample that they belong to is there."""
    path.parent.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".partial-", delete=False) as stream:
        np.save(stream, local, allow_pickle=False)
    Path(stream.name).replace(path)
