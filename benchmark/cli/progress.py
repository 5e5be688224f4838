"""What a run shows: a live table on a terminal, plain lines elsewhere; always on standard error."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

PLAIN_LINE_SECONDS = 10.0
"""Elsewhere than on a terminal, a line at most this often."""


class RunDisplay:
    """Progress of a run. Its methods may be called from any thread."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._statuses: dict[str, Counter[str]] = {}
        self._seconds: dict[str, float] = {}
        self._total = 0
        self._done = 0
        self._last_line = 0.0

    def building(self, name: str, done: int, total: int) -> None:
        """Say that task `name` is being built; an empty name says that all are."""
        if self._console.is_terminal:
            end = "\n" if not name else ""
            self._console.print(
                f"\r\x1b[KBuilding tasks: {done} of {total} {name}", end=end, highlight=False, markup=False
            )
        elif not name or self._due():
            self._console.print(f"Building tasks: {done} of {total}", highlight=False)

    @contextmanager
    def running(self, total: int, kept: int, slots: int) -> Iterator[None]:
        """Show the jobs while the context is open."""
        self._total, self._done = total, 0
        self._statuses, self._seconds = {}, {}
        self._console.print(
            f"{total} jobs to run, {kept} finished before; {slots} at a time.", highlight=False, markup=False
        )
        for earlier in self._bar.task_ids:
            self._bar.remove_task(earlier)
        task = self._bar.add_task("Jobs", total=total)
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, refresh_per_second=4, get_renderable=lambda: self._table(task)) as live:
            self._live = live
            yield
        self._live = None

    def finished(self, submission: str, status: str, seconds: float) -> None:
        """Count a finished job, and the wall-clock seconds that its samples took."""
        with self._lock:
            self._done += 1
            self._statuses.setdefault(submission, Counter())[status] += 1
            self._seconds[submission] = self._seconds.get(submission, 0.0) + seconds
            if not self._console.is_terminal and (self._due() or self._done == self._total):
                self._console.print(f"{self._done} of {self._total} jobs finished", highlight=False)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()

    def _due(self) -> bool:
        if time.monotonic() - self._last_line < PLAIN_LINE_SECONDS:
            return False
        self._last_line = time.monotonic()
        return True

    def _table(self, task: int) -> Group:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading, justify in (("Submission", "left"), ("Jobs", "right"), ("ok", "right"), ("Seconds", "right")):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        table.add_column("Other statuses")
        with self._lock:
            # the rows that moved last, as many as fit
            rows = list(self._statuses.items())[-max(3, self._console.height - 6) :]
            for name, counts in rows:
                others = ", ".join(f"{count} {status}" for status, count in counts.items() if status != "ok")
                table.add_row(name, str(counts.total()), str(counts["ok"]), f"{self._seconds[name]:.1f}", others)
            self._bar.update(task, completed=self._done)  # type: ignore[arg-type]
        return Group(table, self._bar)
