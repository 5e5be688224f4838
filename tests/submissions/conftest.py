"""What the tests of the baselines share: their classes, loaded from their files, and points with a graph."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import skdim.id  # noqa: F401 - its import silences all warnings: here, so that pytest's own filters come after
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from benchmark.paths import REPOSITORY
from benchmark.submissions import Submission, find_submissions
from submitted import load_submitted

SUBMISSIONS = {submission.name: submission for submission in find_submissions(REPOSITORY / "submissions")}

QUICK = {"skdim-danco": {"max_dimension": 8}, "skdim-ess": {"points": 5}}
"""Parameters that make the slow ones affordable here, and change nothing else."""


@dataclass(frozen=True)
class Cloud:
    """Points [n, D] with the exact graph of their neighbours."""

    points: NDArray[np.float64]
    distances: NDArray[np.float64]
    indices: NDArray[np.int64]

    def graph(self, k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        return self.distances[:, :k].copy(), self.indices[:, :k].copy()

    def scaled(self, factor: float) -> "Cloud":
        return Cloud(self.points * factor, self.distances * factor, self.indices)


def make_cloud(points: NDArray[Any], k: int = 100) -> Cloud:
    """Points with their neighbours, found by scikit-learn in float64: not by the benchmark's own graph."""
    points = np.asarray(points, dtype=np.float64)
    search = NearestNeighbors(n_neighbors=min(k, len(points) - 1), algorithm="brute").fit(points)
    indices = search.kneighbors(return_distance=False)
    # Direct differences: the inner products of the search lose small distances.
    pairs = zip(points, indices, strict=True)
    distances = np.array([np.linalg.norm(points[near] - point, axis=1) for point, near in pairs])
    order = np.argsort(distances, axis=1, kind="stable")
    return Cloud(points, np.take_along_axis(distances, order, 1), np.take_along_axis(indices, order, 1))


def make_ball(n: int, dimension: int, columns: int, seed: int = 0) -> NDArray[np.float64]:
    """Uniform points of a ball, [n, columns], in a random orientation."""
    generator = np.random.default_rng(seed)
    directions = generator.standard_normal((n, dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = directions * generator.random((n, 1)) ** (1 / dimension)
    axes = np.linalg.qr(generator.standard_normal((columns, columns)))[0][:dimension]
    return points @ axes


def load(submission: Submission) -> Callable[..., Any]:
    """The class of a submission."""
    file, _, name = submission.manifest.entry.partition(":")
    return getattr(load_submitted(submission.folder / file), name)


def make_row(name: str, seed: int = 0, **parameters: Any) -> Any:
    """Make the estimator of a row of the board as the worker does: seeded."""
    submission = SUBMISSIONS[name]
    factory = load(submission)
    parameters = submission.parameters | QUICK.get(name, {}) | parameters
    if "random_state" in inspect.signature(factory).parameters:
        parameters.setdefault("random_state", seed)
    np.random.seed(seed)  # noqa: NPY002 - the harness seeds the global generator too
    return factory(**parameters)


def fit_row(name: str, data: Cloud, seed: int = 0, **parameters: Any) -> Any:
    """Fit a row of the board as the worker does: seeded, with the graph if its manifest asks for one."""
    estimator = make_row(name, seed, **parameters)
    neighbors = SUBMISSIONS[name].neighbors
    if neighbors is None:
        return estimator.fit(data.points.copy())
    return estimator.fit(data.points.copy(), precomputed_knn_arrays=data.graph(neighbors))


@pytest.fixture(scope="session")
def ball5() -> Cloud:
    """600 points of a 5-dimensional ball in 8 dimensions."""
    return make_cloud(make_ball(600, 5, 8))


@pytest.fixture(scope="session")
def wide() -> Cloud:
    """150 points of a 3-dimensional ball in 400 dimensions: more columns than rows."""
    return make_cloud(make_ball(150, 3, 400, seed=1))


@pytest.fixture(scope="session")
def fit() -> Callable[..., Any]:
    """Give `fit_row`."""
    return fit_row


@pytest.fixture(scope="session")
def make() -> Callable[..., Any]:
    """Give `make_row`."""
    return make_row


@pytest.fixture(scope="session")
def cloud() -> Callable[..., Cloud]:
    """Give `make_cloud`."""
    return make_cloud
