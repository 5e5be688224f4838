"""Files and folders that appear whole or not at all, whatever ends a process on the way."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark.errors import UserError, reason_of

PARTIAL = ".partial-"
"""Begins the name of what is not whole yet."""


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all: beside its place first, then moved over it.

    Raises UserError if it cannot be written.
    """
    partial: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(prefix=PARTIAL, dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
        _keep_names(path.parent)
    except OSError as error:
        if partial is not None:
            Path(partial).unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {reason_of(error)}.") from None


@contextmanager
def whole_folder(target: Path, is_whole: Callable[[Path], bool]) -> Iterator[Path]:
    """A new folder to write into, which takes the place of `target` when the context is left without an exception.

    is_whole: tells whether another process has put `target` there meanwhile; both hold the same bytes then.
    Raises OSError if it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=PARTIAL))
    try:
        yield partial
        partial.chmod(0o755)  # temporary folders are private, and a cache may be shared
        try:
            partial.rename(target)
        except OSError:
            if not is_whole(target):
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _keep_names(folder: Path) -> None:
    """Have the disk keep a folder's names, so that a new file outlives a loss of power."""
    with contextlib.suppress(OSError):  # not every file system does this for a folder, and the file is there already
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
