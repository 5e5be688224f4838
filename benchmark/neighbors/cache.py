"""Neighbour graphs on disk, found by the content of their points."""

import os
import tempfile
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.hashing import sha256_of, sha256_of_array
from benchmark.neighbors.graph import GRAPH_VERSION, NeighborGraph, neighbor_graph


def cached_neighbor_graph(
    points: NDArray[Any], k: int, *, groups: NDArray[Any] | None = None, folder: Path
) -> tuple[NeighborGraph, float]:
    """The graph of `neighbor_graph(points, k, groups=groups)`, read from `folder` if it was built before.

    folder: made when it is not there; one .npz file per graph. A damaged file is built again.
    Returns the graph and the wall seconds that building it took, now or then.
    Raises UserError as `neighbor_graph` does, and when the folder cannot be written.
    """
    path = folder / f"{_key(np.asarray(points), k, groups)}.npz"
    stored = _read(path)
    if stored is not None:
        return stored
    started = time.perf_counter()
    graph = neighbor_graph(points, k, groups=groups)
    seconds = time.perf_counter() - started
    try:
        _write(path, graph, seconds)
    except OSError as error:
        raise UserError(f"{path}: a neighbour graph cannot be written: {error.strerror}.") from None
    return graph, seconds


def _key(points: NDArray[Any], k: int, groups: NDArray[Any] | None) -> str:
    return sha256_of(
        {
            "version": GRAPH_VERSION,
            "points": sha256_of_array(points),
            "k": int(k),
            # as text: the hash of an array of text is not that of its values
            "groups": None if groups is None else [str(group) for group in np.asarray(groups)],
        }
    )


def _read(path: Path) -> tuple[NeighborGraph, float] | None:
    """What `path` holds; None if there is no such file, or if it is not as it was written."""
    try:
        # opened here, since np.load leaves a damaged archive open
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            stored = {name: arrays[name] for name in arrays.files}
        if str(stored.pop("checksum")) != _checksum(stored):
            return None
    except (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error):
        # RuntimeError: zipfile's, for a damaged header that asks for a password or an unknown method
        return None
    seconds = float(stored.pop("seconds"))
    kept, inverse = stored["kept"], stored["inverse"]
    graph = NeighborGraph(
        distances=stored["distances"],
        indices=stored["indices"],
        kept=kept,
        inverse=inverse,
        duplicates=len(inverse) - len(kept),
        certified=float(stored["certified"]),
        sha256=str(stored["sha256"]),
    )
    return graph, seconds


def _write(path: Path, graph: NeighborGraph, seconds: float) -> None:
    """Write the graph; the file appears whole or not at all."""
    arrays: dict[str, NDArray[Any]] = {
        "distances": graph.distances,
        "indices": graph.indices,
        "kept": graph.kept,
        "inverse": graph.inverse,
        "certified": np.array(graph.certified),
        "sha256": np.array(graph.sha256),
        "seconds": np.array(seconds),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=".npz")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            np.savez(stream, allow_pickle=False, checksum=np.array(_checksum(arrays)), **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _checksum(arrays: dict[str, NDArray[Any]]) -> str:
    return sha256_of({name: sha256_of_array(array) for name, array in arrays.items()})
