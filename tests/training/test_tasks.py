"""Protocols become tasks: no truth is handed over, real patients and copies stay on one side, the same every time."""

import dataclasses

import numpy as np
import pytest

from benchmark.data.card import all_cards, load_card
from benchmark.data.store import prepared
from benchmark.errors import UserError
from benchmark.training import tasks as tasks_module
from benchmark.training.labels import OTHERS, labellings_of
from benchmark.training.pool import collect, pool_views
from benchmark.training.protocols import TaskWanted, load_protocol
from benchmark.training.tasks import TrainingTask, build_training_tasks

DIGITS = {"data.train": [100, 200], "data.test": 60, "data.least_test": 60, "data.validation": 40}
DIGITS |= {"data.least_validation": 40, "data.pairs": 2}
ARRAYS = {"train", "train_labels", "validation", "validation_labels", "test"}


def build(folder, *wanted, protocol="mini", **overrides):
    content = load_protocol(protocol, overrides)
    return build_training_tasks(content, [TaskWanted.model_validate(each) for each in wanted], folder, lambda *_: None)


def digits(folder, **overrides):
    return build(folder, {"dataset": "digits"}, **(DIGITS | overrides))


def arrays(task):
    return {path.stem: np.load(path) for path in task.folder.iterdir()}


def rows_of(images):
    return {image.tobytes() for image in images}


def test_a_task_has_no_field_for_the_truth(tmp_path):
    words = {field.name for field in dataclasses.fields(TrainingTask)}
    assert words.isdisjoint({"name", "dataset", "domain", "labels", "test_labels", "classes", "truth"})
    for task, truth in digits(tmp_path)[0]:
        assert {path.stem for path in task.folder.iterdir()} == ARRAYS
        assert truth.dataset not in task.folder.as_posix()
        assert not any(path.stat().st_mode & 0o222 for path in task.folder.iterdir())


def test_what_is_handed_over_fits_the_truth(tmp_path):
    found, left_out = digits(tmp_path)
    assert left_out == []
    assert [truth.name for _, truth in found] == [
        "digits:1-2@N=100",
        "digits:1-2@N=200",
        "digits:3-9@N=100",
        "digits:3-9@N=200",
    ]
    split = prepared(load_card("digits"), "train")
    known = {image.tobytes(): label for image, label in zip(split.pixels, split.labels.tolist(), strict=True)}
    for task, truth in found:
        given = arrays(task)
        pair = [int(name) for name in truth.classes]
        assert given["train"].dtype == np.uint8
        assert given["train"].shape == (task.train, 8, 8, 1)
        assert (task.train, task.test, task.validation, task.num_classes) == (int(truth.name[-3:]), 60, 40, 2)
        np.testing.assert_array_equal(given["train_labels"], truth.train_labels)
        np.testing.assert_array_equal(given["validation_labels"], truth.validation_labels)
        for side in ("train", "validation", "test"):
            own = getattr(truth, f"{side}_labels")
            assert [known[image.tobytes()] for image in given[side]] == [pair[label] for label in own]
            assert np.bincount(own).tolist() == [len(own) // 2] * 2


def test_training_sets_are_nested_and_the_test_is_one(tmp_path):
    (small, small_truth), (large, large_truth), *_ = digits(tmp_path)[0]
    less, more = arrays(small), arrays(large)
    np.testing.assert_array_equal(less["train"], more["train"][:100])
    np.testing.assert_array_equal(less["test"], more["test"])
    np.testing.assert_array_equal(less["validation"], more["validation"])
    np.testing.assert_array_equal(small_truth.test_labels, large_truth.test_labels)
    assert (small.folder / "test.npy").samefile(large.folder / "test.npy")
    assert small.sha256 != large.sha256
    assert small_truth.files_sha256 != large_truth.files_sha256


def test_without_nesting_the_test_changes_with_n(tmp_path):
    (small, _), (large, _), *_ = digits(tmp_path, **{"data.nested": False})[0]
    assert rows_of(arrays(small)["test"]) != rows_of(arrays(large)["test"])


def test_tasks_are_the_same_in_another_folder_and_are_read_the_second_time(tmp_path, monkeypatch):
    first, _ = digits(tmp_path / "a")
    other, _ = digits(tmp_path / "b")
    assert [task.sha256 for task, _ in first] == [task.sha256 for task, _ in other]
    monkeypatch.setattr(tasks_module, "collect", lambda *_: pytest.fail("built again"))
    again, _ = digits(tmp_path / "a")
    assert [task.sha256 for task, _ in again] == [task.sha256 for task, _ in first]
    assert [truth.files_sha256 for _, truth in again] == [truth.files_sha256 for _, truth in first]


@pytest.mark.parametrize(
    ("change", "same_arrays"),
    [
        ({"training.epochs": 3}, True),
        ({"budget.wall_seconds": 1.0}, True),
        ({"seeds": [7]}, True),
        ({"data.seed": 1, "data.pairs": 2}, False),
    ],
)
def test_another_protocol_is_another_task(tmp_path, change, same_arrays):
    pair = {"dataset": "digits", "labels": "3-9"}
    [(base, _), _], _ = build(tmp_path, pair, **DIGITS)
    [(other, _), _], _ = build(tmp_path, pair, **(DIGITS | change))
    assert other.sha256 != base.sha256
    assert (other.arrays_sha256 == base.arrays_sha256) == same_arrays


def test_too_few_images_leave_a_size_out_with_a_reason(tmp_path):
    found, left_out = build(tmp_path, {"dataset": "digits", "labels": "3-9"}, **(DIGITS | {"data.train": [100, 400]}))
    assert [truth.name for _, truth in found] == ["digits:3-9@N=100"]
    [missing] = left_out
    assert missing.name == "digits:3-9@N=400"
    assert missing.reason.startswith("digits:3-9@N=400: N = 400 needs 200, or at least 100, images of each class")
    # Read from the store, it is left out for the same reason.
    assert (
        build(tmp_path, {"dataset": "digits", "labels": "3-9"}, **(DIGITS | {"data.train": [100, 400]}))[1] == left_out
    )


def test_what_is_not_here_or_has_one_class_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("MANIFOLDBENCH_DATA", str(tmp_path / "empty"))
    found, left_out = build(tmp_path, {"dataset": "mnist"}, {"dataset": "mednist-hand"})
    assert found == []
    assert [each.name for each in left_out] == ["mnist", "mednist-hand"]
    assert "mnist is not on this machine" in left_out[0].reason
    assert left_out[1].reason == "mednist-hand has one class: there is nothing to predict."


def test_sizes_and_labels_that_are_not_to_be_had_are_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"digits: train must be among \[100, 200\] of the protocol, not 150"):
        build(tmp_path, {"dataset": "digits", "train": [150]}, **DIGITS)
    with pytest.raises(UserError, match='digits has no labels "odd"; it has classes, whole'):
        build(tmp_path, {"dataset": "digits", "labels": "odd"}, **DIGITS)
    with pytest.raises(UserError, match="digits: a pair must be of two different labels from 0 to 9"):
        build(tmp_path, {"dataset": "digits", "labels": "3-3"}, **DIGITS)


def test_all_classes_together(tmp_path):
    [(task, truth), _], _ = build(tmp_path, {"dataset": "digits", "labels": "whole"}, **DIGITS)
    assert truth.name == "digits:10-classes@N=100"
    assert task.num_classes == 10
    assert np.bincount(truth.train_labels).tolist() == [10] * 10
    assert np.bincount(truth.test_labels).tolist() == [6] * 10


def test_pairs_are_drawn_once_and_more_of_them_hold_the_fewer():
    card, data = load_card("mnist"), load_protocol("v1").content.data
    names = [each.name for each in labellings_of(card, TaskWanted(dataset="mnist"), data)]
    assert len(names) == len(set(names)) == 5
    three = labellings_of(card, TaskWanted(dataset="mnist", pairs=3), data)
    assert [each.name for each in three] == names[:3]
    every = labellings_of(card, TaskWanted(dataset="mnist", pairs=99), data)
    assert len({each.name for each in every}) == 45


@pytest.mark.parametrize("dataset", sorted(all_cards()))
def test_every_card_has_labels_or_nothing_to_predict(dataset):
    card, data = load_card(dataset), load_protocol("v1").content.data
    found = labellings_of(card, TaskWanted(dataset=dataset), data)
    assert bool(found) == (len(card.classes) > 1)
    for labelling in found:
        assert len(labelling.classes) == len(labelling.members) > 1
        assert all(0 <= label < len(card.classes) for members in labelling.members for label in members)


def test_labels_of_the_table_name_the_classes_that_the_cards_have():
    assert [load_card("brain-tumor-mri-224").classes[label] for label in (0, 1, 2, 3)] == [
        *("glioma", "meningioma", "notumor", "pituitary"),
    ]
    against, kinds = OTHERS["brain-tumor-mri-224"]
    assert against.groups["no tumour"] == (2,)
    assert kinds.groups == {
        name: (load_card("brain-tumor-mri-224").classes.index(name),) for name in ("glioma", "meningioma", "pituitary")
    }


def test_a_finding_is_against_images_without_any():
    card, data = load_card("chestmnist"), load_protocol("v1").content.data
    [default] = labellings_of(card, TaskWanted(dataset="chestmnist"), data)
    [mass] = labellings_of(card, TaskWanted(dataset="chestmnist", labels="mass"), data)
    assert (default.name, mass.classes) == ("effusion", ("no finding", "mass"))
    labels = np.zeros((4, 14), dtype=np.int64)
    labels[1, card.classes.index("mass")] = 1
    labels[2, [card.classes.index("mass"), 0]] = 1
    labels[3, 0] = 1
    assert mass.targets(labels).tolist() == [0, 1, 1, -1]


def test_grades_are_none_against_any():
    card, data = load_card("retinamnist"), load_protocol("v1").content.data
    [labelling] = labellings_of(card, TaskWanted(dataset="retinamnist"), data)
    assert labelling.targets(np.arange(5)).tolist() == [0, 1, 1, 1, 1]


@pytest.mark.data
def test_no_patient_of_nih_is_on_two_sides(data_root, tmp_path):
    card, data = load_card("nih-chest-xray-224"), load_protocol("v1").content.data
    [(task, truth), *_], left_out = build(
        tmp_path, {"dataset": card.id}, protocol="v1", **{"data.largest": 32, "data.size": "native"}
    )
    assert (truth.groups, truth.in_both, truth.duplicates) == (681, 0, 1)
    assert len(left_out) == 5
    split = prepared(card, "train")
    small = load_protocol("v1", {"data.largest": 32, "data.size": "native"}).content.data
    [labelling] = labellings_of(card, TaskWanted(dataset=card.id), data)
    pool = collect(pool_views(card, labelling, small), labelling)
    patient = {image.tobytes(): group for image, group in zip(pool.pixels, pool.groups.tolist(), strict=True)}
    given = arrays(task)
    sides = [{patient[image.tobytes()] for image in given[side]} for side in ("train", "validation", "test")]
    assert sum(len(side) for side in sides) == len(set.union(*sides))
    both = {g for g in np.unique(split.groups) if len(np.unique(split.labels[split.groups == g])) == 2}
    assert len(both) == 21
    # By image, as published, patients are on both sides, and that is said.
    [(_, by_image), *_], _ = build(
        tmp_path,
        {"dataset": card.id},
        protocol="v1",
        **{"data.largest": 32, "data.size": "native", "data.split": "image"},
    )
    assert by_image.in_both > 50


@pytest.mark.data
def test_no_copy_of_a_brain_is_on_two_sides(data_root, tmp_path):
    wanted = [{"dataset": "brain-tumor-mri-224"}, {"dataset": "brain-tumor-mri-224", "labels": "kind-of-tumour"}]
    found, left_out = build(tmp_path, *wanted)
    assert left_out == []
    assert [(truth.name, truth.duplicates) for _, truth in found] == [
        ("brain-tumor-mri-224:tumour-against-none@N=500", 293),
        ("brain-tumor-mri-224:0-3@N=500", 8),
        ("brain-tumor-mri-224:0-1@N=500", 113),
        ("brain-tumor-mri-224:1-3@N=500", 119),
    ]
    for task, _ in found:
        given = arrays(task)
        images = np.concatenate([given["train"], given["validation"], given["test"]])
        assert len(rows_of(images)) == len(images)
    kept, _ = build(tmp_path, wanted[0], **{"data.copies": "kept"})
    given = arrays(kept[0][0])
    assert rows_of(given["train"]) & rows_of(given["test"])


@pytest.mark.data
def test_small_and_unbalanced_sets_are_used_as_they_are_and_say_so(data_root, tmp_path):
    [(task, truth)], _ = build(tmp_path, {"dataset": "breastmnist"})
    assert truth.name == "breastmnist@N=500"
    assert (task.train, task.validation, task.test, task.image_size) == (500, 78, 155, 28)
    assert np.bincount(truth.test_labels).tolist() == [42, 113]
    assert np.bincount(truth.train_labels).tolist() == [146, 354]
    assert truth.duplicates == 2  # two identical images, one malignant and one not: neither is used
    assert truth.notes == (
        "155 test images, not 500: there are no more",
        "78 validation images, not 200: there are no more",
        "train images of the classes: 146, 354",
        "test images of the classes: 42, 113",
    )


@pytest.mark.data
def test_test_images_are_those_of_the_official_test(data_root, tmp_path):
    [(task, truth)], _ = build(tmp_path, {"dataset": "mnist", "labels": "3-8"})
    official = prepared(load_card("mnist"), "test")
    threes_and_eights = np.isin(official.labels, [3, 8])
    assert rows_of(arrays(task)["test"]) <= rows_of(official.pixels[threes_and_eights])
    assert np.bincount(truth.test_labels).tolist() == [250, 250]
    assert rows_of(arrays(task)["train"]).isdisjoint(rows_of(official.pixels))


@pytest.mark.data
def test_labels_as_published_are_partly_wrong(data_root, tmp_path):
    """Switched on to compare: the first 2,500 images of two digits, some with the label of another image."""
    switch = {"data.labels": "truncated", "data.nested": False, "data.split": "image", "data.copies": "kept"}
    [(task, truth)], _ = build(
        tmp_path,
        {"dataset": "mnist", "labels": "1-5", "train": [1750]},
        protocol="konz2024",
        **(switch | {"data.size": "native", "data.scaling": "none"}),
    )
    split = prepared(load_card("mnist"), "train")
    of_pair = np.flatnonzero(np.isin(split.labels, [1, 5]))
    first = rows_of(split.pixels[of_pair[:2500]])
    known = {
        image.tobytes(): [1, 5].index(int(label))
        for image, label in zip(split.pixels[of_pair], split.labels[of_pair], strict=True)
    }
    given = arrays(task)
    assert (len(given["train"]), len(given["test"])) == (1750, 750)
    assert rows_of(given["train"]) | rows_of(given["test"]) <= first
    wrong = sum(
        known[image.tobytes()] != label
        for side, labels in (("train", truth.train_labels), ("test", truth.test_labels))
        for image, label in zip(given[side], labels.tolist(), strict=True)
    )
    assert wrong > 0
    assert f"{wrong} images carry the label of another, as in the published code" in truth.notes
    right = [known[image.tobytes()] for image in given["validation"]]
    assert right == truth.validation_labels.tolist()
    assert rows_of(given["validation"]).isdisjoint(first)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a set of one's own: a card of two classes that names no task, and random images in an .npz."""
    for name in ("datasets", "data", "cache"):
        monkeypatch.setenv(f"MANIFOLDBENCH_{name.upper()}", str(tmp_path / name))

    def write(split="train", **arrays):
        (tmp_path / "datasets" / "own").mkdir(parents=True)
        (tmp_path / "data").mkdir()
        (tmp_path / "datasets" / "own" / "dataset.toml").write_text(
            'id = "own"\nname = "Own"\ndomain = "radiology"\nmodality = "none"\nloader = "images"\nsource = "none"\n'
            'licence = "none"\ncitation = "none"\nchannels = 1\nclasses = ["no", "yes"]\nsizes = [28]\n'
            f'splits = {{ {split} = 300 }}\noptions = {{ path = "own.npz" }}\n'
        )
        pixels = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8)
        np.savez(tmp_path / "data" / "own.npz", images=pixels, **arrays)
        return build(tmp_path / "built", {"dataset": "own"}, **(DIGITS | {"data.train": [100]}))

    return write


def test_classes_of_a_card_without_tasks_are_predicted(own):
    [(task, truth)], left_out = own(labels=np.arange(300) % 2)
    assert (truth.name, truth.classes, task.train, left_out) == ("own@N=100", ("no", "yes"), 100, [])


@pytest.mark.parametrize(
    ("split", "labels"), [("train", {}), ("everything", {"labels": np.arange(300) % 2})], ids=["no labels", "no split"]
)
def test_a_set_without_labelled_images_to_train_on_is_left_out(own, split, labels):
    found, left_out = own(split, **labels)
    assert found == []
    assert [each.reason for each in left_out] == [
        "own: no images with the labels no and yes in a split named train, val or test."
    ]
