"""Suites become tasks: the truth stays outside, the same input gives the same hash, copies go before halves."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.estimation import tasks
from benchmark.estimation.plans import Cloud
from benchmark.estimation.suites import FOLDER, Suite, SuiteFile, load_suite, suite_names
from benchmark.estimation.tasks import Sample, Task, build_tasks


def build(tmp_path, text):
    import tomllib

    suite = Suite("test", SuiteFile.model_validate(tomllib.loads(text)))
    return build_tasks(suite, tmp_path, tmp_path / "results", lambda *_: None)


HEAD = 'version = "1"\ndescription = "d"\nbudget = { wall_seconds = 5.0, cpu_seconds = 5.0, memory_gib = 1.0 }\n'
KNOWN = HEAD + 'known = [{ family = "classic", manifolds = ["M1_Sphere"], n = 80, seeds = 2 }]\n'
DIGITS = HEAD + 'real = [{ views = [{ dataset = "digits", count = 101 }], splits = 2 }]\n'


def test_a_task_has_no_field_for_the_truth():
    words = {field.name for type_ in (Task, Sample) for field in dataclasses.fields(type_)}
    assert words.isdisjoint({"truth", "dimension", "name", "manifold", "dataset", "family", "label"})


def test_what_is_written_for_a_submission_tells_no_truth(tmp_path):
    [(task, truth)], _ = build(tmp_path, KNOWN)
    assert truth.dimension == 10.0
    for path in task.samples[0].folder.rglob("*"):
        assert "Sphere" not in path.as_posix()
        if path.suffix == ".json":
            assert set(json.loads(path.read_text())) == {
                "n",
                "ambient_dimension",
                "duplicates",
                "certified",
                "points_sha256",
                "graph_seconds",
            }


def test_tasks_are_the_same_in_another_folder_and_change_with_the_seed(tmp_path):
    [(first, _)], _ = build(tmp_path / "a", KNOWN)
    [(again, _)], _ = build(tmp_path / "b", KNOWN)
    assert first.sha256 == again.sha256
    assert first.samples[0].points_sha256 != first.samples[1].points_sha256
    [(more, _)], _ = build(tmp_path / "b", KNOWN.replace("seeds = 2", "seeds = 3"))
    assert [s.points_sha256 for s in more.samples[:2]] == [s.points_sha256 for s in first.samples]
    assert more.sha256 != first.sha256


def test_another_budget_is_another_task(tmp_path):
    [(first, _)], _ = build(tmp_path, KNOWN)
    [(longer, _)], _ = build(tmp_path, KNOWN.replace("wall_seconds = 5.0", "wall_seconds = 6.0"))
    assert first.sha256 != longer.sha256


def test_halves_are_disjoint_parts_of_the_whole(tmp_path):
    [(task, _)], _ = build(tmp_path, DIGITS)
    points = {sample.part: np.load(sample.folder / "points.npy") for sample in task.samples}
    rows = {part: {row.tobytes() for row in array} for part, array in points.items()}
    assert list(points) == ["whole", "half-1a", "half-1b", "half-2a", "half-2b", "low", "low-rounded"]
    for split in "12":
        assert rows[f"half-{split}a"].isdisjoint(rows[f"half-{split}b"])
        assert rows[f"half-{split}a"] | rows[f"half-{split}b"] <= rows["whole"]
        assert len(points[f"half-{split}a"]) == len(points[f"half-{split}b"]) == 50
    assert rows["half-1a"] != rows["half-2a"]
    assert points["low"].dtype == np.float32
    assert points["low-rounded"].dtype == np.uint8
    assert points["low"].shape[1] == points["low-rounded"].shape[1] == 16
    assert np.abs(points["low"] - points["low-rounded"]).max() <= 0.5


def test_the_graph_on_disk_is_that_of_the_points(tmp_path):
    from sklearn.neighbors import NearestNeighbors

    [(task, _)], _ = build(tmp_path, DIGITS)
    for sample in task.samples:
        points = np.load(sample.folder / "points.npy").astype(np.float64)
        distances = np.load(sample.folder / "distances.npy")
        expected, _ = NearestNeighbors(n_neighbors=distances.shape[1], algorithm="brute").fit(points).kneighbors()
        np.testing.assert_allclose(distances, expected, rtol=1e-7)
        assert (distances[:, 0] > 0).all()


def test_every_suite_can_be_read():
    assert set(suite_names()) >= {"smoke", "standard", "full", "reference"}
    suites = [load_suite(name) for name in suite_names()]
    asking = [suite for suite in suites if suite.content.phantoms or suite.content.known or suite.content.real]
    assert {suite.name for suite in suites} - {suite.name for suite in asking} == {"chest-xray", "learning-curves"}
    assert len({suite.sha256 for suite in asking}) == len(asking)


def test_a_suite_of_ones_own_may_not_take_a_known_name(tmp_path):
    path = tmp_path / "smoke.toml"
    path.write_text((FOLDER / "smoke.toml").read_text())
    with pytest.raises(Exception, match="rename the file"):
        load_suite(str(path))


def test_a_sample_that_another_process_built_meanwhile_is_taken(tmp_path, monkeypatch):
    """The place is free when one looks, and taken when one moves in: a look beforehand does not help."""
    target = tmp_path / "sample"
    points = np.random.default_rng(0).normal(size=(20, 3))
    tasks._write_sample_folder(target, Cloud(points), "removed")
    look = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path != target and look(path))
    tasks._write_sample_folder(target, Cloud(points), "removed")
    np.testing.assert_array_equal(np.load(target / "points.npy"), points)
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def bytes_in(folder):
    return sum(np.load(path).nbytes for path in folder.glob("*/*.npy"))


@pytest.mark.parametrize("text", [KNOWN, DIGITS], ids=["manifolds", "images"])
def test_samples_that_do_not_fit_on_the_disk_are_refused_before_any_is_built(tmp_path, monkeypatch, text):
    build(tmp_path / "there", text)
    needed = bytes_in(tmp_path / "there")

    def free(bytes_free):
        monkeypatch.setattr(tasks.shutil, "disk_usage", lambda _: SimpleNamespace(free=bytes_free))

    free(needed - 1)
    with pytest.raises(UserError, match=r"^The samples of suite test .* take 0\.0 GiB, and .*/new has 0\.0 GiB free"):
        build(tmp_path / "new", text)
    assert list((tmp_path / "new").iterdir()) == []
    free(needed)
    build(tmp_path / "new", text)
    assert bytes_in(tmp_path / "new") == needed
    free(0)
    build(tmp_path / "new", text)  # all is there


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/samples: a sample cannot be written: Not a directory\.$"):
        build(tmp_path / "file" / "samples", KNOWN)
