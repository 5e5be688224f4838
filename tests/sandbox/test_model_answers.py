"""The judgement of a training: bytes in, verdict out; no process is needed."""

import base64
import json

import numpy as np
import pytest

from benchmark.errors import InfrastructureError
from benchmark.sandbox.answers import ended, validate
from benchmark.sandbox.engine import Limits, Program
from benchmark.sandbox.model_answers import FORGED, ModelQuestion
from benchmark.sandbox.samples import TRAINING, question_of, write_training

QUESTION = ModelQuestion(
    train=3,
    validation=2,
    test=4,
    classes=2,
    image=(5, 5, 1),
    epochs=(1, 3),
    attacks=("fgsm",),
    represented=3,
    file="model.py",
)
LIMITS = Limits(answer_bytes=1 << 16)


def array(*shape, fill=None):
    numbers = np.arange(np.prod(shape), dtype="<f4") if fill is None else np.full(np.prod(shape), fill, "<f4")
    return {"float32": base64.b64encode(numbers.tobytes()).decode(), "shape": list(shape)}


GOOD = {
    "epochs": [1, 3],
    "test": array(2, 4, 2),
    "validation": array(2, 2, 2),
    "train": array(3, 2),
    "losses": [0.7, 0.5, 0.25],
    "attacked": {"fgsm": array(2, 2)},
    "representations": {"layer1": array(3, 2), "logits": array(3, 1)},
    "parameters": 7,
    "steps": 6,
    "images": 9,
    "seconds": 1.5,
    "model_seconds": 1.0,
}


def judge(**changed):
    content = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return validate(json.dumps(content).encode(), QUESTION, LIMITS)


def test_a_good_answer():
    verdict = judge()
    assert (verdict.status, verdict.reason) == ("ok", "")
    trained = verdict.trained
    assert trained.epochs == (1, 3)
    assert trained.losses == (0.7, 0.5, 0.25)
    np.testing.assert_array_equal(trained.test, np.arange(16, dtype=np.float32).reshape(2, 4, 2))
    np.testing.assert_array_equal(trained.train, [[0, 1], [2, 3], [4, 5]])
    assert list(trained.attacked) == ["fgsm"]
    assert {name: points.shape for name, points in trained.representations.items()} == {
        "layer1": (3, 2),
        "logits": (3, 1),
    }
    assert (trained.parameters, trained.steps, trained.images) == (7, 6, 9)
    assert (trained.seconds, trained.model_seconds) == (1.5, 1.0)


@pytest.mark.parametrize(
    "changed",
    [
        {"epochs": [1, 2]},
        {"epochs": None},
        {"test": array(2, 4, 3)},
        {"test": array(1, 4, 2)},
        {"test": array(2, 4, 2) | {"shape": [2, 2, 4]}},
        {"test": array(2, 4, 2) | {"float32": "AAAA"}},
        {"test": array(2, 4, 2) | {"float32": "no base64"}},
        {"test": array(2, 4, 2) | {"float32": 3}},
        {"test": [[0.0, 1.0]]},
        {"train": array(4, 2)},
        {"losses": [0.7, 0.5]},
        {"losses": [0.7, 0.5, float("nan")]},
        {"losses": ["0.7", 0.5, 0.1]},
        {"attacked": {}},
        {"attacked": {"fgsm": array(2, 2), "pgd": array(2, 2)}},
        {"representations": {}},
        {"representations": {"layer1": array(3, 3)}},
        {"representations": {"layer1": array(2, 1)}},
        {"representations": {"layer1": {"shape": ["x"], "float32": ""}}},
        {"parameters": -1},
        {"steps": True},
        {"images": 1.5},
        {"seconds": -1.0},
        {"model_seconds": float("inf")},
        {"dimension": 3.0},
        {"model_error": {"status": "ok", "message": "x"}},
        {"model_error": {"status": "refused"}},
        {"model_error": "refused"},
    ],
)
def test_what_the_worker_would_not_have_written_is_refused(changed):
    verdict = judge(**changed)
    assert verdict.status == "refused"
    assert verdict.trained is None


@pytest.mark.parametrize(("fill", "spelled"), [(np.nan, "nan"), (np.inf, "inf")])
def test_outputs_must_be_finite(fill, spelled):
    verdict = judge(test=array(2, 4, 2, fill=fill))
    assert verdict.status == "invalid"
    assert verdict.reason == f"the outputs of the test images hold numbers that are not finite: {spelled}"


def test_the_trainers_own_sentence_is_the_reason():
    answer = {"model_error": {"status": "refused", "message": "the model has 3\nparameters too many"}}
    verdict = validate(json.dumps(answer).encode(), QUESTION, LIMITS)
    assert (verdict.status, verdict.reason) == ("refused", "the model has 3 parameters too many")


def test_an_exception_and_a_limit_are_told_as_for_estimators():
    error = {"stage": "building", "type": "ValueError", "message": "no", "line": 3, "memory": False}
    verdict = validate(json.dumps({"error": error}).encode(), QUESTION, LIMITS)
    assert (verdict.status, verdict.reason) == ("failed", "building raised ValueError: no (model.py, line 3)")
    verdict = ended("wall_seconds", 0, QUESTION, Limits(wall_seconds=9))
    assert verdict.reason == "no answer within 9 s of wall-clock time (3 training images of 5 x 5 x 1)"


def test_an_estimate_is_no_answer_to_a_training():
    verdict = validate(json.dumps({"dimension": 3.0}).encode(), QUESTION, LIMITS)
    assert (verdict.status, verdict.reason) == ("refused", FORGED)


def test_the_question_of_a_folder(tmp_path):
    recipe = {"evaluate": [1, 3], "attacks": [{"name": "fgsm"}], "representations": 500}
    arrays = {"train": (3, 5, 5, 1), "train_labels": (3,), "validation": (2, 5, 5, 1), "validation_labels": (2,)}
    for name, shape in (arrays | {"test": (4, 5, 5, 1)}).items():
        np.save(tmp_path / f"{name}.npy", np.zeros(shape, dtype=np.uint8))
    assert {path.stem for path in tmp_path.iterdir()} == set(TRAINING)
    write_training(tmp_path, 1, 2, recipe)
    program = Program(tmp_path, "model.py:build", track="models")
    assert question_of(tmp_path, program) == QUESTION
    itself = Program(tmp_path, "model.py:build", track="models", fits_itself=True)
    assert question_of(tmp_path, itself).epochs == (0,)
    (tmp_path / "test.npy").unlink()
    with pytest.raises(InfrastructureError, match="the sample cannot be read"):
        question_of(tmp_path, program)
