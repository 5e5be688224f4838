"""Division into sides: what must hold for every dataset, whatever its labels, patients and copies."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmark.training.splits import (
    LEAST_SHARE,
    TEST,
    TRAIN,
    VALIDATION,
    Sizes,
    divide,
    divide_as_published,
    round_robin,
    without_copies,
)


@st.composite
def datasets(draw):
    """Labels, patients, copies and parts of 60 to 400 images, and sizes that they may or may not have images for."""
    classes = draw(st.integers(2, 4))
    n = draw(st.integers(60, 400))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shares = rng.dirichlet(np.full(classes, draw(st.sampled_from([0.5, 3.0, 100.0]))))
    labels = rng.choice(classes, size=n, p=shares)
    patients = rng.integers(max(1, n // draw(st.integers(1, 6))), size=n) if draw(st.booleans()) else None
    copies = rng.integers(n, size=n) if draw(st.booleans()) else None
    parts = rng.choice(3, size=n, p=draw(st.sampled_from([(1, 0, 0), (0.7, 0, 0.3), (0.6, 0.2, 0.2)])))
    test = draw(st.integers(classes, 60))
    validation = draw(st.integers(classes, 30))
    sizes = Sizes(
        train=tuple(sorted(draw(st.sets(st.integers(classes, 150), min_size=1, max_size=3)))),
        test=test,
        least_test=draw(st.integers(classes, test)),
        validation=validation,
        least_validation=draw(st.integers(classes, validation)),
        balance=draw(st.sampled_from(["exactly", "nearest"])),
    )
    return labels, classes, patients, copies, parts, sizes


@given(datasets(), st.integers(0, 5))
@settings(deadline=None, max_examples=300)
def test_what_holds_for_every_division(dataset, seed):
    labels, classes, patients, copies, parts, sizes = dataset
    division = divide(labels, classes, patients, copies, parts, sizes, seed)
    sides = (division.train, division.validation, division.test)
    everything = np.concatenate(sides)
    assert len(np.unique(everything)) == len(everything)
    for of in (patients, copies):
        if of is not None:
            owners = [set(of[side].tolist()) for side in sides]
            assert owners[0].isdisjoint(owners[1] | owners[2])
            assert owners[1].isdisjoint(owners[2])
    if copies is not None:
        assert len(np.unique(copies[everything])) == len(everything)
    assert set(division.fitting) | set(division.reasons) == set(sizes.train)
    assert set(division.fitting).isdisjoint(division.reasons)
    if division.fitting:
        assert sizes.least_test <= len(division.test) <= sizes.test
        assert sizes.least_validation <= len(division.validation) <= sizes.validation
    for n in division.fitting:
        counts = np.bincount(labels[division.train[:n]], minlength=classes)
        assert counts.sum() == n
        assert counts.min() >= (n // classes if sizes.balance == "exactly" else n / classes / LEAST_SHARE)
        if sizes.balance == "exactly":
            assert counts.max() - counts.min() <= 1
    if not division.pooled:
        assert (parts[division.test] == TEST).all()
        assert (parts[division.train] != TEST).all()
        assert (parts[division.validation] != TEST).all()


@given(datasets())
@settings(deadline=None, max_examples=100)
def test_the_test_images_are_the_same_whatever_larger_training_sets_are_asked_for(dataset):
    labels, classes, patients, copies, parts, sizes = dataset
    assume(len(sizes.train) > 1)
    whole = divide(labels, classes, patients, copies, parts, sizes, seed=1)
    fewer = Sizes(
        sizes.train[:-1], sizes.test, sizes.least_test, sizes.validation, sizes.least_validation, sizes.balance
    )
    less = divide(labels, classes, patients, copies, parts, fewer, seed=1)
    np.testing.assert_array_equal(less.test, whole.test)
    np.testing.assert_array_equal(less.validation, whole.validation)
    np.testing.assert_array_equal(less.train, whole.train[: len(less.train)])


def sizes(train=(20, 40), test=20, least_test=20, validation=10, least_validation=10, balance="exactly"):
    return Sizes(train, test, least_test, validation, least_validation, balance)


def test_a_division_is_that_of_its_seed():
    labels, parts = np.tile([0, 1], 100), np.zeros(200, dtype=np.int64)
    first = divide(labels, 2, None, None, parts, sizes(), seed=1)
    again = divide(labels, 2, None, None, parts, sizes(), seed=1)
    other = divide(labels, 2, None, None, parts, sizes(), seed=2)
    np.testing.assert_array_equal(first.train, again.train)
    np.testing.assert_array_equal(first.test, again.test)
    assert set(first.test.tolist()) != set(other.test.tolist())


def test_a_patient_of_both_classes_stays_whole():
    """Twenty patients with two images of either class: 10 validation images cannot be had of whole ones, 8 can."""
    labels, patients = np.tile([0, 1], 40), np.repeat(np.arange(20), 4)
    wanted = sizes((20, 40, 60), least_validation=8)
    division = divide(labels, 2, patients, None, np.zeros(80, dtype=np.int64), wanted, seed=0)
    assert (len(division.test), len(division.validation), division.fitting) == (20, 8, (20, 40))
    on = [set(patients[side].tolist()) for side in (division.train, division.validation, division.test)]
    assert [len(each) for each in on] == [13, 2, 5]
    assert len(set.union(*on)) == 20


def test_own_parts_are_used_where_they_are_large_enough():
    parts = np.repeat([TRAIN, VALIDATION, TEST], [100, 30, 40])
    labels = np.tile([0, 1], 85)
    division = divide(labels, 2, None, None, parts, sizes(), seed=0)
    assert not division.pooled
    for side, part in ((division.train, TRAIN), (division.validation, VALIDATION), (division.test, TEST)):
        assert set(parts[side].tolist()) == {part}
    assert (len(division.train), len(division.validation), len(division.test)) == (40, 10, 20)


def test_a_validation_part_that_is_too_small_joins_the_training_part():
    parts = np.repeat([TRAIN, VALIDATION, TEST], [100, 4, 40])
    labels = np.tile([0, 1], 72)
    division = divide(labels, 2, None, None, parts, sizes(train=(94,)), seed=0)
    assert len(division.validation) == 10
    assert division.fitting == (94,)
    assert set(parts[division.train].tolist()) | set(parts[division.validation].tolist()) == {TRAIN, VALIDATION}


def test_a_test_part_that_is_too_small_makes_one_pool_of_all():
    parts = np.repeat([TRAIN, TEST], [80, 10])
    labels = np.tile([0, 1], 45)
    division = divide(labels, 2, None, None, parts, sizes(), seed=0)
    assert division.pooled
    assert set(parts[division.test].tolist()) == {TRAIN, TEST}
    assert division.fitting == (20, 40)


def test_what_there_is_is_shared_beside_the_smallest_training_set():
    """100 images: 40 for training, and 60 shared 2 : 1 as test and validation are wanted."""
    labels, parts = np.tile([0, 1], 50), np.zeros(100, dtype=np.int64)
    division = divide(labels, 2, None, None, parts, sizes((40, 60), 200, 10, 100, 10), seed=0)
    assert (len(division.test), len(division.validation), division.fitting) == (40, 20, (40,))
    assert division.reasons == {
        60: "N = 60 needs 30 images of each class, and beside validation and test there are 20 and 20 of the classes"
    }


def test_a_class_that_is_short_is_not_made_up_by_another_where_balance_is_exact():
    """One image of each class is there for 6 of 4 classes, but not the second of two classes."""
    labels = np.repeat([0, 1, 2, 3], [3, 3, 3, 12])
    division = divide(labels, 4, None, None, np.zeros(21, dtype=int), sizes((4, 6), 4, 4, 4, 4), seed=0)
    assert division.fitting == (4,)
    assert division.reasons == {
        6: "N = 6 needs 1 or 2 images of each class, and beside validation and test there are 1 and 1 and 1 and 3 "
        "of the classes"
    }


def test_too_few_images_are_a_reason_and_never_a_smaller_set():
    labels = np.repeat([0, 1], [12, 200])
    parts = np.zeros(212, dtype=np.int64)
    exact = divide(labels, 2, None, None, parts, sizes(), seed=0)
    assert exact.fitting == ()
    assert "the validation needs 10 images" in exact.reasons[20]
    with_few = divide(np.repeat([0, 1], [100, 0]), 2, None, None, np.zeros(100, dtype=np.int64), sizes(), seed=0)
    assert with_few.fitting == ()


def test_a_rare_class_gives_all_it_has_where_the_nearest_balance_is_asked_for():
    """147 and 399 as in BreastMNIST, test 42 and 114: N = 500 takes 147 and 353."""
    labels = np.concatenate([np.repeat([0, 1], [147, 399]), np.repeat([0, 1], [42, 114])])
    parts = np.repeat([TRAIN, TEST], [546, 156])
    division = divide(labels, 2, None, None, parts, sizes((450,), 500, 100, 40, 40, "nearest"), seed=0)
    assert np.bincount(labels[division.test]).tolist() == [42, 114]
    assert np.bincount(labels[division.validation]).tolist() == [20, 20]
    assert np.bincount(labels[division.train]).tolist() == [127, 323]


def test_a_balanced_test_is_preferred_to_a_larger_one():
    labels = np.concatenate([np.tile([0, 1], 100), np.repeat([0, 1], [234, 390])])
    parts = np.repeat([TRAIN, TEST], [200, 624])
    division = divide(labels, 2, None, None, parts, sizes((20,), 500, 100, 10, 10, "nearest"), seed=0)
    assert np.bincount(labels[division.test]).tolist() == [234, 234]


def test_the_place_of_a_test_image_tells_nothing_of_its_class():
    labels, parts = np.tile([0, 1], 500), np.zeros(1000, dtype=np.int64)
    division = divide(labels, 2, None, None, parts, sizes((20,), 400, 400, 200, 200), seed=0)
    for side in (division.test, division.validation):
        ordered = labels[side]
        changes = np.mean(ordered[1:] != ordered[:-1])
        assert 0.35 < changes < 0.65


def test_of_copies_one_stays_that_of_the_test_and_none_of_two_labels():
    labels = np.array([0, 0, 1, 1, 0, 1])
    copies = np.array([7, 7, 8, 8, 9, 9])
    parts = np.array([TRAIN, TEST, TRAIN, TRAIN, TRAIN, TEST])
    assert without_copies(labels, copies, parts).tolist() == [False, True, True, False, False, False]
    assert without_copies(labels, None, parts).all()


def test_prefixes_take_turns_until_a_class_has_no_more():
    labels = np.array([0, 0, 0, 1, 1, 2])
    rows = np.array([2, 0, 1, 4, 3, 5])
    assert round_robin(labels, rows, 3).tolist() == [2, 4, 5, 0, 3, 1]


def test_labels_as_published_are_shifted_behind_the_first_image_that_is_passed_over():
    """Files 0 0 0 1 0 1 1 1 for N + test = 6: labels are cut to 0 0 0 1 1 1, the images are the first six."""
    labels = np.array([0, 0, 0, 1, 0, 1, 1, 1] + [0, 1] * 4)
    division, paired = divide_as_published(labels, np.zeros(16, dtype=np.int64), n=4, test=2, validation=4, seed=0)
    assert paired[:6].tolist() == [0, 0, 0, 1, 1, 1]
    assert np.flatnonzero(paired != labels).tolist() == [4]
    assert sorted(np.concatenate([division.train, division.test]).tolist()) == [0, 1, 2, 3, 4, 5]
    assert (len(division.train), len(division.test)) == (4, 2)
    assert np.bincount(labels[division.validation]).tolist() == [2, 2]
    assert division.validation.min() >= 6
    short, _ = divide_as_published(labels, np.zeros(16, dtype=np.int64), n=40, test=2, validation=4, seed=0)
    assert "N = 40 needs 21 images of each class" in short.reasons[40]


@pytest.mark.parametrize("balance", ["exactly", "nearest"])
def test_many_classes_differ_by_one_at_most(balance):
    labels, parts = np.arange(900) % 3, np.zeros(900, dtype=np.int64)
    division = divide(labels, 3, None, None, parts, sizes((500,), 100, 100, 50, 50, balance), seed=0)
    for side in (division.train, division.validation, division.test):
        counts = np.bincount(labels[side])
        assert counts.max() - counts.min() <= 1
