"""Sample folders: how one question is handed over to a worker. Nothing in them tells the truth."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError, reason_of
from benchmark.neighbors.graph import NeighborGraph

TASK = "task.json"


def write_sample(
    folder: Path, points: NDArray[Any], seed: int, graph: NeighborGraph | None, neighbors: int | None
) -> None:
    """Write a sample into `folder`, which is made; a sample is complete once its task.json is there.

    folder: its name reaches the submission, so it must tell nothing; its parent exists.
    points: [n, D] uint8, float32 or float64, exact copies removed.
    seed: seeds the generators of the submission.
    graph: the exact neighbour graph of these points with at least `neighbors` columns; None to hand over none.
    neighbors: k, how many neighbours the submission is given; None without a graph.

    Raises ValueError if `graph` and `neighbors` do not fit together, UserError if the folder cannot be written.
    """
    if (graph is None) != (neighbors is None):
        raise ValueError("graph and neighbors go together")
    if graph is not None and neighbors is not None:
        rows, columns = graph.distances.shape
        if rows != len(points) or columns < neighbors:
            raise ValueError(f"a graph of {rows} x {columns} does not serve {len(points)} points and k = {neighbors}")
    try:
        folder.mkdir()
        np.save(folder / "points.npy", points, allow_pickle=False)
        if graph is not None:
            np.save(folder / "distances.npy", graph.distances, allow_pickle=False)
            np.save(folder / "indices.npy", graph.indices, allow_pickle=False)
    except OSError as error:
        raise UserError(f"{folder}: a sample cannot be written: {reason_of(error)}.") from None
    write_task(folder, seed, neighbors)


def write_task(folder: Path, seed: int, neighbors: int | None) -> None:
    """Write task.json, the last file of a sample, beside arrays that are there already.

    Raises UserError if the folder cannot be written.
    """
    try:
        (folder / TASK).write_text(json.dumps({"seed": seed, "neighbors": neighbors}), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: a sample cannot be written: {reason_of(error)}.") from None
