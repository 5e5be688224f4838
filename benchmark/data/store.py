"""The store: a dataset is prepared once into memory-mapped uint8 arrays with a manifest, whole or not at all."""

import inspect
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from benchmark.data.card import Card
from benchmark.data.images import DatasetMissing, Images, checked_images
from benchmark.data.loaders import LOADERS
from benchmark.errors import UserError
from benchmark.hashing import sha256_of, sha256_of_array, sha256_of_file

__all__ = ["DatasetMissing", "Images", "cache_root", "data_root", "is_present", "prepared", "source_sha256"]

ARRAYS = ("pixels", "labels", "groups")


def data_root() -> Path:
    """Folder of the raw files: MANIFOLDBENCH_DATA, else the user's data folder."""
    return Path(os.environ.get("MANIFOLDBENCH_DATA") or platformdirs.user_data_dir("manifoldbench"))


def cache_root() -> Path:
    """Folder of what can be made again: MANIFOLDBENCH_CACHE, else the user's cache folder."""
    return Path(os.environ.get("MANIFOLDBENCH_CACHE") or platformdirs.user_cache_dir("manifoldbench"))


def is_present(card: Card, size: int | None = None) -> bool:
    """Whether the raw files of a dataset are on this machine."""
    files = LOADERS[card.loader].raw_files(card, data_root(), size or card.sizes[0])
    return all(path.exists() for path in files)


def prepared(card: Card, split: str, size: int | None = None) -> Images:
    """The images of one split, memory-mapped; prepared at first use.

    split: one of the card's. size: pixels a side, one of the card's; None for its first.

    Raises DatasetMissing if the raw files are not there, UserError for an unknown split or size, for raw files that
    cannot be read, and for a cache that cannot be written.
    """
    folder = _prepared_folder(card, split, size or card.sizes[0])
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in ARRAYS
        if (folder / f"{name}.npy").exists()
    }
    return Images(arrays["pixels"], arrays["labels"], arrays.get("groups"))


def source_sha256(card: Card, split: str, size: int | None = None) -> str:
    """sha256 of the prepared arrays of one split: what a view's hash stands on. Raises as `prepared` does."""
    folder = _prepared_folder(card, split, size or card.sizes[0])
    return str(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["sha256"])


def _prepared_folder(card: Card, split: str, size: int) -> Path:
    """Folder of a prepared split. Its name holds what the raw files look like, so a changed file is prepared anew."""
    if split not in card.splits:
        raise UserError(f'{card.id} has no split "{split}"; it has {", ".join(card.splits)}.')
    if size not in card.sizes:
        sizes = ", ".join(str(known) for known in card.sizes)
        raise UserError(f"{card.id} has no images of {size} pixels; it has {sizes}.")
    files = LOADERS[card.loader].raw_files(card, data_root(), size)
    for path in files:
        if not path.exists():
            raise DatasetMissing(f"{card.id} is not on this machine ({path}): run `manifoldbench data get {card.id}`.")
    code = [
        sha256_of_file(Path(str(inspect.getsourcefile(read)))) for read in (LOADERS[card.loader].load, checked_images)
    ]
    looks = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    key = sha256_of({"card": card.model_dump(mode="json", include={"options", "id"}), "files": looks, "code": code})
    folder = cache_root() / "datasets" / f"{card.id}-{size}-{split}-{key[:16]}"
    if not (folder / "manifest.json").exists():
        _prepare(card, split, size, files, folder)
    return folder


def _prepare(card: Card, split: str, size: int, files: list[Path], folder: Path) -> None:
    images = LOADERS[card.loader].load(card, data_root(), split, size)
    arrays: dict[str, NDArray[Any]] = {"pixels": images.pixels, "labels": images.labels}
    if images.groups is not None:
        arrays["groups"] = images.groups
    values, counts = np.unique(images.labels, return_counts=True) if images.labels.ndim == 1 else ((), ())
    manifest: dict[str, Any] = {
        "dataset": card.id,
        "split": split,
        "size": size,
        "shape": list(images.pixels.shape),
        "labels": {str(value): int(count) for value, count in zip(values, counts, strict=True)},
        "source": card.source,
        "raw": {path.name: sha256_of_file(path) for path in files if path.is_file()},
        "sha256": sha256_of({name: sha256_of_array(array) for name, array in arrays.items()}),
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
        try:
            for name, array in arrays.items():
                np.save(partial / f"{name}.npy", array, allow_pickle=False)
            (partial / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            # Another process may have prepared the same meanwhile; both hold the same bytes.
            if not folder.exists():
                partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{folder.parent}: {card.id} cannot be prepared there: {error.strerror}.") from None
