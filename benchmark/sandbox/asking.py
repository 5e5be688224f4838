"""What the engines share: a worker somewhere else is started with a program, and asked sample by sample."""

import json
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from benchmark.errors import InfrastructureError
from benchmark.sandbox.answers import ended, one_line, outcome
from benchmark.sandbox.engine import Limits, Outcome, Program
from benchmark.sandbox.samples import question_of

START_SECONDS = 180.0
"""Time for importing the trusted libraries; torch from a cold disk takes long."""
GRACE_SECONDS = 20.0
"""What the worker may take beyond the wall-clock limit to end a sample's processes and reply."""


class WorkerEndedError(Exception):
    """The worker sent no reply.

    code: exit code, or minus the signal; None if it still ran and had to be ended. limit: the limit (a field of Limits)
    that its surroundings ended it for, where they tell.
    """

    def __init__(self, code: int | None, message: str, limit: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.limit = limit


class Connection(Protocol):
    """A running `worker.py`."""

    def exchange(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a message and return the reply; raises WorkerEndedError if none comes within `seconds`."""
        ...

    def close(self) -> None:
        """End the worker and everything that it started."""
        ...


class AskedWorker:
    """A connection to a worker, made again when a submission managed to end it. Used by one thread at a time."""

    def __init__(self, program: Program, limits: Limits) -> None:
        self._program = program
        self._limits = limits
        self._running: Connection | None = None

    def start(self) -> None:
        """Make the connection, and wait until the program's libraries are imported."""
        raise NotImplementedError

    def close(self) -> None:
        """End the worker and everything that it started; another `ask` would start a new one."""
        running, self._running = self._running, None
        if running is not None:
            running.close()

    def _ask(self, sample: Path, seen: str) -> Outcome:
        """Run the program on a sample folder, which the worker sees as the path `seen`.

        A program that crashes, hangs or fills its memory gives an Outcome, never an exception.
        Raises InfrastructureError for faults that are ours: a sample that cannot be read, a full disk.
        """
        question = question_of(sample, self._program)
        if self._running is None:
            self.start()
        if self._running is None:
            raise RuntimeError("start makes the connection")
        started = time.perf_counter()
        try:
            reply = self._running.exchange({"sample": seen}, self._limits.wall_seconds + GRACE_SECONDS)
        except WorkerEndedError as end:
            self.close()
            wall = time.perf_counter() - started
            limit = end.limit or ("wall_seconds" if end.code is None else None)
            if limit is not None:
                verdict = ended(limit, 0, question, self._limits)
                return Outcome(verdict.status, verdict.reason, wall_seconds=wall)
            if end.code is None or end.code >= 0:
                raise InfrastructureError(f"the worker ended by itself: {end.message}") from None
            name = signal.Signals(-end.code).name
            reason = (
                f"the worker was ended by {name} during this sample: a submission may signal only its own processes"
            )
            return Outcome("crashed", reason, wall_seconds=wall)
        except BaseException:
            self.close()  # its reply would be taken for the next sample's
            raise
        if "fault" in reply:
            raise InfrastructureError(one_line(reply["fault"], 1000))
        return outcome(reply, question, self._limits)


def start_program(connection: Connection, program: Program, folder: str, limits: Limits, scratch: str) -> None:
    """Let a worker serve a program from here on; returns when its libraries are imported.

    folder, scratch: of the submission's code and of the working folders, as the worker sees them.
    """
    start = {
        "folder": folder,
        "entry": program.entry,
        "parameters": dict(program.parameters),
        "track": program.track,
        "fits_itself": program.fits_itself,
        "pretrained": program.pretrained,
        "limits": asdict(limits),
        "scratch": scratch,
    }
    try:
        connection.exchange(start, START_SECONDS)
    except WorkerEndedError as end:
        raise InfrastructureError(f"the worker did not start: {end.message}") from None


def line_of(message: dict[str, Any]) -> bytes:
    """A message as it is sent. TOML has dates, JSON has not: one among the parameters arrives as text."""
    return json.dumps(message, default=str).encode() + b"\n"


def reply_bytes(limits: Limits) -> int:
    """The longest reply: the answer as JSON text in JSON text, and the last of what was printed."""
    return 6 * limits.answer_bytes + (1 << 18)
