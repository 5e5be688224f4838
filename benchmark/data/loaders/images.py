"""Images in a folder, a zip file or an .npz file: PNG, JPEG or PGM, with labels from sub-folders or a CSV file.

Options of a card:
* path: below the data folder
* splits: for folders and zips, the sub-folder of each split ("" for the whole)
* groups: `name-prefix-<n>` if the first n characters of a file's name are its patient
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from benchmark.data.card import Card
from benchmark.data.images import DatasetMissing, Images, checked_images
from benchmark.data.loaders.npz import open_npz
from benchmark.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".pgm"}
MAX_PIXELS = 1 << 26
"""A larger image is refused: it is no benchmark image, and may be a bomb."""

PREFIX = "name-prefix-"

Member = tuple[str, Callable[[], bytes]]


def raw_files(card: Card, root: Path, size: int) -> list[Path]:
    """The folder or file that the card names."""
    return [root / card.options["path"]]


def load(card: Card, root: Path, split: str, size: int) -> Images:
    """The images of one split, labels in the order of the card's classes where sub-folders name them."""
    [path] = raw_files(card, root, size)
    folder = card.options.get("splits", {}).get(split, "")
    groups = card.options.get("groups", "")
    prefix = int(groups.removeprefix(PREFIX)) if groups else None
    return load_images(
        path, below=folder, classes=card.options.get("folders"), patient_prefix=prefix, channels=card.channels
    )


def download(card: Card, root: Path, size: int) -> None:
    """There is no downloader: the steps stand in the card."""
    raise DatasetMissing(f"{card.id} has no downloader: {card.get} Put it at {root / card.options['path']}.")


def load_images(
    path: Path,
    labels: Path | None = None,
    *,
    below: str = "",
    classes: list[str] | None = None,
    patient_prefix: int | None = None,
    channels: int | None = None,
) -> Images:
    """Read a folder, a .zip or an .npz of images.

    path: a folder or a zip of PNG, JPEG or PGM files of one size, in order of name; or an .npz with `images`
        uint8 [n, H, W] or [n, H, W, 3], perhaps `labels` and `names`.
    labels: a CSV file with the columns `file` and `label`, one line for each image; without it, sub-folders are the
        labels, numbered in order of name.
    below: only what lies below this sub-folder.
    classes: names of the sub-folders in the order of their labels.
    patient_prefix: the first so many characters of a file's name are its patient.
    channels: 1 reads files as grey, 3 as colour; None as they are, colour if any is.

    Raises DatasetMissing if there is no such path, UserError naming the file for one that cannot be read, is of another
    size than the first, or has no label.
    """
    if not path.exists():
        raise DatasetMissing(f"{path}: there is no such file or folder.")
    if path.suffix == ".npz":
        return _load_npz(path, patient_prefix)
    if path.is_dir():
        return _load_members(path, sorted(_folder_members(path / below)), labels, classes, patient_prefix, channels)
    try:
        with zipfile.ZipFile(path) as archive:
            return _load_members(path, sorted(_zip_members(archive, below)), labels, classes, patient_prefix, channels)
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
            names = arrays.get("names", ())
            groups = np.array([PurePosixPath(str(name)).name[:patient_prefix] for name in names])
        return checked_images(pixels, labels, groups, str(path))


def _folder_members(folder: Path) -> Iterator[Member]:
    for path in folder.rglob("*"):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes


def _zip_members(archive: zipfile.ZipFile, below: str) -> Iterator[Member]:
    prefix = f"{below}/" if below else ""
    for name in archive.namelist():
        if name.startswith(prefix) and PurePosixPath(name).suffix.lower() in SUFFIXES:
            yield name.removeprefix(prefix), lambda name=name: archive.read(name)  # type: ignore[misc]


def _load_members(
    path: Path,
    members: list[Member],
    labels: Path | None,
    classes: list[str] | None,
    patient_prefix: int | None,
    channels: int | None,
) -> Images:
    if not members:
        raise UserError(f"{path}: holds no images ({', '.join(sorted(SUFFIXES))}).")
    names = [name for name, _ in members]

    def decode(member: Member) -> NDArray[np.uint8]:
        name, read = member
        return _decode(f"{path}/{name}", read, channels)

    with ThreadPoolExecutor(max_workers=2) as pool:
        images = list(pool.map(decode, members))
    colour = any(image.ndim == 3 for image in images)
    for name, image in zip(names, images, strict=True):
        if image.shape[:2] != images[0].shape[:2]:
            raise UserError(
                f"{path}/{name}: is {image.shape[1]} x {image.shape[0]} pixels, and {names[0]} is "
                f"{images[0].shape[1]} x {images[0].shape[0]}: all images must be of one size."
            )
    if colour:
        images = [image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2) for image in images]
    groups = None
    if patient_prefix is not None:
        groups = np.array([PurePosixPath(name).name[:patient_prefix] for name in names])
    numbers = _from_csv(labels, names) if labels else _from_folders(path, names, classes)
    return checked_images(np.stack(images), numbers, groups, str(path))


def _decode(where: str, read: Callable[[], bytes], channels: int | None) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(read())) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(f"{where}: has {image.width} x {image.height} pixels, more than {MAX_PIXELS}.")
            grey = channels == 1 or (channels is None and image.mode in ("1", "L", "I", "I;16", "LA"))
            return np.asarray(image.convert("L" if grey else "RGB"))
    except (UnidentifiedImageError, OSError, zipfile.BadZipFile, SyntaxError, ValueError) as error:
        raise UserError(f"{where}: cannot be read as an image: {error}.") from None


def _from_folders(path: Path, names: list[str], classes: list[str] | None) -> NDArray[np.int64] | None:
    folders = [PurePosixPath(name).parent.as_posix() for name in names]
    if classes is None:
        classes = sorted(set(folders))
        if classes == ["."]:
            return None
    unknown = sorted(set(folders) - set(classes))
    if unknown:
        raise UserError(f"{path}: the folder {unknown[0]} is none of the classes {', '.join(classes)}.")
    number = {name: label for label, name in enumerate(classes)}
    return np.array([number[folder] for folder in folders], dtype=np.int64)


def _from_csv(path: Path, names: list[str]) -> NDArray[np.int64]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read: {error}.") from None
    if not rows or not {"file", "label"} <= set(rows[0]):
        raise UserError(f"{path}: must have the columns file and label.")
    if len(rows) != len(names):
        raise UserError(f"{path}: has {len(rows)} labels for {len(names)} images.")
    label_of = {row["file"]: row["label"] for row in rows}
    missing = [name for name in names if name not in label_of]
    if missing:
        raise UserError(f"{path}: has no label for {missing[0]}.")
    classes = {label: number for number, label in enumerate(sorted(set(label_of.values())))}
    return np.array([classes[label_of[name]] for name in names], dtype=np.int64)
