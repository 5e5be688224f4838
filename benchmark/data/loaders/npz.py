"""Opening .npz files so that a damaged one is a sentence, not a traceback."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError


@contextmanager
def open_npz(path: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
    """The arrays of a .npz file, read when they are asked for; pickles are refused.

    Raises UserError, naming the file, if it or one of its arrays cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            yield arrays
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as an .npz file; is it whole? ({error})") from None
