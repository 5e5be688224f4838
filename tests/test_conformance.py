"""What `check` finds: each rule on a fake engine, and the whole on the process engine."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from benchmark.cli.check import check
from benchmark.conformance import BADGES, PROBE_FILE, CheckReport, check_submission, contract_fault
from benchmark.errors import UserError
from benchmark.invariances import INVARIANCES, KNOWN, sphere_patch
from benchmark.sandbox.engine import Limits, Outcome, Program
from benchmark.sandbox.process import ProcessEngine
from benchmark.saved_checks import read_check, save_checks

MANIFEST = """name = "mine"
track = "estimators"
entry = "estimator.py:Mine"
authors = ["A. Author"]
licence = "MIT"
reference = "none"
description = "For tests."
"""


@dataclass(frozen=True)
class Sample:
    """What a fake estimator sees."""

    X: NDArray[np.float64]
    seed: int
    graph: tuple[NDArray[np.float64], NDArray[np.int64]] | None


@dataclass(frozen=True)
class FakeEngine:
    """Answers by a function of the sample; the import probe is answered `probe`."""

    answer: Callable[[Sample], float | Outcome]
    probe: Outcome = field(default_factory=lambda: Outcome("ok", dimension=1.0))
    name: str = "fake"

    @contextmanager
    def open(self, program: Program, limits: Limits) -> Iterator["FakeWorker"]:
        yield FakeWorker(self, program)


@dataclass(frozen=True)
class FakeWorker:
    engine: FakeEngine
    program: Program

    def ask(self, sample: Path) -> Outcome:
        if self.program.entry.startswith(PROBE_FILE):
            return self.engine.probe
        task = json.loads((sample / "task.json").read_text())
        graph = None
        if task["neighbors"] is not None:
            graph = (np.load(sample / "distances.npy"), np.load(sample / "indices.npy"))
        X = np.load(sample / "points.npy", allow_pickle=False).astype(np.float64)
        answer = self.engine.answer(Sample(X, task["seed"], graph))
        return answer if isinstance(answer, Outcome) else Outcome("ok", dimension=answer)


@pytest.fixture
def submission(tmp_path) -> Callable[..., Path]:
    """Writes a submission folder: further lines of its manifest, and its code."""

    def write(lines: str = "", code: str = "class Mine: pass\n", manifest: str = MANIFEST) -> Path:
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        (folder / "submission.toml").write_text(manifest + lines)
        (folder / "estimator.py").write_text(code)
        return folder

    return write


def nearest(sample: Sample) -> float:
    """Invariant under everything: from ratios of neighbour distances."""
    distances, _ = sample.graph
    return float(1 / np.mean(np.log(distances[:, 1] / distances[:, 0])))


def found(report: CheckReport, name: str) -> tuple[str, str]:
    checks = [c for c in (*report.checks, *(c for row in report.rows for c in row.checks)) if c.name == name]
    assert len(checks) == 1
    return checks[0].verdict, checks[0].finding


def test_an_invariant_estimator_passes_with_all_badges(submission):
    report = check_submission(submission("neighbors = 2"), FakeEngine(nearest))
    assert report.passed
    assert report.rows[0].badges == dict.fromkeys(BADGES, "pass")
    assert "5 of 5 badges" in report.as_text()
    _, finding = found(report, "contract")
    assert "on a 3-sphere patch in 10 dimensions" in finding


@pytest.mark.parametrize(
    ("badge", "answer", "words"),
    [
        ("scale", lambda s: 2 + float(np.mean(nearest_distances(s.X) < 0.1)), "relative to the distances"),
        ("translation", lambda s: 1 + float(np.abs(s.X).max() / np.ptp(s.X)), "subtract the mean"),
        ("rotation", lambda s: 1 + float(np.argmax(s.X.var(axis=0))), "treat all coordinates alike"),
        ("row-order", lambda s: float(nearest_distances(s.X)[0] / nearest_distances(s.X).mean()), "by their position"),
    ],
)
def test_an_estimator_that_lacks_an_invariance_fails_that_badge_and_passes_the_check(submission, badge, answer, words):
    report = check_submission(submission(), FakeEngine(answer))
    assert report.passed
    verdict, finding = found(report, badge)
    assert verdict == "fail"
    assert words in finding
    assert "and not" in finding
    assert "1e-06 is allowed" in finding


def test_copies_are_removed_before_a_sample_is_handed_over(submission):
    seen = []
    report = check_submission(submission(), FakeEngine(lambda s: seen.append(s.X) or 2.0))
    assert found(report, "duplicates")[0] == "pass"
    np.testing.assert_array_equal(seen[-1], sphere_patch())
    assert len(INVARIANCES["duplicates"].changes["rows copied (the harness removes copies)"](sphere_patch())) > 600


def test_an_answer_that_depends_on_more_than_the_points_fails_duplicates(submission):
    answers = iter([2.0] * 11 + [2.1] * 100)
    report = check_submission(submission(), FakeEngine(lambda s: next(answers)))
    verdict, finding = found(report, "duplicates")
    assert verdict == "fail"
    assert "besides X and the seed" in finding


def test_a_stochastic_estimator_gets_twice_what_a_seed_changes(submission):
    def answer(sample: Sample) -> float:  # as one that projects at random: the draws meet other coordinates
        place = int(abs(sample.X[0]).sum() * 1e6) % 1000
        return 3 * (1 + 0.03 * np.random.default_rng([sample.seed, place]).uniform(-1, 1))

    report = check_submission(submission(), FakeEngine(answer))
    verdict, finding = found(report, "rotation")
    assert verdict == "pass", finding
    assert "since another seed moves it by" in finding


def test_the_same_seed_must_give_the_same_answer(submission):
    generator = np.random.default_rng(0)
    report = check_submission(submission(), FakeEngine(lambda s: 3 + generator.uniform()))
    assert not report.passed
    verdict, finding = found(report, "determinism")
    assert verdict == "fail"
    assert "random_state" in finding
    assert set(report.rows[0].badges.values()) == {"not run"}
    assert "Failed: determinism of mine. Each must pass before the submission can be evaluated." in report.as_text()
    assert "not run scale, translation, rotation, row-order, duplicates" in report.as_text()


def test_an_answer_that_is_mostly_chance_is_told_to_average(submission):
    def answer(sample: Sample) -> float:
        moved = sample.X[0, 0] != sphere_patch()[0, 0]
        return np.random.default_rng(sample.seed).uniform(1, 5) + 5 * moved

    report = check_submission(submission(), FakeEngine(answer))
    verdict, finding = found(report, "row-order")
    assert verdict == "fail"
    assert "10.0% is allowed" in finding
    assert "average over more draws" in finding


def test_the_graph_is_handed_over_with_the_points(submission):
    def answer(sample: Sample) -> float:
        distances, indices = sample.graph
        assert distances.shape == indices.shape == (len(sample.X), 4)
        np.testing.assert_allclose(distances[:, 0], np.linalg.norm(sample.X - sample.X[indices[:, 0]], axis=1))
        return 3.0

    assert check_submission(submission("neighbors = 4"), FakeEngine(answer)).passed


def test_no_graph_is_handed_over_unasked(submission):
    seen = []
    check_submission(submission(), FakeEngine(lambda s: seen.append(s.graph) or 3.0))
    assert set(seen) == {None}


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome("failed", "fit raised ValueError: no."), "fit raised ValueError"),
        (Outcome("timeout"), "timeout."),
        (Outcome("ok"), "dimension_ is None"),
        (Outcome("ok", dimension=-1.0), "positive finite number"),
        (Outcome("ok", dimension=float("nan")), "positive finite number"),
        (Outcome("ok", dimension=3.0, interval=(4.0, 5.0)), "with dimension_ inside"),
        (Outcome("ok", dimension=3.0, interval=(float("nan"), 5.0)), "with dimension_ inside"),
        (Outcome("ok", dimension=3.0, pointwise=(3.0, 3.0)), "has 2 values; it must have one for each of the 400 rows"),
    ],
)
def test_a_broken_contract_is_told(submission, outcome, words):
    report = check_submission(submission(), FakeEngine(lambda s: outcome))
    assert not report.passed
    verdict, finding = found(report, "contract")
    assert verdict == "fail"
    assert words in finding
    assert finding.startswith("On a 3-sphere patch")


def test_a_complete_answer_has_no_fault():
    assert contract_fault(Outcome("ok", dimension=3.0, interval=(2.0, 4.0), pointwise=(3.0,) * 5), 5) == ""


def test_a_fault_on_a_later_manifold_is_found(submission):
    """More columns than rows, as images have."""
    answer = lambda s: Outcome("failed", "LinAlgError") if s.X.shape[1] > len(s.X) else 3.0  # noqa: E731
    verdict, finding = found(check_submission(submission(), FakeEngine(answer)), "contract")
    assert verdict == "fail"
    assert finding.startswith("On 16 x 16 images")


def test_a_failed_import_is_told_in_the_submissions_own_words(submission):
    engine = FakeEngine(lambda s: Outcome("failed", "importing estimator.py: no module."), Outcome("failed", "probe"))
    report = check_submission(submission(), engine)
    assert not report.passed
    assert found(report, "import") == ("fail", "failed: importing estimator.py: no module.")
    assert report.rows == ()


def test_each_variant_is_checked(submission):
    lines = "[variants.a]\nneighbors = 2\n[variants.b]\nneighbors = 3\n"
    shapes = set()

    def answer(sample: Sample) -> float:
        shapes.add(sample.graph[0].shape[1])
        return 3.0

    said = []
    report = check_submission(submission(lines), FakeEngine(answer), lambda *words: said.append(words))
    assert [row.submission for row in report.rows] == ["mine-a", "mine-b"]
    assert shapes == {2, 3}
    assert said == [("import", 0, 2), ("mine-a", 0, 2), ("mine-b", 1, 2)]


def test_a_wrong_manifest_is_the_one_finding(submission):
    report = check_submission(submission('neighbors = "20"'), FakeEngine(nearest))
    assert not report.passed
    assert found(report, "schema")[1].endswith('from 1 to 100, not "20": remove the quotes.')


def test_what_the_contract_is_asked_on_has_no_copies():
    for make in KNOWN.values():
        points = make()
        assert len(np.unique(points, axis=0)) == len(points)
        np.testing.assert_array_equal(points, make())


# Badges beside the results


def test_saved_badges_are_read_back_and_are_stale_for_other_code(submission, tmp_path):
    report = check_submission(submission("neighbors = 2"), FakeEngine(nearest))
    results = tmp_path / "results"
    paths = save_checks(report, results)
    assert paths == [results / "checks" / "mine.json"]
    assert [path.name for path in paths[0].parent.iterdir()] == ["mine.json"]
    saved = read_check(results, "mine", report.rows[0].submission_sha256)
    assert saved is not None
    assert saved.passed
    assert saved.badges == report.rows[0].badges
    assert read_check(results, "mine", "0" * 64) is None
    assert read_check(results, "other", "0" * 64) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [('{"schema_version": 2}', "newer version"), ("{", "cannot be read"), ("[]", "not a saved check")],
)
def test_a_saved_check_that_cannot_be_used_is_named(tmp_path, content, words):
    path = tmp_path / "checks" / "mine.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(UserError, match=words):
        read_check(tmp_path, "mine", "0" * 64)


def test_badges_that_cannot_be_written_are_a_users_error(submission, tmp_path):
    report = check_submission(submission(), FakeEngine(lambda s: 3.0))
    (tmp_path / "results").write_text("a file")
    with pytest.raises(UserError, match="cannot be written"):
        save_checks(report, tmp_path / "results")


# The process engine and the verb

TWO_NEAREST = """
import numpy as np

class Mine:
    def __init__(self, discard=0.1):
        self.discard = discard

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, _ = precomputed_knn_arrays
        self.dimension_pw_ = 1 / np.log(distances[:, 1] / distances[:, 0])
        self.dimension_ = float(1 / np.mean(1 / self.dimension_pw_))
        return self
"""


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(check, [str(argument) for argument in arguments])


def test_check_runs_a_submission_in_the_process_engine(submission, tmp_path):
    """The command of the help text."""
    folder = submission("neighbors = 2\nparameters = { discard = 0.2 }", TWO_NEAREST)
    result = run(folder, "--json", "--save", tmp_path / "results")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["passed"]
    assert report["rows"][0]["badges"] == dict.fromkeys(BADGES, "pass")
    assert "with dimension_pw_" in result.stdout
    assert "Saved" in result.stderr
    assert "Warning: mine runs as you on this machine" in result.stderr  # it lies outside the repository
    assert (tmp_path / "results" / "checks" / "mine.json").exists()


def test_check_says_what_to_mend_and_exits_1(submission):
    result = run(submission(code="class Mine:\n    def fit(self, X):\n        self.dimension_ = 'three'\n"))
    assert result.exit_code == 1
    assert "fail    contract" in result.stdout
    assert "three" in result.stdout


@pytest.mark.parametrize("code", ["import not_there_at_all\nclass Mine: pass\n", "raise SystemExit(3)\nMine = 1\n"])
def test_a_submission_that_cannot_be_imported_fails_there(submission, code):
    report = check_submission(submission(code=code), ProcessEngine())
    verdict, finding = found(report, "import")
    assert verdict == "fail"
    assert "estimator.py" in finding or "3" in finding
    assert report.rows == ()


def test_a_schema_can_be_printed():
    result = run("--schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "Manifest"


def nearest_distances(X: NDArray[np.float64]) -> NDArray[np.float64]:
    distances = np.linalg.norm(X[:, None] - X, axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest: NDArray[np.float64] = distances.min(axis=1)
    return nearest
