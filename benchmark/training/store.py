"""Arrays of training tasks on disk: written whole or not at all, read-only, each content once."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError, reason_of
from benchmark.files import whole_folder
from benchmark.hashing import sha256_of, sha256_of_array
from benchmark.sandbox.samples import share
from benchmark.training.choice import Choice
from benchmark.training.pool import Pool


def write_arrays(target: Path, files: Path, pool: Pool, choice: Choice) -> str:
    """Write what a submission is given into `target`, which appears whole or not at all; returns its hash.

    files: holds each array once, by its hash: tasks of many N share their validation and test images.
    Raises UserError if they cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {side: pool.pixels[rows] for side, rows in choice.rows.items()}
    arrays |= {f"{side}_labels": choice.labels[side] for side in ("train", "validation")}
    hashes = {name: sha256_of_array(array) for name, array in arrays.items()}
    try:
        with whole_folder(target, Path.is_dir) as partial:
            files.mkdir(exist_ok=True)
            for name, array in arrays.items():
                _save_once(files, hashes[name], array)
                share(files / f"{hashes[name]}.npy", partial / f"{name}.npy")
    except OSError as error:
        raise UserError(f"{target.parent}: images cannot be written: {reason_of(error)}.") from None
    return sha256_of(hashes)


def _save_once(files: Path, name: str, array: NDArray[Any]) -> None:
    target = files / f"{name}.npy"
    if not target.exists():
        partial = files / f".{name}.{os.getpid()}.npy"
        np.save(partial, array, allow_pickle=False)
        partial.chmod(0o444)
        partial.replace(target)
