"""Decoding image files into one array: PNG, JPEG and PGM of 8 bits, by Pillow."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from benchmark.errors import UserError

MAX_PIXELS = 1 << 26
"""A larger image is refused: it is no benchmark image, and may be a bomb."""

GREY_MODES = {"1", "L", "LA"}
"""Pillow's modes without colour."""

DEEP_MODES = ("I", "F")
"""Beginnings of Pillow's modes with more than 8 bits a value, which it would cut off without a word."""

WORKERS = 4
BLOCK = 4096
"""Images handed to the workers at once."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One image, still encoded."""

    name: str
    """As a sentence names it."""
    read: Callable[[], bytes]


def decode_all(files: Sequence[ImageFile], channels: int | None, size: int | None) -> NDArray[np.uint8]:
    """The pixels of images of one size, [n, H, W, C], in the order of `files`.

    channels: 1 for grey (of colour by ITU-R BT.601, as Pillow does), 3 for colour; None for colour if any has colour.
        Transparency is dropped.
    size: brings every image to size x size, by resizing the shorter side (bilinear, antialiased, as Pillow does) and
        cutting out the centre; None leaves images as they are.

    Raises UserError, naming the file, for one that cannot be read, has more than 8 bits a value, is too large, or is
    of another size than the first.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        if channels is None:
            channels = 3 if any(_in_blocks(pool, _has_colour, files)) else 1
        first = _decode(files[0], channels, size)
        pixels = np.empty((len(files), *first.shape), dtype=np.uint8)

        def place(row: int) -> None:
            image = _decode(files[row], channels, size)
            if image.shape != first.shape:
                raise UserError(
                    f"{files[row].name}: is {image.shape[1]} x {image.shape[0]} pixels, and {files[0].name} is "
                    f"{first.shape[1]} x {first.shape[0]}: all images must be of one size."
                )
            pixels[row] = image

        for _ in _in_blocks(pool, place, range(len(files))):
            pass
    return pixels


def _in_blocks(pool: ThreadPoolExecutor, work: Callable[..., object], items: Sequence[object]) -> Iterable[object]:
    """Map in order, a block at a time: a million waiting calls would fill the memory."""
    for start in range(0, len(items), BLOCK):
        yield from pool.map(work, items[start : start + BLOCK])


def _has_colour(file: ImageFile) -> bool:
    with _opened(file) as image:
        return image.mode not in GREY_MODES


def _decode(file: ImageFile, channels: int, size: int | None) -> NDArray[np.uint8]:
    with _opened(file) as image:
        if image.width * image.height > MAX_PIXELS:
            raise UserError(f"{file.name}: has {image.width} x {image.height} pixels, more than {MAX_PIXELS}.")
        if image.mode.startswith(DEEP_MODES):
            raise UserError(f"{file.name}: has more than 8 bits a value: bring it to 8 bits first.")
        try:
            converted = image.convert("RGB" if channels == 3 else "L")
        except (OSError, SyntaxError, ValueError) as error:
            raise _unreadable(file, error) from None
    return np.asarray(converted if size is None else _centre_cut(converted, size)).reshape(
        *(converted.size[::-1] if size is None else (size, size)), channels
    )


def _opened(file: ImageFile) -> Image.Image:
    try:
        return Image.open(io.BytesIO(file.read()))
    except UnidentifiedImageError:
        raise UserError(f"{file.name}: cannot be read as an image.") from None
    except (
        OSError,
        RuntimeError,
        SyntaxError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        Image.DecompressionBombError,
    ) as error:
        raise _unreadable(file, error) from None


def _unreadable(file: ImageFile, error: Exception) -> UserError:
    return UserError(f"{file.name}: cannot be read as an image: {error}.")


def _centre_cut(image: Image.Image, size: int) -> Image.Image:
    shorter = min(image.size)
    width, height = (max(size, round(side * size / shorter)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size) // 2, (height - size) // 2
    return image.crop((left, top, left + size, top + size))
