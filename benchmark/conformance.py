"""The contract of a submission as a test: what `manifoldbench check` asks, and what it finds.

Schema, import, contract and determinism are required. The invariances are badges: an estimator may lack one and be
right, so none of them makes the check fail.
"""

import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, computed_field

from benchmark import model_conformance
from benchmark.errors import UserError
from benchmark.hashing import seed_from
from benchmark.invariances import INVARIANCES, KNOWN, Invariance, sphere_patch
from benchmark.neighbors.graph import neighbor_graph
from benchmark.sandbox.engine import Engine, Limits, Outcome, Program, Worker
from benchmark.sandbox.samples import write_sample
from benchmark.submissions import COMPILED, Submission, load_submissions

Verdict = Literal["pass", "fail", "not run"]

REQUIRED = ("contract", "determinism")
BADGES = tuple(INVARIANCES)

LIMITS = Limits(wall_seconds=60.0, cpu_seconds=120.0, memory_bytes=4 << 30)
"""What one sample of a check may use."""

SAME = 1e-9
"""Relative: two runs with one seed give the same number, up to the summation order of a library's kernels."""
DETERMINISTIC = 1e-6
"""Relative: an invariance of an estimator whose answer does not depend on the seed; float64 leaves 1e-6 and less."""
STOCHASTIC = 0.02
"""Relative, at least: an invariance of an estimator whose answer depends on the seed."""
STOCHASTIC_MOST = 0.10
"""Relative, at most; in between it is twice what another seed changes."""

SEED = seed_from(check="first")
OTHER_SEEDS = (seed_from(check="second"), seed_from(check="third"))


PROBE_FILE = "manifoldbench_import_probe.py"
PROBE = """import importlib.util
import sys
from pathlib import Path


class Probe:
    def __init__(self, file, name):
        self.file, self.name = file, name

    def fit(self, X):
        spec = importlib.util.spec_from_file_location("probed", Path(__file__).with_name(self.file))
        sys.modules["probed"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["probed"])
        getattr(sys.modules["probed"], self.name)
        self.dimension_ = 1.0
"""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Check(_Frozen):
    """One thing that was checked."""

    name: str
    verdict: Verdict
    finding: str
    """One sentence: what was found, and for a `fail` what to mend."""


class Row(_Frozen):
    """The checks of one row of the board: a submission, or one of its variants."""

    submission: str
    submission_sha256: str
    checks: tuple[Check, ...]
    """`contract`, `determinism`, then the badges."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        """True if every required check passed."""
        return all(check.verdict == "pass" for check in self.checks if check.name in REQUIRED)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def badges(self) -> dict[str, Verdict]:
        """The verdict of each invariance."""
        return {check.name: check.verdict for check in self.checks if check.name in BADGES}


class CheckReport(_Frozen):
    """What `manifoldbench check` found in a folder."""

    folder: str
    checks: tuple[Check, ...]
    """Of the folder: `schema`, and of an estimator `import`."""
    rows: tuple[Row, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        """True if the folder can be evaluated: every required check of every row passed."""
        return all(check.verdict == "pass" for check in self.checks) and all(row.passed for row in self.rows)

    def as_text(self) -> str:
        """The report for people: one line a check."""
        lines = [self.folder, *map(_line, self.checks)]
        for row in self.rows:
            lines += ["", row.submission, *(_line(check) for check in row.checks if check.verdict != "not run")]
            if skipped := [check.name for check in row.checks if check.verdict == "not run"]:
                lines.append(f"  not run {', '.join(skipped)}")
        return "\n".join([*lines, "", _summary(self)])


def _line(check: Check) -> str:
    kind = "badge " if check.name in BADGES else ""
    return f"  {check.verdict:<8}{kind + check.name:<19}{check.finding}"


def _summary(report: CheckReport) -> str:
    failed = [check.name for check in report.checks if check.verdict == "fail"]
    for row in report.rows:
        failed += [f"{c.name} of {row.submission}" for c in row.checks if c.verdict == "fail" and c.name in REQUIRED]
    if failed:
        return f"Failed: {', '.join(failed)}. Each must pass before the submission can be evaluated."
    verdicts = [verdict for row in report.rows for verdict in row.badges.values()]
    if not verdicts:
        return "Passed."
    earned = f"{verdicts.count('pass')} of {len(verdicts)} badges"
    return f"Passed, with {earned}: badges are shown on the board and are not required."


def check_submission(
    folder: Path, engine: Engine, progress: Callable[[str, int, int], None] = lambda _name, _done, _total: None
) -> CheckReport:
    """Check a submission's folder: its file, then each row inside `engine`.

    progress: called with a row's name, how many rows are done, how many there are.
    Raises InfrastructureError for faults that are ours; whatever is wrong with the submission is in the report.
    """
    try:
        submissions = load_submissions(folder)
    except UserError as error:
        return CheckReport(folder=str(folder), checks=(Check(name="schema", verdict="fail", finding=str(error)),))
    manifest = submissions[0].manifest
    count = f", {len(submissions)} rows" if len(submissions) > 1 else ""
    schema = Check(name="schema", verdict="pass", finding=f"The manifest and {manifest.entry} are in order{count}.")
    with tempfile.TemporaryDirectory(prefix="manifoldbench-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        if manifest.track == "models":
            models = []
            for done, submission in enumerate(submissions):
                progress(submission.name, done, len(submissions))
                models.append(_check_model(submission, engine, scratch))
            return CheckReport(folder=str(folder), checks=(schema,), rows=tuple(models))
        progress("import", 0, len(submissions))
        imported = _import(submissions[0], engine, scratch)
        rows = []
        for done, submission in enumerate(submissions if imported.verdict == "pass" else ()):
            progress(submission.name, done, len(submissions))
            rows.append(_check_row(submission, engine, scratch))
    return CheckReport(folder=str(folder), checks=(schema, imported), rows=tuple(rows))


def _import(submission: Submission, engine: Engine, scratch: Path) -> Check:
    """Import the entry inside the sandbox, apart from all that it does afterwards: a probe beside it loads it."""
    file, _, name = submission.manifest.entry.partition(":")
    folder = scratch / "probe"
    try:
        shutil.copytree(submission.folder, folder, ignore=shutil.ignore_patterns(COMPILED))
        (folder / PROBE_FILE).write_text(PROBE, encoding="utf-8")
    except OSError as error:  # shutil.Error is one
        raise UserError(f"{submission.folder}: cannot be copied to {folder}: {error}.") from None
    points = sphere_patch()
    with engine.open(Program(folder, f"{PROBE_FILE}:Probe", {"file": file, "name": name}), LIMITS) as worker:
        outcome = _ask(worker, scratch, points, None)
    if outcome.status == "ok":
        return Check(name="import", verdict="pass", finding=f"{submission.manifest.entry} is imported in the sandbox.")
    # The same fault met without the probe says it in the submission's own lines.
    with engine.open(submission.program, LIMITS) as worker:
        own = _ask(worker, scratch, points, submission.neighbors)
    return Check(name="import", verdict="fail", finding=_told(own if own.status != "ok" else outcome))


def _check_row(submission: Submission, engine: Engine, scratch: Path) -> Row:
    with engine.open(submission.program, LIMITS) as worker:
        inquiry = _Inquiry(submission, worker, scratch)
        first = inquiry.ask(sphere_patch())
        contract = _contract(inquiry, first)
        determinism = _determinism(inquiry, first) if contract.verdict == "pass" else _not_run("determinism")
        badges = _badges(inquiry, first) if determinism.verdict == "pass" else [_not_run(name) for name in BADGES]
    checks = (contract, determinism, *badges)
    return Row(submission=submission.name, submission_sha256=submission.sha256, checks=checks)


def _check_model(submission: Submission, engine: Engine, scratch: Path) -> Row:
    """The required checks of a model; it has no badges."""

    def row(*checks: Check) -> Row:
        return Row(submission=submission.name, submission_sha256=submission.sha256, checks=checks)

    try:
        trained, fault = model_conformance.contract(submission, engine, scratch)
    except UserError as error:  # a learning rate that is not offered
        trained, fault = [], str(error)
    if fault:
        return row(Check(name="contract", verdict="fail", finding=fault), _not_run("determinism"))
    contract = Check(name="contract", verdict="pass", finding=f"Built and trained: {', '.join(trained)}.")
    same, difference = model_conformance.same_again(submission, engine, scratch)
    if same:
        again = Check(name="determinism", verdict="pass", finding="Two trainings with one seed gave the same outputs.")
    else:
        finding = (
            f"Two trainings with one seed differ by {difference:.3g} in an output: draw random numbers from torch."
        )
        again = Check(name="determinism", verdict="fail", finding=finding)
    return row(contract, again)


def _ask(worker: Worker, scratch: Path, points: NDArray[Any], k: int | None, seed: int = SEED) -> Outcome:
    """Hand over points [n, D] without their exact copies, with the graph if k is given."""
    graph = neighbor_graph(points, k or 1)
    folder = scratch / secrets.token_hex(8)  # the name tells nothing
    write_sample(folder, points[graph.kept], seed, None if k is None else graph, k)
    return worker.ask(folder)


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """An open worker of one row, and a way to ask it about points."""

    submission: Submission
    worker: Worker
    scratch: Path

    def ask(self, points: NDArray[Any], seed: int = SEED) -> Outcome:
        """Ask about points [n, D]; exact copies are removed before."""
        return _ask(self.worker, self.scratch, points, self.submission.neighbors, seed)


def _not_run(name: str) -> Check:
    return Check(name=name, verdict="not run", finding="Not run: an earlier check did not pass.")


def _contract(inquiry: _Inquiry, first: Outcome) -> Check:
    answers = []
    given = ""
    for name, make in KNOWN.items():
        points = make()
        outcome = first if make is sphere_patch else inquiry.ask(points)
        if fault := contract_fault(outcome, len(points)):
            return Check(name="contract", verdict="fail", finding=f"On {name}: {fault}")
        answers.append(f"{outcome.dimension:.4g} on {name}")
        given = ", with dimension_interval_" if outcome.interval is not None else ""
        given += ", with dimension_pw_" if outcome.pointwise is not None else ""
    return Check(name="contract", verdict="pass", finding=f"dimension_ is {', '.join(answers)}{given}.")


def contract_fault(outcome: Outcome, n: int) -> str:
    """What is wrong with an answer for n points, and what to mend, as a sentence; empty if nothing is."""
    if outcome.status != "ok":
        return _told(outcome)
    dimension = outcome.dimension
    if dimension is None or not isfinite(dimension) or dimension <= 0:
        return f"dimension_ is {dimension}; fit must set it to a positive finite number."
    if outcome.interval is not None:
        low, high = outcome.interval
        if not low <= dimension <= high:
            return (
                f"dimension_interval_ is ({low:g}, {high:g}) and dimension_ is {dimension:g}; "
                "the interval must be (low, high) with dimension_ inside."
            )
    if outcome.pointwise is not None and len(outcome.pointwise) != n:
        return f"dimension_pw_ has {len(outcome.pointwise)} values; it must have one for each of the {n} rows of X."
    return ""


def _told(outcome: Outcome) -> str:
    """A status that is not ok, with its reason, as a sentence."""
    return f"{outcome.status}: {outcome.reason.removesuffix('.')}." if outcome.reason else f"{outcome.status}."


def _determinism(inquiry: _Inquiry, first: Outcome) -> Check:
    second = inquiry.ask(sphere_patch())

    def verdict(verdict: Verdict, finding: str) -> Check:
        return Check(name="determinism", verdict=verdict, finding=finding)

    if second.status != "ok":
        return verdict("fail", f"The second time it was asked about the same sample: {_told(second)}")
    once, again = _numbers(first), _numbers(second)
    if len(once) != len(again) or not np.allclose(once, again, rtol=SAME, atol=0):
        return verdict(
            "fail",
            f"Two runs with the same seed answered {first.dimension!r} and {second.dimension!r}: draw random numbers "
            "from a `random_state` parameter (it gets the seed) or from numpy's global generator (it is seeded).",
        )
    return verdict("pass", f"Two runs with the same seed answered {first.dimension:.6g}.")


def _numbers(outcome: Outcome) -> tuple[float, ...]:
    if outcome.dimension is None:
        raise RuntimeError("an answer that is ok has a dimension")
    return (outcome.dimension, *(outcome.interval or ()), *(outcome.pointwise or ()))


@dataclass(frozen=True, slots=True)
class _Unchanged:
    """The answer about the points as they are, how far it may move, and how far another seed moves it."""

    dimension: float
    allowed: float
    spread: float


def _unchanged(inquiry: _Inquiry, first: Outcome) -> _Unchanged:
    dimension = _numbers(first)[0]
    others = [inquiry.ask(sphere_patch(), seed).dimension for seed in OTHER_SEEDS]
    spread = max((abs(other / dimension - 1) for other in others if other is not None), default=0.0)
    if spread <= SAME:
        return _Unchanged(dimension, DETERMINISTIC, 0.0)
    return _Unchanged(dimension, min(max(STOCHASTIC, 2 * spread), STOCHASTIC_MOST), spread)


def _badges(inquiry: _Inquiry, first: Outcome) -> list[Check]:
    unchanged = _unchanged(inquiry, first)
    return [_badge(name, invariance, inquiry, unchanged) for name, invariance in INVARIANCES.items()]


def _badge(name: str, invariance: Invariance, inquiry: _Inquiry, unchanged: _Unchanged) -> Check:
    points = sphere_patch()
    before = f"{unchanged.dimension:.6g}"
    allowed = f"{unchanged.allowed:g} is allowed"
    if unchanged.spread:
        allowed = f"{unchanged.allowed:.1%} is allowed, since another seed moves it by {unchanged.spread:.1%}"
    after = []
    for words, change in invariance.changes.items():
        outcome = inquiry.ask(change(points))
        if fault := contract_fault(outcome, len(points)):
            return Check(name=name, verdict="fail", finding=f"With {words}: {fault}")
        dimension = _numbers(outcome)[0]
        if abs(dimension / unchanged.dimension - 1) > unchanged.allowed:
            mend = invariance.mend
            if 2 * unchanged.spread > STOCHASTIC_MOST:
                mend = "the seed alone moves it by more than a badge allows, so average over more draws."
            found = f"With {words}, dimension_ is {dimension:.6g} and not {before} ({allowed})"
            return Check(name=name, verdict="fail", finding=f"{found}: {mend}")
        after.append(f"{dimension:.6g}")
    changes = " and ".join(invariance.changes)
    now = f"stays at {before}" if set(after) == {before} else f"is {' and '.join(after)}, and was {before}"
    return Check(name=name, verdict="pass", finding=f"With {changes}, dimension_ {now} ({allowed}).")
