"""A small world with everything a page must cope with: suites, protocols, failures, controls, texts like markup."""

import dataclasses
import json
import math
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmark.cheats import CheatOutcome, write_cheat
from benchmark.estimation.conditions import Conditions
from benchmark.estimation.scoring import score_known, score_real
from benchmark.hashing import sha256_of
from benchmark.results import Answer, Result
from benchmark.saved_checks import SavedCheck
from benchmark.training.protocols import load_protocol
from benchmark.training.results import Run, TrainingResult
from made_up_results import PROVENANCE

MARKUP = "<script>alert('x')</script>"
KNOWN = {"classic/M1_Sphere": 10.0, "classic/M7_Roll": 2.0, "topology/Torus": 2.0, "classic/M9_Affine": 20.0}
REAL = {"breastmnist": 12.0, "odd-set": 30.0}
FACTORS = {"constant": 0.0, "random": 0.0, "good": 0.97, "poor-a": 0.6, "poor-b": 0.62, "markup": 1.4}

MANIFEST = """
name = "{name}"
track = "estimators"
entry = "estimator.py:Estimator"
authors = ["A. Author", "Ünal & Söhne {markup}"]
licence = "BSD-3-Clause"
reference = "https://doi.org/10.1000/x"
description = "{description}"
parameters = {{ power = 2 }}
neighbors = 20
control = {control}
"""

MODEL = """
name = "{name}"
track = "models"
entry = "model.py:build"
authors = ["A. Author"]
licence = "BSD-3-Clause"
reference = ""
description = "The model {name}, {markup}."
{more}
"""

CARD = """
id = "{id}"
name = "{name}"
domain = "radiology"
modality = "ultrasound"
loader = "medmnist"
source = "{source}"
licence = "CC BY 4.0"
citation = "Yang et al., Scientific Data 2023"
channels = 1
classes = ["malignant", "benign"]
sizes = [28, 224]
traps = ["A trap with {markup}."]

[splits]
train = 546
"""


def write_submissions(root: Path) -> None:
    """Folders of all submissions of the small world; poor-a and poor-b are variants of one."""
    for name in ("constant", "random", "good", "poor", "markup"):
        folder = root / name
        folder.mkdir(parents=True)
        control = str(name in {"constant", "random"}).lower()
        description = f"Says {MARKUP}." if name == "markup" else f"The {name} one."
        text = MANIFEST.format(name=name, description=description, control=control, markup=MARKUP)
        if name == "poor":
            text += "[variants.a]\nparameters = { power = 3 }\n[variants.b]\nneighbors = 5\n"
            text += '[variants.b.correction]\nfactor = "4/3"\nreason = "Known beforehand."\n'
        (folder / "submission.toml").write_text(text)
        (folder / "estimator.py").write_text("class Estimator:\n    power = 1 < 2\n")


def write_models(root: Path) -> None:
    """Folders of the models: two to be ranked, one that stands apart, the control."""
    said = 'fits_itself = "It keeps the training images."'
    for name, more in (
        ("net", "learning_rate = 0.003"),
        ("other-net", ""),
        ("lookup", said),
        ("majority", f"control = true\n{said}"),
        ("net-without-results", ""),
    ):
        (root / name).mkdir()
        (root / name / "submission.toml").write_text(MODEL.format(name=name, markup=MARKUP, more=more))
        (root / name / "model.py").write_text("def build(in_channels, num_classes, image_size):\n    return None\n")


def write_datasets(root: Path) -> None:
    """Two cards with results and one without."""
    for dataset, name, source in (
        ("breastmnist", "BreastMNIST", "https://zenodo.org/records/10519652"),
        ("odd-set", f"Odd {MARKUP}", "javascript:alert(1)"),
        ("empty-set", "Empty set", "ask the authors"),
    ):
        (root / dataset).mkdir(parents=True)
        text = CARD.format(id=dataset, name=name, source=source, markup=MARKUP)
        (root / dataset / "dataset.toml").write_text(text)


def answer(part: str, dimension: float | None, status: str, reason: str) -> Answer:
    """One answer; a failed one has a status and a reason."""
    return Answer(
        part=part,
        n=500,
        ambient_dimension=784,
        duplicates=3,
        certified=1.0,
        points_sha256=sha256_of(part),
        seed=1,
        status=status if dimension is None else "ok",
        reason=reason if dimension is None else "",
        dimension=dimension,
        wall_seconds=0.25,
        cpu_seconds=0.2,
        peak_bytes=64 << 20,
        graph_seconds=0.5,
    )


def results_of(submission, suite: str) -> list[Result]:
    """All results of a submission on a suite: known and real tasks, one timeout, one reason that tries to be markup."""
    factor = FACTORS[submission.name]
    made = []
    for index, (task, truth) in enumerate(KNOWN.items()):
        fails = submission.name == "markup" and index < 2
        status, reason = ("timeout", "took 60 s") if index else ("failed", f"raised {MARKUP} \x1b[31m")
        values = [None if fails else (factor or 5.0 / truth) * truth * (1 + 0.01 * seed) for seed in range(2)]
        answers = [answer(f"seed-{seed}", value, status, reason) for seed, value in enumerate(values)]
        scores = score_known(values, [None, None], truth, [5.0, 5.0])
        made.append(one_result(submission, suite, task, answers, scores, truth=truth))
    for dataset, value in REAL.items():
        parts = ("whole", "half-1a", "half-1b", "low", "low-rounded")
        values = {part: (factor or 0.5) * value * (1 + 0.02 * number) for number, part in enumerate(parts)}
        answers = [answer(part, dimension, "ok", "") for part, dimension in values.items()]
        made.append(one_result(submission, suite, f"real/{dataset}", answers, score_real(values), dataset=dataset))
    return made


PHANTOMS = {"ellipses": 1.0, "mr": 0.9, "warp": 0.8, "xray": 0.6, "slices": 0.3}
"""Share of the true dimension that every estimator answers on a family, times its own factor."""


def phantom_results_of(submission) -> list[Result]:
    """Results on phantoms, plain and with one thing changed each, and on real images; the suite is `full`."""
    factor = FACTORS[submission.name]
    made = []
    conditions = [Conditions(family, d, 500) for family in PHANTOMS for d in (2, 8, 32)]
    conditions += [Conditions("ellipses", 8, 500, bits=8), Conditions("ellipses", 8, 1000)]
    conditions += [Conditions("warp", 8, 500, noise="gaussian", noise_level=0.4)]
    for each in conditions:
        share = factor * PHANTOMS[each.family] * (1.0 if each == Conditions(each.family, each.dimension, 500) else 1.5)
        value = share * each.dimension or 10.0
        fails = submission.name == "markup" and each.family == "xray" and each.dimension == 32
        values = [None if fails else value * (1 + 0.01 * seed) for seed in range(2)]
        answers = [answer(f"seed-{seed}", value, "failed", MARKUP) for seed, value in enumerate(values)]
        scores = score_known(values, [None, None], float(each.dimension), [10.0, 10.0])
        truth = float(each.dimension)
        made.append(one_result(submission, "full", each.name, answers, scores, truth=truth, family=each.family))
    for dataset, value in REAL.items():
        values = {part: (factor or 0.5) * value for part in ("whole", "half-1a", "half-1b")}
        answers = [answer(part, dimension, "ok", "") for part, dimension in values.items()]
        made.append(one_result(submission, "full", f"real/{dataset}", answers, score_real(values), dataset=dataset))
    return made


TRAININGS = {
    "breastmnist@N=500": ("radiology", "breastmnist", 78, 3),
    "pneumoniamnist@N=500": ("radiology", "pneumoniamnist", None, 0),
    "odd-set:a-b@N=500": ("natural", "odd-set", None, 0),
}
"""Task -> domain, dataset, patients, patients on both sides."""
PROTOCOLS = (load_protocol("mini"), load_protocol("konz2024", {"training.head": "thousand"}))
"""The second is none that a suite asks for, so that it cannot be spelled out."""
CHECKED = {"good": True, "net": True, "other-net": False}
"""Submissions with a saved check: whether what is required passed."""
ACCURACIES = {"net": 90.0, "other-net": 80.0, "lookup": 95.0, "majority": 50.0}


def training_results_of(submission, protocol, suite: str = "smoke") -> list[TrainingResult]:
    """Results of a model: two seeds a task; `other-net` fails once, and lacks a task."""
    made = []
    for number, (task, (domain, dataset, groups, in_both)) in enumerate(TRAININGS.items()):
        fails = submission.name == "other-net" and number == 0
        if submission.name == "other-net" and protocol.name == "konz2024" and number == 2:
            continue
        runs = [one_run(submission, protocol, seed, fails=fails and seed == 1) for seed in (0, 1)]
        made.append(
            TrainingResult(
                suite=suite,
                suite_version="1",
                protocol=protocol.title,
                protocol_sha256=protocol.sha256,
                submission=submission.name,
                submission_sha256=submission.sha256,
                apart="fits itself" if submission.manifest.fits_itself else "",
                task=task,
                task_sha256=sha256_of([task, protocol.sha256]),
                domain=domain,
                dataset=dataset,
                labels=f"ill or not {MARKUP}",
                classes=["ill", "not"],
                view_sha256=sha256_of(dataset),
                files_sha256=sha256_of(["files", task]),
                train=500,
                validation=200,
                test=250,
                image_size=28,
                channels=1,
                groups=groups,
                duplicates=4,
                in_both=in_both,
                learning_rate=0.001,
                batch_size=50,
                status="timeout" if fails else "ok",
                reason=f"took 600 s {MARKUP}" if fails else "",
                runs=runs,
                provenance=PROVENANCE,
            )
        )
    return made


def one_run(submission, protocol, seed: int, *, fails: bool) -> Run:
    """A training as it would have been kept; one that fails has a status and a reason."""
    if fails:
        return Run(seed=seed, status="timeout", reason=f"took 600 s {MARKUP}", wall_seconds=600.0, peak_bytes=1 << 28)
    accuracy = ACCURACIES[submission.name] + 5 * seed
    names = dict.fromkeys(("auc", "auc_selected"), 0.9) | {"calibration_error": 4.0, "log_loss": 0.3}
    attacks = {"fgsm_accuracy_drop": 10.0, "pgd_accuracy_drop": 20.0}
    own = submission.manifest.fits_itself
    return Run(
        seed=seed,
        status="ok",
        scores={"accuracy": accuracy, "accuracy_gap": 2.5, **names, **({} if own else attacks)},
        losses=[] if own else [0.7, 0.4, 0.1],
        epochs=[0] if own else [1, 2, 3],
        test_accuracies=[accuracy] if own else [60.0, 70.0, accuracy],
        predictions_sha256=sha256_of([submission.name, protocol.sha256, seed]),
        parameters=0 if own else 11_200_000,
        steps=30,
        images=1500,
        train_seconds=2.0,
        model_seconds=1.5,
        wall_seconds=3.0,
        cpu_seconds=3.0,
        peak_bytes=512 << 20,
    )


def write_check(results: Path, submission) -> None:
    """What `manifoldbench check --save` would have kept: one badge earned and one not; of a model none."""
    estimator = submission.manifest.track == "estimators"
    saved = SavedCheck(
        submission=submission.name,
        submission_sha256=submission.sha256,
        passed=CHECKED[submission.name],
        badges={"scale": "pass", "duplicates": "fail"} if estimator else {},
        findings={"duplicates": f"Copies change the answer {MARKUP}."} if estimator else {},
    )
    (results / "checks").mkdir(exist_ok=True)
    (results / "checks" / f"{submission.name}.json").write_text(saved.model_dump_json())


def write_cheats(results: Path) -> None:
    """Attempts as the sandbox's tests record them: one in both engines, one in one, one that was not contained."""
    forged = "the answer was not written by the worker: set dimension_ in fit, and leave the answer to it"
    for name, engine, status, reason, contained in (
        ("forges-answer", "process", "refused", forged, True),
        ("forges-answer", "docker", "refused", forged, True),
        ("raises-markup", "process", "failed", f"fit raised RuntimeError: {MARKUP} \x1b[31m{'a' * 200}", True),
        ("leaves-daemon", "docker", "ok", "", True),
        ("connects", "process", "ok", "", False),
        ("connects", "docker", "failed", "fit raised ConnectionRefusedError: [Errno 111] Connection refused", True),
    ):
        outcome = CheatOutcome(
            name=name,
            what=f"Tries {name} & more.",
            engine=engine,
            engine_version="28.0.1" if engine == "docker" else None,
            image_digest=f"sha256:{sha256_of(engine)}" if engine == "docker" else None,
            status=status,
            reason=reason,
            contained=contained,
            recorded=f"2026-01-{len(name):02}T03:04:05+00:00",
            version="0.1.0",
            git_commit="c0ffee" if engine == "docker" else None,
        )
        write_cheat(results, outcome)


def one_result(submission, suite, task, answers, scores, truth=None, dataset=None, family=None) -> Result:
    """A result as a run would have written it."""
    failed = next((item for item in answers if item.status != "ok"), None)
    return Result(
        suite=suite,
        suite_version="1",
        suite_sha256=sha256_of(suite),
        submission=submission.name,
        submission_sha256=submission.sha256,
        task=task,
        task_sha256=sha256_of([suite, task]),
        kind="real" if dataset else "phantom" if family else "known",
        family="radiology" if dataset else family or task.partition("/")[0],
        dataset=dataset,
        view_sha256=sha256_of(dataset) if dataset else None,
        n=500,
        ambient_dimension=784,
        neighbors=submission.neighbors,
        truth=truth,
        status=failed.status if failed else "ok",
        reason=failed.reason if failed else "",
        answers=answers,
        scores={name: score for name, score in scores.items() if not math.isnan(score)},
        correction=submission.correction.value if submission.correction else None,
        provenance=PROVENANCE,
    )


@dataclasses.dataclass(frozen=True)
class World:
    """Where the small world lies, and what its pages hold."""

    results: Path
    out: Path

    def rows(self, path: str) -> list[dict]:
        """The rows of a table's file, `path` without its ending."""
        return json.loads((self.out / f"{path}.json").read_text(encoding="utf-8"))["rows"]

    def page(self, path: str) -> ET.Element:
        """A page as a tree."""
        return ET.fromstring((self.out / path).read_text(encoding="utf-8").removeprefix("<!DOCTYPE html>\n"))

    def text(self, path: str) -> str:
        """All words of a page."""
        return words(self.page(path))

    def cells(self, path: str, table: str) -> list[list[str]]:
        """The rows of a table as they read."""
        (found,) = [element for element in self.page(path).iter() if element.get("id") == table]
        lines = [[words(cell) for cell in line] for line in found.findall("tbody/tr")]
        assert lines, table
        return lines


def words(element: ET.Element) -> str:
    """All words of an element."""
    return " ".join("".join(element.itertext()).split())


def enter(patch: pytest.MonkeyPatch, world: World) -> None:
    """Let the small world's submissions and datasets be the checkout's."""
    patch.setenv("MANIFOLDBENCH_SUBMISSIONS", str(world.results.parent / "submissions"))
    patch.setenv("MANIFOLDBENCH_DATASETS", str(world.results.parent / "datasets"))
