"""Images in a folder, a zip file or an .npz file: PNG, JPEG or PGM, with labels from sub-folders or a CSV file."""

import csv
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from benchmark.data.card import Card, Options, options_of
from benchmark.data.images import DatasetMissing, Images, checked_images
from benchmark.data.loaders.decode import ImageFile, decode_all
from benchmark.data.loaders.npz import open_npz
from benchmark.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".pgm"}


class ImagesOptions(Options):
    """What a card says about its images."""

    path: str
    """Folder, .zip or .npz, below the data folder."""
    splits: dict[str, str] = Field(default_factory=dict)
    """The sub-folder of each split; a split that is not here is the whole."""
    folders: list[str] | None = None
    """Names of the class folders in the order of the labels; none for images without labels."""
    labels: str | None = None
    """CSV file with the columns `file` and `label`, below the data folder; instead of class folders."""
    patient_prefix: int | None = Field(None, ge=1)
    """The first so many characters of a file's name are its patient."""
    fit: Literal["as-is", "centre-cut"] = "as-is"
    """`centre-cut`: images of many sizes are resized and cut to the size that is asked for."""


def raw_files(card: Card, root: Path, size: int) -> list[Path]:
    """The folder or file that the card names, and its label file."""
    options = options_of(card, ImagesOptions)
    return [root / options.path, *([root / options.labels] if options.labels else [])]


def load(card: Card, root: Path, split: str, size: int) -> Images:
    """The images of one split, labels in the order of the card's classes where sub-folders name them."""
    options = options_of(card, ImagesOptions)
    return load_images(
        root / options.path,
        root / options.labels if options.labels else None,
        below=options.splits.get(split, ""),
        classes=options.folders,
        known=card.classes,
        patient_prefix=options.patient_prefix,
        channels=card.channels,
        size=size if options.fit == "centre-cut" else None,
    )


def download(card: Card, root: Path, size: int) -> None:
    """There is no downloader: the steps stand in the card."""
    [target, *_] = raw_files(card, root, size)
    steps = card.get or f"get it from {card.source}."
    raise DatasetMissing(f"{card.id} has no downloader: {steps} It belongs at {target}.")


def load_images(
    path: Path,
    labels: Path | None = None,
    *,
    below: str = "",
    classes: list[str] | None = None,
    known: list[str] | None = None,
    patient_prefix: int | None = None,
    channels: int | None = None,
    size: int | None = None,
) -> Images:
    """Read a folder, a .zip or an .npz of images.

    path: a folder or a zip of PNG, JPEG or PGM files of one size, in order of name; or an .npz with `images`
        uint8 [n, H, W] or [n, H, W, 3], perhaps `labels` and `names`.
    labels: a CSV file with the columns `file` and `label`, one line for each image: whole numbers, or names, which are
        numbered in their order. Without it the sub-folders of the first level are the labels, numbered in order of
        name, as torchvision's ImageFolder does.
    below: only what lies below this sub-folder.
    classes: names of the sub-folders in the order of their labels.
    known: the same, where the sub-folders have these names and no others.
    patient_prefix: the first so many characters of a file's name are its patient.
    channels: 1 reads files as grey, 3 as colour; None as they are, colour if any is.
    size: for images of many sizes: the shorter side is resized to it (bilinear, antialiased), the centre cut out.

    Raises DatasetMissing if there is no such path, UserError naming the file for one that cannot be read, is of another
    size than the first, or has no label.
    """
    if not path.exists():
        raise DatasetMissing(f"{path}: there is no such file or folder.")
    if path.suffix == ".npz":
        if labels is not None:
            raise UserError(f"{path}: an .npz file holds its own labels, so {labels} cannot be used with it.")
        return _load_npz(path, patient_prefix)
    number = partial(_from_folders, path, classes, known) if labels is None else partial(_from_csv, labels)
    try:
        if path.is_dir():
            return _load_members(path, folder_members(path / below), below, number, patient_prefix, channels, size)
        with zipfile.ZipFile(path) as archive:
            return _load_members(path, zip_members(archive, below), below, number, patient_prefix, channels, size)
    except PermissionError as error:
        raise UserError(f"{error.filename or path}: may not be read: {error.strerror}.") from None
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise UserError(f"{path}: cannot be read as a zip file; is it whole? ({error})") from None


def _load_npz(path: Path, patient_prefix: int | None) -> Images:
    with open_npz(path) as arrays:
        if "images" not in arrays:
            raise UserError(f"{path}: no array images; it holds {', '.join(arrays)}.")
        pixels = np.asarray(arrays["images"])
        labels = np.asarray(arrays["labels"]) if "labels" in arrays else None
        groups = None
        if patient_prefix is not None:
            groups = _patients((str(name) for name in arrays.get("names", ())), patient_prefix)
        return checked_images(pixels, labels, groups, str(path))


def _patients(names: Iterable[str], prefix: int) -> NDArray[np.str_]:
    return np.array([PurePosixPath(name).name[:prefix] for name in names])


def folder_members(folder: Path) -> Iterator[tuple[str, ImageFile]]:
    """Name below the folder, and file, of each image at any depth."""
    for found, folders, files in os.walk(folder, onerror=_raise):
        folders.sort()
        for file in files:
            path = Path(found) / file
            name = path.relative_to(folder).as_posix()
            if _is_image(name):
                yield name, ImageFile(str(path), path.read_bytes)


def _raise(error: OSError) -> None:
    raise error


def zip_members(archive: zipfile.ZipFile, below: str) -> Iterator[tuple[str, ImageFile]]:
    """Name below the folder `below` of a zip, and file, of each image in it."""
    prefix = f"{below}/" if below else ""
    for member in archive.namelist():
        name = member.removeprefix(prefix)
        if member.startswith(prefix) and _is_image(name):
            yield name, ImageFile(f"{archive.filename}/{member}", lambda member=member: archive.read(member))  # type: ignore[misc]


def _is_image(name: str) -> bool:
    """By its suffix; names with a leading dot and `__MACOSX` are what file managers leave."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def _load_members(
    path: Path,
    members: Iterator[tuple[str, ImageFile]],
    below: str,
    number: Callable[[list[str]], NDArray[np.int64] | None],
    patient_prefix: int | None,
    channels: int | None,
    size: int | None,
) -> Images:
    ordered = sorted(members, key=lambda member: member[0])
    if not ordered:
        where = f" below {below}" if below else ""
        raise UserError(f"{path}: holds no images{where} ({', '.join(sorted(SUFFIXES))}).")
    names = [name for name, _ in ordered]
    groups = None if patient_prefix is None else _patients(names, patient_prefix)
    return checked_images(decode_all([file for _, file in ordered], channels, size), number(names), groups, str(path))


def _from_folders(
    path: Path, classes: list[str] | None, known: list[str] | None, names: list[str]
) -> NDArray[np.int64] | None:
    folders = [PurePosixPath(name).parts[0] if "/" in name else "" for name in names]
    if classes is None:
        classes = sorted(set(folders))
        if classes == [""]:
            return None
        if known is not None and set(known) == set(classes):
            classes = known
    outside = [name for name, folder in zip(names, folders, strict=True) if folder not in classes or not folder]
    if outside:
        raise UserError(f"{path}: {outside[0]} lies in none of the class folders {', '.join(filter(None, classes))}.")
    number = {name: label for label, name in enumerate(classes)}
    return np.array([number[folder] for folder in folders], dtype=np.int64)


def _from_csv(path: Path, names: list[str]) -> NDArray[np.int64]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:  # spreadsheets write a byte-order mark
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read: {error}.") from None
    if not rows or not {"file", "label"} <= set(rows[0]):
        raise UserError(f"{path}: must have the columns file and label, and a line for each image.")
    if len(rows) != len(names):
        raise UserError(f"{path}: has {len(rows)} labels for {len(names)} images.")
    label_of = {row["file"]: row["label"] or "" for row in rows}
    missing = [name for name in names if not label_of.get(name)]
    if missing:
        raise UserError(f"{path}: has no label for {missing[0]}.")
    labels = [label_of[name] for name in names]
    if all(label.isascii() and label.isdigit() for label in labels):
        return np.array([int(label) for label in labels], dtype=np.int64)
    number = {label: position for position, label in enumerate(sorted(set(labels)))}
    return np.array([number[label] for label in labels], dtype=np.int64)
