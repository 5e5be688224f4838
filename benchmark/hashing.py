"""Content hashes and seeds: the same in every process and on every machine."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def sha256_of(value: Any) -> str:
    """Hex sha256 of a JSON value in canonical form: sorted keys, so two fields can never run into each other."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_array(array: NDArray[Any]) -> str:
    """Hex sha256 of an array's type, shape and little-endian C-order bytes: the same on every machine."""
    digest = hashlib.sha256(f"{array.dtype.name}{list(array.shape)}".encode())
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    digest.update(np.ascontiguousarray(little).data)
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def seed_from(**parts: str | int) -> int:
    """Seed in [0, 2**32) from named parts: the same in every process, which hash() is not."""
    return int(sha256_of(parts)[:8], 16)
