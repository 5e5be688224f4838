"""The store: a dataset is prepared once into memory-mapped uint8 arrays with a manifest, whole or not at all."""

import importlib.metadata
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from benchmark.data import images as images_module
from benchmark.data import loaders as loaders_package
from benchmark.data.card import Card
from benchmark.data.images import DatasetMissing, Images
from benchmark.data.loaders import LOADERS
from benchmark.errors import UserError
from benchmark.files import PARTIAL, whole_folder
from benchmark.hashing import sha256_of, sha256_of_array, sha256_of_file

__all__ = ["DatasetMissing", "Images", "cache_root", "data_root", "is_present", "prepared", "source_sha256"]

ARRAYS = ("pixels", "labels", "groups")
MANIFEST = "manifest.json"
STALE_SECONDS = 86400.0
"""What an ended process left half done is removed after a day."""


def data_root() -> Path:
    """Folder of the raw files: MANIFOLDBENCH_DATA, else the user's data folder."""
    return Path(os.environ.get("MANIFOLDBENCH_DATA") or platformdirs.user_data_dir("manifoldbench"))


def cache_root() -> Path:
    """Folder of what can be made again: MANIFOLDBENCH_CACHE, else the user's cache folder."""
    return Path(os.environ.get("MANIFOLDBENCH_CACHE") or platformdirs.user_cache_dir("manifoldbench"))


def is_present(card: Card, size: int | None = None) -> bool:
    """Whether the raw files of a dataset are on this machine. Raises UserError where that may not be seen."""
    return _missing(LOADERS[card.loader].raw_files(card, data_root(), size or card.sizes[0])) is None


def prepared(card: Card, split: str, size: int | None = None) -> Images:
    """The images of one split, memory-mapped; prepared at first use, and again if the raw files change.

    split: one of the card's. size: pixels a side, one of the card's; None for its first.

    Raises DatasetMissing if the raw files are not there, UserError for an unknown split or size, for raw files that
    cannot be read or are not what the card says, and for a cache that cannot be written.
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
    return str(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"])


def _prepared_folder(card: Card, split: str, size: int) -> Path:
    """Folder of a prepared split. Its name holds what the raw files look like, so a changed file is prepared anew."""
    if split not in card.splits:
        raise UserError(f'{card.id} has no split "{split}"; it has {", ".join(card.splits)}.')
    if size not in card.sizes:
        sizes = ", ".join(str(known) for known in card.sizes)
        raise UserError(f"{card.id} has no images of {size} pixels; it has {sizes}.")
    files = LOADERS[card.loader].raw_files(card, data_root(), size)
    missing = _missing(files)
    if missing:
        raise DatasetMissing(f"{card.id} is not on this machine ({missing}): run `manifoldbench data get {card.id}`.")
    what = card.model_dump(mode="json", include={"id", "options", "channels", "classes", "splits"})
    looks = [look for path in files for look in _looks(path)]
    key = sha256_of({"card": what, "files": looks, "code": _code()})
    folder = cache_root() / "datasets" / f"{card.id}-{size}-{split}-{key[:16]}"
    try:
        whole = _is_whole(folder)
    except OSError as error:
        raise _not_writable(folder, card, error) from None
    if not whole:
        _prepare(card, split, size, files, folder)
    return folder


def _missing(files: list[Path]) -> Path | None:
    """The first file that is not there."""
    for path in files:
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return path
        except OSError as error:
            raise UserError(f"{path}: may not be read: {error.strerror}.") from None
    return None


def _looks(path: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of a file, or of each file below a folder: what is cheap to compare."""
    found = sorted(inside for inside in path.rglob("*") if inside.is_file()) if path.is_dir() else [path]
    looks = [(each, each.stat()) for each in found]
    return [(each.relative_to(path.parent).as_posix(), stat.st_size, stat.st_mtime_ns) for each, stat in looks]


def _code() -> dict[str, str]:
    """What turns files into pixels: a changed loader prepares anew, as does another decoder of JPEG."""
    modules = [Path(images_module.__file__), *sorted(Path(str(loaders_package.__file__)).parent.glob("*.py"))]
    return {path.name: sha256_of_file(path) for path in modules} | {"pillow": importlib.metadata.version("pillow")}


def _is_whole(folder: Path) -> bool:
    """Whether every array of the manifest is there in full: a machine that lost power may keep an empty file."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return all(
            (folder / f"{name}.npy").stat().st_size == array["bytes"] for name, array in manifest["arrays"].items()
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError):
        return False


def _prepare(card: Card, split: str, size: int, files: list[Path], folder: Path) -> None:
    images = LOADERS[card.loader].load(card, data_root(), split, size)
    _check_against(card, split, images)
    arrays: dict[str, NDArray[Any]] = {"pixels": images.pixels, "labels": images.labels}
    if images.groups is not None:
        arrays["groups"] = images.groups
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    values, counts = np.unique(images.labels, return_counts=True) if images.labels.ndim == 1 else ((), ())
    manifest: dict[str, Any] = {
        "dataset": card.id,
        "split": split,
        "size": size,
        "shape": list(images.pixels.shape),
        "labels": {str(value): int(count) for value, count in zip(values, counts, strict=True)},
        "groups": None if images.groups is None else len(np.unique(images.groups)),
        "source": card.source,
        "raw": {path.name: _raw_sha256(path) for path in files},
        "sha256": sha256_of({name: sha256_of_array(array) for name, array in arrays.items()}),
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder.parent)
        with whole_folder(folder, _is_whole) as partial:
            _write(partial, arrays, manifest)
            if folder.exists() and not _is_whole(folder):
                shutil.rmtree(folder)
    except OSError as error:
        raise _not_writable(folder, card, error) from None


def _not_writable(folder: Path, card: Card, error: OSError) -> UserError:
    return UserError(f"{folder.parent}: {card.id} cannot be prepared there: {error.strerror or error}.")


def _check_against(card: Card, split: str, images: Images) -> None:
    """Refuse images that are not what the card says: their numbers would stand under a wrong name."""
    count, channels = len(images.pixels), images.pixels.shape[-1]
    if count != card.splits[split]:
        raise UserError(f"{card.id} {split}: the files hold {count} images, and the card says {card.splits[split]}.")
    if channels != card.channels:
        raise UserError(f"{card.id} {split}: the files hold {channels} channels, and the card says {card.channels}.")
    if images.labels.ndim == 1 and images.labels.max() >= len(card.classes):
        last = len(card.classes) - 1
        raise UserError(f"{card.id} {split}: the files hold the label {images.labels.max()}, and the last is {last}.")


def _raw_sha256(path: Path) -> str:
    """Of a file's bytes; of names and bytes for all files below a folder."""
    if path.is_file():
        return sha256_of_file(path)
    inside = sorted(each for each in path.rglob("*") if each.is_file())
    return sha256_of({each.relative_to(path).as_posix(): sha256_of_file(each) for each in inside})


def _write(folder: Path, arrays: dict[str, NDArray[Any]], manifest: dict[str, Any]) -> None:
    manifest["arrays"] = {}
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        with path.open("wb") as stream:
            # numpy.save reports a full disk as "0 requested and 0 written"; the stream's own error says what it is.
            np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
            stream.write(array.data)
        manifest["arrays"][name] = {"bytes": path.stat().st_size, "sha256": sha256_of_array(array)}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _remove_stale(folder: Path) -> None:
    for partial in folder.glob(f"{PARTIAL}*"):
        if time.time() - partial.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(partial, ignore_errors=True)
