"""`manifoldbench check` of a model: real trainings in a real sandbox."""

import pytest

from benchmark.conformance import check_submission
from benchmark.paths import submissions_root
from benchmark.sandbox.process import ProcessEngine
from submitted import LINEAR, MODEL_MANIFEST


@pytest.fixture
def checked(tmp_path):
    def check(code, extra=""):
        (tmp_path / "submission.toml").write_text(MODEL_MANIFEST + extra)
        (tmp_path / "model.py").write_text(code)
        report = check_submission(tmp_path, ProcessEngine())
        return report, {check.name: (check.verdict, check.finding) for row in report.rows for check in row.checks}

    return check


def test_a_good_model_passes(checked):
    report, found = checked(LINEAR)
    assert report.passed
    assert found["contract"] == (
        "pass",
        "Built and trained: 1,570 parameters for grey images of 28 x 28, 2 classes, "
        "30,730 parameters for colour images of 32 x 32, 10 classes.",
    )
    assert found["determinism"][0] == "pass"
    assert report.as_text().endswith("Passed.")


def test_a_model_for_grey_images_alone_fails_with_the_images_named(checked):
    report, found = checked(LINEAR.replace("in_channels * image_size**2", "image_size**2"))
    assert not report.passed
    assert found["contract"][1].startswith("On colour images of 32 x 32, 10 classes: failed: ")
    assert found["determinism"][0] == "not run"


def test_randomness_that_no_seed_rules_fails(checked):
    dropped = "import os\n" + LINEAR.replace(
        "return self.layer(images.flatten(1))",
        "noise = int.from_bytes(os.urandom(4), 'little') / 2**32 if self.training else 0\n"
        "        return self.layer(images.flatten(1)) + noise * self.layer.bias",
    )
    report, found = checked(dropped)
    assert not report.passed
    assert found["determinism"][0] == "fail"
    assert "draw random numbers from torch" in found["determinism"][1]


def test_a_learning_rate_that_is_not_offered_is_said(checked):
    report, found = checked(LINEAR, "learning_rate = 0.5\n")
    assert not report.passed
    assert "learning_rate must be one that protocol mini" in found["contract"][1]


def test_the_control_passes():
    assert check_submission(submissions_root() / "majority", ProcessEngine()).passed
