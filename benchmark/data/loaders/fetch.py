"""Downloads end whole or not at all, and an unreachable source is given up within seconds."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmark.data.images import DatasetMissing
from benchmark.errors import UserError

TIMEOUT_SECONDS = 10.0
"""Without an answer for this long, a source counts as unreachable."""


@contextmanager
def fetched(target: Path, dataset: str, address: str) -> Iterator[Path]:
    """A temporary folder for a package's downloader; what it holds at the end moves into `target`.

    address: tried first, so that a machine without a network is told so in seconds.
    Raises DatasetMissing if the source cannot be reached or its files are not as they should be: the temporary folder
    is removed and `target` is as it was. Raises UserError if `target` cannot be written.
    """
    host = urlsplit(address).hostname or ""
    _reach(host, dataset)
    try:
        target.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".download-", dir=target))
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror}.") from None
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield folder
        for path in sorted(folder.iterdir()):
            _move(path, target / path.name)
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DatasetMissing(f"{dataset} could not be fetched from {host}: {reason}.") from error
    finally:
        socket.setdefaulttimeout(before)
        shutil.rmtree(folder, ignore_errors=True)


def _reach(host: str, dataset: str) -> None:
    try:
        socket.create_connection((host, 443), timeout=TIMEOUT_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatasetMissing(f"{dataset} could not be fetched: {host} cannot be reached ({reason}).") from None


def _move(source: Path, target: Path) -> None:
    if source.is_dir() and target.is_dir():
        for path in sorted(source.iterdir()):
            _move(path, target / path.name)
    else:
        source.replace(target)
