"""An engine that plays the outcomes it is told to, so that what uses an engine is tested without processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmark.sandbox.engine import Limits, Outcome, Program


@dataclass(frozen=True)
class FakeEngine:
    """Plays an outcome for each sample: FakeEngine(lambda program, sample: Outcome("timeout", "60 s"))."""

    play: Callable[[Program, Path], Outcome]
    name: str = "fake"
    image_digest: str | None = None
    version: str | None = None

    @contextmanager
    def open(self, program: Program, limits: Limits) -> Iterator["FakeWorker"]:
        yield FakeWorker(self.play, program)


@dataclass(frozen=True)
class FakeWorker:
    play: Callable[[Program, Path], Outcome]
    program: Program

    def ask(self, sample: Path) -> Outcome:
        return self.play(self.program, sample)
