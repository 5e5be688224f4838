"""A small server of the built pages, for this machine only."""

import errno
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmark.errors import UserError

ADDRESS = "127.0.0.1"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files; a request is not a line on the terminal, and a rebuilt page is never an old one."""

    def end_headers(self) -> None:
        """Add the header that makes a browser ask again."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it so)
        """Say nothing."""


def open_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of `folder` on 127.0.0.1 that listens already; port 0 takes any free port.

    Raises UserError if there is no built site in the folder, or the port cannot be had.
    """
    if not (folder / "index.html").is_file():
        raise UserError(
            f"{folder}: no built site here: run `manifoldbench site` first, or name another folder with --dir."
        )
    try:
        return ThreadingHTTPServer((ADDRESS, port), partial(QuietHandler, directory=str(folder)))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"Port {port} is taken: choose another with --port, or --port 0 for any free one."
            ) from None
        raise UserError(f"Port {port} cannot be opened: {error.strerror}.") from None
