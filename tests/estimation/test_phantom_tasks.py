"""Phantoms become tasks: truth outside, certificates asked for, local truth beside, groups passed over."""

import tomllib
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.estimation import phantom_plans
from benchmark.estimation.evaluate import evaluate
from benchmark.estimation.suites import Suite, SuiteFile
from benchmark.estimation.tasks import build_tasks
from benchmark.paths import submissions_root
from benchmark.sandbox.engine import Outcome
from benchmark.submissions import load_submissions
from benchmark.synthetic.phantoms import sample_phantom

HEAD = 'version = "1"\ndescription = "d"\nbudget = { wall_seconds = 5.0, cpu_seconds = 5.0, memory_gib = 1.0 }\n'
ENGINE = SimpleNamespace(name="fake", image_digest=None, version=None)


def block(family, dimension, rest="", n=60, seeds=1):
    named = f'families = ["{family}"]\ndimensions = [{dimension}]\n'
    return f"[[phantoms]]\n{named}n = {n}\nseeds = {seeds}\nsize = 28\n{rest}\n"


@pytest.fixture(autouse=True)
def _certified(monkeypatch):
    """These tests are not about certificates: every phantom has one."""
    monkeypatch.setattr(phantom_plans, "refusal", lambda *_: None)


@pytest.fixture
def build(tmp_path):
    def build(*blocks, secret=None):
        suite = Suite("tiny", SuiteFile.model_validate(tomllib.loads(HEAD + "".join(blocks))), secret)
        tasks, left_out = build_tasks(suite, tmp_path / "samples", tmp_path / "results", lambda *_: None)
        return {truth.name: (task, truth) for task, truth in tasks}, left_out, suite

    return build


def points(task, number=0):
    return np.load(task.samples[number].folder / "points.npy")


def test_images_are_flat_rows_and_the_truth_is_the_dimension(build):
    tasks, _, suite = build(block("ellipses", 3, seeds=2))
    task, truth = tasks["phantom/ellipses-3@N=60,size=28"]
    assert (truth.kind, truth.family, truth.dimension) == ("phantom", "ellipses", 3.0)
    assert [sample.part for sample in task.samples] == ["seed-0", "seed-1"]
    assert points(task).dtype == np.float32
    expected = sample_phantom("ellipses", 3, 60, size=28, seed=suite.seed(phantom="ellipses", dimension=3, repeat=1))
    np.testing.assert_array_equal(points(task, 1), expected.pixels.reshape(60, 784))


def test_an_axis_shows_the_same_images_under_other_conditions(build):
    tasks, _, _ = build(block("ellipses", 3), block("ellipses", 3, "bits = 8"), block("ellipses", 3, n=40))
    plain = points(tasks["phantom/ellipses-3@N=60,size=28"][0])
    rounded = points(tasks["phantom/ellipses-3@N=60,size=28,bits=8"][0])
    np.testing.assert_array_equal(rounded, np.clip(np.rint(plain), 0, 255).astype(np.uint8))
    np.testing.assert_array_equal(points(tasks["phantom/ellipses-3@N=40,size=28"][0]), plain[:40])
    assert len({task.sha256 for task, _ in tasks.values()}) == 3


def test_neighbours_of_the_same_group_are_passed_over_where_the_block_says_so(build):
    tasks, _, _ = build(block("slices", 4), block("slices", 4, "groups = true"))
    (plain, _), (masked, truth) = tasks.values()
    assert truth.name == "phantom/slices-4@N=60,size=28,groups"
    np.testing.assert_array_equal(points(plain), points(masked))
    assert plain.sha256 != masked.sha256
    groups = np.arange(60) // 20
    indices = [np.load(task.samples[0].folder / "indices.npy") for task in (plain, masked)]
    assert (groups[indices[0]] == groups[:, None]).any()
    assert not (groups[indices[1]] == groups[:, None]).any()
    assert indices[1].shape == (60, 40)


def test_local_truth_lies_apart_from_what_is_handed_over(build):
    tasks, _, _ = build(block("strata", 7, seeds=2))
    task, truth = tasks["local/strata-7@N=60,size=28"]
    assert (truth.kind, truth.dimension) == ("local", None)
    local = [np.load(path) for path in truth.local]
    assert [sorted(np.unique(values).tolist()) for values in local] == [[3, 6, 12], [3, 6, 12]]
    assert [len(values) for values in local] == [60, 60]
    assert not (local[0] == local[1]).all()
    names = {path.name for sample in task.samples for path in sample.folder.iterdir()}
    assert names == {"points.npy", "distances.npy", "indices.npy", "sample.json"}


def test_a_phantom_that_fails_certification_is_left_out_with_the_reason(build, monkeypatch):
    refused = {"warp": "its Jacobian loses rank"}
    monkeypatch.setattr(phantom_plans, "refusal", lambda _, family, *__: refused.get(family))
    tasks, left_out, _ = build(block("ellipses", 3), block("warp", 3))
    assert list(tasks) == ["phantom/ellipses-3@N=60,size=28"]
    assert [(item.name, item.reason) for item in left_out] == [
        ("phantom/warp-3@N=60,size=28", "its Jacobian loses rank")
    ]


def test_a_secret_changes_points_truths_and_hashes_and_nothing_else(build):
    known = '[[known]]\nfamily = "classic"\nmanifolds = ["M7_Roll"]\nn = 60\nseeds = 1\n'
    made = {s: build(block("ellipses", 12), known, secret=s)[0] for s in (None, "first", "second")}
    dimensions, hashes, rolls = set(), set(), set()
    for tasks in made.values():
        (images, truth), (roll, manifold) = tasks.values()
        assert (truth.kind, manifold.dimension, points(images).shape) == ("phantom", 2.0, (60, 784))
        dimensions.add(truth.dimension)
        hashes.add(images.sha256)
        rolls.add(roll.sha256)
    assert (len(dimensions), len(hashes), len(rolls)) == (3, 3, 3)
    again, _, _ = build(block("ellipses", 12), known, secret="first")
    assert [task.sha256 for task, _ in again.values()] == [task.sha256 for task, _ in made["first"].values()]


class Worker:
    """Answers with the outcomes it is given."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)

    def ask(self, sample):
        return self.outcomes.pop(0)


def test_local_dimensions_are_scored_when_they_are_there_and_kept_as_quartiles(build, tmp_path):
    tasks, _, suite = build(block("strata", 7, seeds=2), secret="a secret")
    [(task, truth)] = tasks.values()
    [submission] = load_submissions(submissions_root() / "twonn")
    local = [np.load(path) for path in truth.local]

    def result(*pointwise):
        outcomes = [Outcome("ok", dimension=5.0, pointwise=values) for values in pointwise]
        return evaluate(submission, task, truth, suite, Worker(*outcomes), ENGINE, tmp_path / "scratch", {})

    right = result(*(tuple(values.astype(float)) for values in local))
    assert right.kind == "local"
    assert right.truth is None
    assert right.scores == {"local_error": 0.0, "local_rank_correlation": pytest.approx(1.0)}
    assert right.answers[0].pointwise_quartiles is not None
    assert right.secret_sha256 == suite.secret_sha256
    half = result(tuple(1.5 * local[0]), None)
    assert half.scores["local_error"] == pytest.approx((50 + 100) / 2)
    assert half.scores["local_rank_correlation"] == pytest.approx(0.5)
    assert result(None, None).scores == {}


@pytest.mark.parametrize(
    ("family", "rest"), [("scene", ""), ("scene", "bits = 8"), ("strata", ""), ("slices", "groups = true")]
)
def test_the_room_that_a_sample_takes_is_known_before(build, family, rest):
    tasks, _, suite = build(block(family, 4, rest))
    [(task, _)] = tasks.values()
    [plan] = phantom_plans.phantom_plans(suite)
    [folder], [part] = (sample.folder for sample in task.samples), plan.parts
    taken = sum(np.load(path).nbytes for path in folder.glob("*.npy"))
    fewer = 60 * 16 * (59 - np.load(folder / "indices.npy").shape[1])  # neighbours of the same patient are passed over
    assert part.room() == taken + fewer
    assert (fewer > 0) == (family == "slices")
