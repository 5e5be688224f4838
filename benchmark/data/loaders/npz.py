"""Opening .npz files so that a damaged one is a sentence, not a traceback."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from benchmark.errors import UserError


@contextmanager
def open_npz(path: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
    """The arrays of a .npz file, read when they are asked for; pickles are refused.

    Raises UserError, naming the file, if it or one of its arrays cannot be read.
    """
    try:
        with path.open("rb") as stream:  # numpy leaves a damaged file open
            opened = np.load(stream, allow_pickle=False)
            if not isinstance(opened, NpzFile):
                raise UserError(f"{path}: is no .npz file but a single array: save it with numpy.savez_compressed.")
            with opened as arrays:
                yield arrays
    except PermissionError as error:
        raise UserError(f"{path}: may not be read: {error.strerror}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as an .npz file; is it whole? ({error})") from None
