"""The points that a notebook user's data holds: arrays, tensors, datasets, folders and files of images."""

import difflib
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.card import load_card
from benchmark.data.loaders.decode import DEEP_MODES, GREY_MODES, ImageFile, decode_all
from benchmark.data.loaders.images import SUFFIXES, folder_members, load_images, zip_members
from benchmark.data.view import View, render
from benchmark.errors import UserError
from benchmark.paths import datasets_root

ACCEPTED = (
    "a numpy array [N, ...], a torch tensor, a DataFrame of numbers, a list of arrays or images, a torch Dataset, "
    "the path of a folder or .zip of images, of an .npz with `images` or of an .npy file, or the id of a dataset card"
)


def points_of(data: Any) -> NDArray[Any]:
    """The points [N, D] that `data` holds, one row for each image or item, flattened, in their order.

    * a numpy array [N, ...], or anything that turns into one; a memory-mapped one stays so
    * a torch tensor [N, ...] of any device and type; bfloat16 becomes float32, which holds it exactly
    * a pandas DataFrame of numbers [N, D]
    * a list of arrays, tensors, PIL images or lists of numbers, all of one shape
    * a torch Dataset: the items, or of tuples their first element, of dicts their "image" or first value; PIL images
      are read as 8 bits grey or colour, without transparency
    * the path of a folder or .zip of PNG, JPEG or PGM images, at any depth, in order of name; of an .npz with `images`
      uint8 [N, H, W] or [N, H, W, 3]; of an .npy file, which is memory-mapped
    * the id of a dataset card ("mnist"), if no file has that name: its training images, in order

    Values keep their type: uint8 stays uint8, whose distances are integers. A Dataset is read item by item into memory,
    files of images are decoded into it.
    Raises UserError for anything else, and for items of several shapes, with both shapes and rows.
    """
    points = _array_of(data)
    if points.dtype.kind not in "biuf":
        raise UserError(f"data must hold real numbers, not values of type {points.dtype}.")
    if points.ndim == 0 or 0 in points.shape:
        raise UserError(f"data must hold at least one row of numbers, and its shape is {list(points.shape)}.")
    return points.reshape(len(points), -1)


def _array_of(data: Any) -> NDArray[Any]:
    """The data as one array [N, ...]."""
    torch, pandas = sys.modules.get("torch"), sys.modules.get("pandas")  # without them no data can be theirs
    if isinstance(data, str | Path):
        array = _from_path(data)
    elif torch is not None and isinstance(data, torch.Tensor):
        array = _from_tensor(data)
    elif pandas is not None and isinstance(data, pandas.DataFrame):
        array = _from_frame(data)
    elif isinstance(data, np.ma.MaskedArray):
        raise UserError("data is a masked array, and a masked value has no distance: fill or drop what is masked.")
    elif hasattr(data, "__array__") and not isinstance(data, np.generic):
        array = data if isinstance(data, np.memmap) else np.asarray(data)
    elif (torch is not None and isinstance(data, torch.utils.data.Dataset)) or _is_sequence(data):
        array = _from_items(data)
    else:
        raise UserError(f"data must be {ACCEPTED}; a {type(data).__name__} is none of them.")
    return array


def _is_sequence(data: Any) -> bool:
    """A list, or what is indexed like one; not a dict, nor bytes."""
    indexed = hasattr(data, "__len__") and hasattr(data, "__getitem__") and not isinstance(data, type)
    return indexed and not isinstance(data, Mapping | bytes | bytearray | memoryview)


def _from_path(name: str | Path) -> NDArray[Any]:
    path = Path(name).expanduser()
    if not path.exists():
        cards = {found.parent.name for found in datasets_root().glob("*/dataset.toml")}
        if isinstance(name, str) and name in cards:
            return render(View(dataset=load_card(name).id, selection="first")).pixels
        near = difflib.get_close_matches(str(name), sorted(cards), n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UserError(f"{name}: there is no such file or folder, and no dataset card of that name.{hint}")
    if path.suffix == ".npz":
        return load_images(path).pixels
    if path.is_dir() or path.suffix.lower() == ".zip":
        return _from_image_files(path)
    if path.suffix.lower() != ".npy":
        raise UserError(f"{path}: is no folder, .zip, .npz or .npy file.")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{path}: cannot be read as an .npy file: {error}") from None
    if not isinstance(array, np.ndarray):
        raise UserError(f"{path}: is no single array: is it an .npz file?")
    return array


def _from_image_files(path: Path) -> NDArray[np.uint8]:
    """Pixels [N, H, W, C] of a folder or zip; where `load_images` would want labels, images may lie at any depth."""
    try:
        if path.is_dir():
            return _decoded(path, folder_members(path))
        with zipfile.ZipFile(path) as archive:
            return _decoded(path, zip_members(archive, ""))
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise UserError(f"{path}: cannot be read: {error}.") from None


def _decoded(path: Path, members: Iterator[tuple[str, ImageFile]]) -> NDArray[np.uint8]:
    files = [file for _, file in sorted(members, key=lambda member: member[0])]
    if not files:
        raise UserError(f"{path}: holds no images ({', '.join(sorted(SUFFIXES))}).")
    return decode_all(files, channels=None, size=None)


def _from_tensor(tensor: Any) -> NDArray[Any]:
    torch = sys.modules["torch"]
    if tensor.layout is not torch.strided:
        raise UserError(f"data is a tensor of layout {tensor.layout}: call its to_dense() first.")
    if tensor.is_floating_point() and tensor.dtype not in (torch.float16, torch.float32, torch.float64):
        tensor = tensor.float()  # numpy has no bfloat16 and no 8-bit float; float32 holds their values exactly
    return np.asarray(tensor.numpy(force=True))  # force: from any device, and without its gradient


def _from_frame(frame: Any) -> NDArray[Any]:
    is_numeric = sys.modules["pandas"].api.types.is_numeric_dtype
    others = [str(name) for name, kind in zip(frame.columns, frame.dtypes, strict=True) if not is_numeric(kind)]
    if others:
        raise UserError(f"data: the columns of a DataFrame must hold numbers, and {', '.join(others[:5])} does not.")
    array = frame.to_numpy()
    if array.dtype == object:  # columns with missing values of their own kind: these become NaN
        array = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(array)


def _from_items(data: Any) -> NDArray[Any]:
    """The items of a list or Dataset as rows [N, D]."""
    # A Dataset without __iter__ may answer any index: its length says where it ends.
    by_index = hasattr(data, "__len__") and not hasattr(data, "__iter__")
    items = (data[row] for row in range(len(data))) if by_index else iter(data)
    rows = enumerate(map(_values, items))
    _, first = next(rows, (0, np.empty(0)))
    if not first.size:
        raise UserError("data holds no items." if first.ndim else "data: row 0 holds no values.")

    def checked() -> Iterator[NDArray[Any]]:
        yield first.ravel()
        for row, values in rows:
            if values.shape != first.shape or values.dtype != first.dtype:
                raise UserError(
                    f"data: row 0 is of shape {list(first.shape)} ({first.dtype}) and row {row} of "
                    f"{list(values.shape)} ({values.dtype}): all rows must be of one shape and type."
                )
            yield values.ravel()

    return np.fromiter(checked(), dtype=np.dtype((first.dtype, (first.size,))))


def _values(item: Any) -> NDArray[Any]:
    """The numbers of one item of a list or Dataset."""
    item = _without_label(item)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(item, torch.Tensor):
        return _from_tensor(item)
    if isinstance(item, Image.Image):
        return _from_image(item)
    if hasattr(item, "__array__"):
        return np.asarray(item)
    try:
        return np.asarray(item, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(
            f"data: an item must be an array, a tensor, a PIL image or numbers, or a tuple or dict that begins with "
            f"one, not a {type(item).__name__}."
        ) from None


def _without_label(item: Any) -> Any:
    """Of a tuple that begins with an image, or of a dict, that image: what follows are labels."""
    while True:
        if isinstance(item, Mapping) and item:
            item = item["image"] if "image" in item else next(iter(item.values()))
        elif isinstance(item, tuple) and item and _is_whole(item[0]):
            item = item[0]
        else:
            return item


def _is_whole(first: Any) -> bool:
    """Whether the first element of a tuple is an image of its own, not the first number of a row."""
    return isinstance(first, Image.Image | Mapping) or (
        hasattr(first, "__array__") and not isinstance(first, np.generic)
    )


def _from_image(image: Image.Image) -> NDArray[Any]:
    if image.mode.startswith(DEEP_MODES):
        return np.asarray(image)  # more than 8 bits: in their own type
    return np.asarray(image.convert("L" if image.mode in GREY_MODES else "RGB"))
