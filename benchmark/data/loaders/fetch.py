"""Downloads end whole or not at all, and an unreachable source is given up within seconds."""

import errno
import http.client
import os
import shutil
import socket
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from urllib.parse import urlsplit

from benchmark.data.images import DatasetMissing
from benchmark.errors import UserError, reason_of

TIMEOUT_SECONDS = 10.0
"""Without an answer for this long, a source counts as unreachable."""

LINE_SECONDS = 10.0
"""Elsewhere than on a terminal, progress is one line this often."""

FAULTS_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG}


@contextmanager
def fetched(target: Path, dataset: str, address: str) -> Iterator[Path]:
    """A temporary folder for a package's downloader; what it holds at the end moves into `target`.

    address: tried first, so that a machine without a network is told so in seconds.

    Raises DatasetMissing if the source cannot be reached or its files are not as they should be: the temporary folder
    is removed and `target` is as it was. Raises UserError if `target` cannot be written.
    """
    host = urlsplit(address).hostname or address
    _knock(address, host, dataset)
    try:
        target.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".download-", dir=target))
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {reason_of(error)}.") from None
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        with _progress(dataset, host, folder):
            yield folder
        for path in sorted(folder.iterdir()):
            _move(path, target / path.name)
    except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
        raise _explained(error, target, dataset, host) from error
    finally:
        socket.setdefaulttimeout(before)
        shutil.rmtree(folder, ignore_errors=True)


def _knock(address: str, host: str, dataset: str) -> None:
    """Ask the source for a sign of life. In a thread, since looking up a name knows no time limit."""
    failures: list[str] = []

    def ask() -> None:
        request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "manifoldbench"})  # noqa: S310 - of a card
        try:
            urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS).close()  # noqa: S310
        except urllib.error.HTTPError:
            return  # refuses this request, but answers
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            failures.append(getattr(reason, "strerror", None) or str(reason))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(TIMEOUT_SECONDS)
    if thread.is_alive():
        failures.append(f"no answer in {TIMEOUT_SECONDS:g} s")
    if failures:
        raise DatasetMissing(f"{dataset} could not be fetched: {host} cannot be reached ({failures[0]}).")


@contextmanager
def _progress(dataset: str, host: str, folder: Path) -> Iterator[None]:
    """The packages' own bar on a terminal, plain lines elsewhere; standard output stays free for results."""
    terminal = sys.stderr
    terminal.write(f"{dataset}: fetching from {host}\n")
    if terminal.isatty():
        with redirect_stdout(terminal):
            yield
        return
    done = threading.Event()

    def tell() -> None:
        while not done.wait(LINE_SECONDS):
            size = 0
            with suppress(OSError):  # the downloader moves its files while they are counted
                size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            terminal.write(f"{dataset}: {size / 1e6:.0f} MB so far\n")

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield
    finally:
        done.set()
        thread.join()


def _explained(error: BaseException, target: Path, dataset: str, host: str) -> UserError:
    """Whose fault it was: the packages wrap what happened in texts of their own."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        if isinstance(cause, KeyboardInterrupt):
            raise cause  # medmnist turns it into a failed download
        causes.append(cause)
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in FAULTS_OF_THE_DISK:
            return UserError(f"{target}: {dataset} cannot be stored there: {cause.strerror}.")
    reason = " ".join(str(causes[-1]).split())[:200] or type(causes[-1]).__name__
    return DatasetMissing(f"{dataset} could not be fetched from {host}: {reason}.")


def _move(source: Path, target: Path) -> None:
    if source.is_dir() and target.is_dir():
        for path in sorted(source.iterdir()):
            _move(path, target / path.name)
    else:
        source.replace(target)
