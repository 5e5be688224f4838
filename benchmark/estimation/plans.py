"""Plans: what each task of a suite is made of, before any of its samples is built."""

import importlib.metadata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data import view as view_module
from benchmark.data.card import load_card
from benchmark.data.store import prepared
from benchmark.data.view import View, render
from benchmark.estimation.suites import Copies, KnownBlock, RealBlock, Suite, manifolds_of
from benchmark.hashing import seed_from, sha256_of, sha256_of_file
from benchmark.neighbors import first_copies
from benchmark.submissions import MAX_NEIGHBORS
from benchmark.synthetic import manifolds as manifolds_module
from benchmark.synthetic.manifolds import MANIFOLDS, sample_manifold


@dataclass(frozen=True, slots=True)
class Truth:
    """What the harness knows of a task."""

    name: str
    kind: str
    """`phantom` or `known` (one true dimension), `local` (each point has its own) or `real` (none is known)."""
    family: str
    dimension: float | None = None
    dataset: str | None = None
    view_sha256: str | None = None
    local: tuple[Path, ...] = ()
    """For each sample a file of the true dimension at each of its points, int64 [n]; it is never handed over."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points of a sample, with what the harness knows of them."""

    points: NDArray[Any]
    """[N, D]"""
    groups: NDArray[np.int64] | None = None
    """[N]; neighbours of the same group are passed over in the graph."""
    local: NDArray[np.int64] | None = None
    """[N], the true dimension at each point, where it differs between them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One sample of a task, before it is built."""

    name: str
    """Role in its task: `seed-3`, `whole`, `half-1a`, `low`, `low-rounded`."""
    key: str
    """sha256 of everything that determines its points."""
    make: Callable[[], Cloud]
    room: Callable[[], int]
    """How many bytes its points and their graph take on disk, at most."""
    copies: Copies = "removed"


@dataclass(frozen=True, slots=True)
class Plan:
    """A task before its samples are built."""

    truth: Truth
    parts: tuple[Part, ...]
    refusal: Callable[[Path], str | None] = lambda _: None
    """Why the task must not be asked, given the folder of the results; None if it may."""


def room_of(n: int, point_bytes: int) -> int:
    """Bytes of n points, and of a distance and an index, 8 bytes each, for each of their neighbours."""
    return n * (point_bytes + 16 * min(MAX_NEIGHBORS, n - 1))


def known_plans(block: KnownBlock, suite: Suite) -> Iterator[Plan]:
    """The tasks on manifolds that a block asks for."""
    # The code that draws the points is part of what determines them: a changed generator is never read from the store.
    code = sha256_of_file(Path(manifolds_module.__file__))
    library = importlib.metadata.version("scikit-dimension")
    suffix = f"@noise={block.noise:g}" if block.noise else ""
    for name in manifolds_of(block):
        parts = []
        for index in range(block.seeds):
            seed = suite.seed(manifold=name, repeat=index)
            key = sha256_of(
                {"manifold": name, "n": block.n, "seed": seed, "noise": block.noise, "code": code, "skdim": library}
            )
            parts.append(
                Part(f"seed-{index}", key, _manifold(name, block.n, seed, block.noise), _manifold_room(name, block.n))
            )
        truth = Truth(
            name=f"{block.family}/{name}{suffix}",
            kind="known",
            family=block.family,
            dimension=float(MANIFOLDS[name].dimension),
        )
        yield Plan(truth, tuple(parts))


def _manifold(name: str, n: int, seed: int, noise: float) -> Callable[[], Cloud]:
    return lambda: Cloud(sample_manifold(name, n, seed, noise))


def _manifold_room(name: str, n: int) -> Callable[[], int]:
    return lambda: room_of(n, 8 * MANIFOLDS[name].ambient_dimension)


def real_plan(view: View, block: RealBlock) -> Plan:
    """The task on the images of a view. Raises DatasetMissing if they are not on this machine."""
    card = load_card(view.dataset)
    # What renders the pixels is part of what determines them, as above.
    code = [sha256_of_file(Path(view_module.__file__)), importlib.metadata.version("torch")]
    source = view.sha256()
    parts = [Part("whole", sha256_of([source, code, "whole"]), _whole(view), _view_room(view, 1), block.copies)]
    for split in range(1, block.splits + 1):
        for half in ("a", "b"):
            name = f"half-{split}{half}"
            parts.append(
                Part(name, sha256_of([source, code, name]), _half(view, split, half), _view_room(view, 2), block.copies)
            )
    if block.resolutions:
        native = view.size or prepared(card, view.split, view.source_size).pixels.shape[1]
        size = native // 2
        for name, rounding in (("low", "none"), ("low-rounded", "uint8")):
            low = View.model_validate(view.model_dump() | {"size": size, "rounding": rounding})
            parts.append(
                Part(name, sha256_of([low.sha256(), code, name]), _whole(low), _view_room(low, 1), block.copies)
            )
    name = f"real/{view.dataset}" + ("" if block.copies == "removed" else "@copies")
    truth = Truth(name=name, kind="real", family=card.domain, dataset=card.id, view_sha256=source)
    return Plan(truth, tuple(parts))


def _flat(view: View) -> NDArray[Any]:
    pixels = render(view).pixels
    return np.ascontiguousarray(pixels.reshape(len(pixels), -1))


def _view_room(view: View, parts: int) -> Callable[[], int]:
    """Of one of so many equal parts of a view's images."""

    def room() -> int:
        pixels = prepared(load_card(view.dataset), view.split, view.source_size).pixels
        side, channels = view.size or pixels.shape[1], view.channels or pixels.shape[3]
        return room_of(
            (view.count or len(pixels)) // parts, side**2 * channels * (1 if view.rounding == "uint8" else 4)
        )

    return room


def _whole(view: View) -> Callable[[], Cloud]:
    return lambda: Cloud(_flat(view))


def _half(view: View, split: int, half: str) -> Callable[[], Cloud]:
    def cloud() -> Cloud:
        flat = _flat(view)
        # Copies go before the split, so that no image is in both halves.
        flat = flat[first_copies(flat)[0]]
        order = np.random.default_rng(seed_from(view=view.sha256(), split=split)).permutation(len(flat))
        middle = len(flat) // 2
        return Cloud(flat[np.sort(order[:middle] if half == "a" else order[middle : 2 * middle])])

    return cloud
