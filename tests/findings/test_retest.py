"""All claims on results that are made up: the verdicts, what they stand on, and what changes them."""

import math

import pytest

import made_up_results as made_up
from benchmark.findings.claims import CLAIMS
from benchmark.findings.fits import Effect
from benchmark.findings.judging import judge
from benchmark.findings.sharpness import SuiteSharpness, TaskSharpness
from benchmark.findings.summary import changes, count, plain
from benchmark.findings.trainings import BEST, MEAN
from benchmark.results import write_versioned
from benchmark.training.results import write_training_result


def one(retest, claim, domain="", estimator="good"):
    """The finding of an estimator in the plain setting."""
    (found,) = [
        f
        for f in plain(retest.of(claim))
        if f.setting.domain == domain and (not f.setting.measuring or f.setting.measuring.estimator == estimator)
    ]
    return found


@pytest.fixture
def root(tmp_path):
    """One good estimator; one that turns everything round; a control."""
    made_up.write_estimator(tmp_path, "good")
    made_up.write_estimator(tmp_path, "bad", {name: 40 - value for name, value in made_up.DIMENSIONS.items()})
    made_up.write_estimator(tmp_path, "constant", dict.fromkeys(made_up.DIMENSIONS, 10.0))
    return tmp_path


@pytest.mark.parametrize(
    ("effect", "sign", "verdict"),
    [
        (Effect(2.0, 1.0, 3.0), 1, "holds"),
        (Effect(2.0, -1.0, 5.0), 1, "holds, interval includes zero"),
        (Effect(2.0, 0.0, 5.0), 1, "holds, interval includes zero"),
        (Effect(2.0, -math.inf, math.inf), 1, "holds, interval includes zero"),
        (Effect(-2.0, -5.0, 1.0), 1, "does not hold"),
        (Effect(-2.0, -5.0, -1.0), -1, "holds"),
        (Effect(0.0, -1.0, 1.0), 1, "does not hold"),
        (Effect(math.nan, math.nan, math.nan), 1, "does not hold"),
    ],
)
def test_a_verdict_is_read_off_sign_and_interval(effect, sign, verdict):
    assert judge(effect, sign) == verdict


def test_without_models_the_first_claim_is_tested_and_no_other(root, load):
    retest = load(root)
    assert retest.estimators == ("bad", "good")  # the control is left out
    found = one(retest, "natural-higher")
    assert found.verdict == "holds"
    assert found.datasets == 11
    assert found.numbers["median_natural"] == 27.0
    assert found.numbers["p"] == pytest.approx(2 / 462)
    assert one(retest, "natural-higher", estimator="bad").verdict == "does not hold"
    counts = count(plain(retest.of("natural-higher")))
    assert (counts.holds, counts.does_not_hold, counts.reversed, counts.including_zero) == (1, 1, 1, 0)
    for claim in CLAIMS:
        if claim != "natural-higher":
            assert {finding.verdict for finding in retest.of(claim)} == {"not enough datasets"}
            assert {finding.datasets for finding in retest.of(claim)} == {0}


def test_two_datasets_of_a_domain_are_not_enough(tmp_path, load):
    made_up.write_estimator(tmp_path, "good", {name: made_up.DIMENSIONS[name] for name in [*made_up.DIMENSIONS][3:]})
    found = one(load(tmp_path), "natural-higher")
    assert (found.verdict, found.datasets) == ("not enough datasets", 2)


def test_a_dataset_that_failed_is_left_out_and_counted(tmp_path, load):
    made_up.write_estimator(tmp_path, "good", made_up.DIMENSIONS | {"natural-0": None})
    assert one(load(tmp_path), "natural-higher").datasets == 10


def test_accuracy_falls_as_it_was_made_to(root, load):
    made_up.write_trainings(root)
    retest = load(root)
    radiology, natural = (one(retest, "accuracy-falls", domain) for domain in ("radiology", "natural"))
    assert radiology.verdict == natural.verdict == "holds"
    assert (radiology.effect.value, natural.effect.value) == pytest.approx((-2.0, -0.5))
    assert radiology.numbers["r2"] == pytest.approx(1.0)
    assert (radiology.datasets, natural.datasets) == (6, 5)
    steeper = one(retest, "steeper-for-radiology")
    assert steeper.verdict == "holds"
    assert steeper.effect.value == pytest.approx(-1.5)
    assert one(retest, "accuracy-falls", "radiology", "bad").verdict == "does not hold"
    assert one(retest, "loss-rises", "natural").effect.value == pytest.approx(0.05)
    assert radiology.setting.model == MEAN


def test_mean_and_best_are_of_the_models_that_the_protocol_trained(root, load):
    made_up.write_trainings(root)
    for dataset in made_up.DOMAINS:
        write_training_result(root, made_up.training(dataset, "apart-50", apart="pretrained"))
        write_training_result(root, made_up.training(dataset, "majority"))
    write_training_result(root, made_up.training("natural-0", "half-done-50"))
    trainings = {training.model: training for training in load(root).trainings}
    assert set(trainings) == {MEAN, BEST, "net-0", "net-2", "half-done-50"}
    expected = made_up.accuracy("natural-0")
    assert trainings[MEAN].accuracy["natural-0"] == pytest.approx(expected + 1)  # of net-0 and net-2
    assert trainings[BEST].accuracy["natural-0"] == pytest.approx(expected + 2 + 1)  # highest over epochs
    assert trainings[MEAN].models == 2


def test_pairs_of_classes_are_averaged_and_many_classes_left_out(root, load):
    made_up.write_trainings(root)
    low = made_up.training("natural-0", "net-0", task="natural-0:1-2@N=500")
    scores = low.runs[0].scores | {"accuracy": 50.0}
    low = low.model_copy(update={"runs": [low.runs[0].model_copy(update={"scores": scores})]})
    write_training_result(root, low)
    ten = made_up.training("natural-1", "net-0", task="natural-1:whole@N=500", classes=[str(i) for i in range(10)])
    write_training_result(root, ten)
    (own,) = [training for training in load(root).trainings if training.model == "net-0"]
    assert own.accuracy["natural-0"] == pytest.approx((made_up.accuracy("natural-0") + 50) / 2)
    assert own.accuracy["natural-1"] == pytest.approx(made_up.accuracy("natural-1"))


def test_several_n_give_the_plane_and_the_scaling_law(root, load):
    made_up.write_trainings(root, sizes=(500, 1000, 2000))
    retest = load(root)
    found = one(retest, "plane", "radiology")
    assert found.verdict == "holds"
    assert (found.effect.value, found.numbers["log_n"]) == pytest.approx((-2.0, 3 / math.log(2)))
    law = one(retest, "scaling-law")
    mean = sum(1 / value for value in made_up.DIMENSIONS.values()) / 11
    assert (law.numbers["slope"], law.numbers["law"]) == pytest.approx((-1.5 * mean, -mean))
    assert law.verdict == "holds"
    assert law.numbers["rank_correlation"] == pytest.approx(1.0)
    assert one(retest, "accuracy-falls", "radiology").setting.train == 2000


def test_one_n_gives_neither(root, load):
    made_up.write_trainings(root)
    retest = load(root)
    assert one(retest, "plane", "radiology").verdict == "not enough datasets"
    assert one(retest, "scaling-law").verdict == "not enough datasets"


def test_another_suites_models_meet_these_dimensions(root, load):
    """Where they have more numbers of training images; what can be tested without them is not taken from them."""
    made_up.write_trainings(root)
    title = "mini (data.train = [50, 100, 200])"
    for dataset in made_up.DOMAINS:
        for train in (50, 100, 200):
            task = f"{dataset}@N={train}"
            result = made_up.training(
                dataset, "net-0", train, task=task, suite="learning-curves", protocol=title, protocol_sha256="e" * 64
            )
            write_training_result(root, result)
        write_training_result(root, made_up.training(dataset, "net-0", suite="elsewhere", protocol="other"))
    retest = load(root)
    assert set(retest.protocols) == {"mini", title}
    plane, law = one(retest, "plane", "radiology"), one(retest, "scaling-law")
    assert (plane.verdict, plane.setting.protocol) == ("holds", title)
    assert (law.verdict, law.setting.protocol) == ("holds", title)
    falls = one(retest, "accuracy-falls", "radiology")
    assert (falls.setting.protocol, falls.setting.train) == ("mini", 500)
    found = [
        change.setting for change in changes(retest.of("accuracy-falls"), "radiology") if change.axis == "Protocol"
    ]
    assert found == [f"{title}, N = {train}" for train in (50, 100, 200)]


def test_changes_say_what_turns_a_verdict_round(tmp_path, load):
    made_up.write_estimator(tmp_path, "mle-k20", neighbors=20)
    down = {n: v / 10 if n.startswith("natural") else v for n, v in made_up.DIMENSIONS.items()}
    made_up.write_estimator(tmp_path, "mle-k5", down, neighbors=5)
    made_up.write_estimator(tmp_path, "papers", neighbors=3, correction=2.0)
    found = {change.setting: change for change in changes(load(tmp_path).of("natural-higher"))}
    k = found["mle, k = 5 instead of 20"]
    assert (k.axis, k.compared, k.changed, k.turned) == ("k", 1, 1, 1)
    raw = found["raw, with its known constant factor"]
    assert (raw.counts.all, raw.changed) == (1, 0)  # one estimator has a factor, and a factor changes no order
    assert found["half the resolution"].counts.all == 3
    assert found["half as many images"].changed == 0


def test_one_thing_is_changed_at_a_time(root, load):
    made_up.write_trainings(root, sizes=(500, 1000))
    axes = {(change.axis, change.setting) for change in changes(load(root).of("accuracy-falls"), "radiology")}
    assert ("N", "500 training images") in axes
    assert ("Model", "net-2") in axes
    assert ("Model", BEST) in axes
    assert len([axis for axis, _ in axes if axis == "Images"]) == 3


def test_protocols_are_never_mixed(root, load):
    made_up.write_trainings(root)
    for dataset in made_up.DOMAINS:
        other = made_up.training(
            dataset, "net-0", protocol="v1 training.epochs=3", protocol_sha256="e" * 64, task=f"{dataset}@v1"
        )
        write_training_result(root, other)
    retest = load(root)
    assert set(retest.protocols) == {"mini", "v1 training.epochs=3"}
    assert {training.protocol for training in load(root, "v1").trainings} == {"v1 training.epochs=3"}
    settings = [change.setting for change in changes(retest.of("steeper-for-radiology")) if change.axis == "Protocol"]
    assert settings == ["v1 training.epochs=3, N = 500"]


def sharpness(sign=1.0, **changed):
    """Label sharpness that goes with the dimension, and so with the loss gained under attack."""
    return SuiteSharpness(
        suite=made_up.SUITE,
        tasks=[
            TaskSharpness(
                **(
                    {
                        "protocol": "mini",
                        "protocol_sha256": "c" * 64,
                        "task": f"{name}@N=500",
                        "files_sha256": "0" * 64,
                        "dataset": name,
                        "domain": domain,
                        "train": 500,
                        "pairs": 124750,
                        "differing": 62500,
                        "infinite": 0,
                        "image_size": 28,
                        "channels": 1,
                        "maximum": 1e-4 * made_up.DIMENSIONS[name] ** sign,
                        "quantile_99": 1e-5,
                        "nearest_50": None,
                    }
                    | changed
                )
            )
            for name, domain in made_up.DOMAINS.items()
        ],
    )


def test_label_sharpness_meets_robustness(root, load):
    made_up.write_trainings(root)
    write_versioned(root / "sharpness" / "standard.json", sharpness())
    retest = load(root)
    found = one(retest, "sharpness-robustness")
    assert (found.verdict, found.effect.value, found.datasets) == ("holds", pytest.approx(1.0), 11)
    assert one(retest, "sharper-radiology").verdict == "does not hold"
    other = {f.setting.statistic: f.verdict for f in retest.of("sharpness-robustness") if f.setting.model == MEAN}
    assert other["quantile_99"] == "does not hold"  # the same for all: it orders nothing
    assert other["nearest_50"] == "not enough datasets"
    write_versioned(root / "sharpness" / "standard.json", sharpness(-1.0))
    assert one(load(root), "sharper-radiology").verdict == "holds"
    assert one(load(root), "sharpness-robustness").verdict == "does not hold"


def test_label_sharpness_of_an_older_protocol_counts_nothing(root, load):
    made_up.write_trainings(root)
    write_versioned(root / "sharpness" / "standard.json", sharpness(protocol_sha256="9" * 64))
    assert one(load(root), "sharpness-robustness").verdict == "not enough datasets"


def test_a_protocol_that_attacks_nothing_leaves_robustness_untested(root, load):
    for dataset in made_up.DOMAINS:
        whole = made_up.training(dataset, "net-0")
        scores = {name: value for name, value in whole.runs[0].scores.items() if not name.startswith("fgsm")}
        own = whole.model_copy(update={"runs": [whole.runs[0].model_copy(update={"scores": scores})]})
        write_training_result(root, own)
    retest = load(root)
    assert one(retest, "accuracy-falls", "natural").verdict == "holds"
    assert one(retest, "sharpness-robustness").verdict == "not enough datasets"
