"""A small world with everything a page must cope with: two suites, failures, controls, texts that try to be markup."""

import dataclasses
import math
from pathlib import Path

import pytest

from benchmark.badges import SavedCheck
from benchmark.cheats import CheatOutcome, write_cheat
from benchmark.estimation.scoring import score_known, score_real
from benchmark.hashing import sha256_of
from benchmark.results import Answer, Provenance, Result, write_result
from benchmark.submissions import find_submissions
from benchmark.website import build_site

MARKUP = "<script>alert('x')</script>"
KNOWN = {"classic/M1_Sphere": 10.0, "classic/M7_Roll": 2.0, "topology/Torus": 2.0, "classic/M9_Affine": 20.0}
REAL = {"breastmnist": 12.0, "odd-set": 30.0}
FACTORS = {"constant": 0.0, "random": 0.0, "good": 0.97, "poor-a": 0.6, "poor-b": 0.62, "markup": 1.4}
PROVENANCE = Provenance(
    version="0.1.0",
    git_commit=None,
    engine="process",
    limits={},
    packages={},
    python="3.11",
    hardware={"cpu": "a processor"},
    started="2026-01-02T03:04:05Z",
    finished="2026-01-02T03:04:06Z",
)

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


def write_check(results: Path, submission) -> None:
    """What `manifoldbench check --save` would have kept: one badge earned, one not."""
    saved = SavedCheck(
        submission=submission.name,
        submission_sha256=submission.sha256,
        passed=True,
        badges={"scale": "pass", "duplicates": "fail"},
        findings={"duplicates": f"Copies change the answer {MARKUP}."},
    )
    (results / "checks").mkdir()
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


def one_result(submission, suite, task, answers, scores, truth=None, dataset=None) -> Result:
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
        kind="real" if dataset else "known",
        family="radiology" if dataset else task.partition("/")[0],
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
    """Where the small world lies."""

    results: Path
    out: Path


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    """The small world, with its site built."""
    root = tmp_path_factory.mktemp("world")
    write_submissions(root / "submissions")
    write_datasets(root / "datasets")
    for submission in find_submissions(root / "submissions"):
        for suite in ("standard", "smoke"):
            for result in results_of(submission, suite):
                write_result(root / "results", result)
        if submission.name == "good":
            write_check(root / "results", submission)
    write_cheats(root / "results")
    world = World(root / "results", root / "site")
    with pytest.MonkeyPatch.context() as patch:
        enter(patch, world)
        build_site(world.results, world.out)
    return world


def enter(patch: pytest.MonkeyPatch, world: World) -> None:
    """Let the small world's submissions and datasets be the checkout's."""
    patch.setenv("MANIFOLDBENCH_SUBMISSIONS", str(world.results.parent / "submissions"))
    patch.setenv("MANIFOLDBENCH_DATASETS", str(world.results.parent / "datasets"))


@pytest.fixture
def in_world(world, monkeypatch) -> World:
    """The small world, for a test that builds by itself."""
    enter(monkeypatch, world)
    return world


@pytest.fixture(scope="session")
def pages(world) -> list[Path]:
    """Every page of the built site."""
    return sorted(world.out.rglob("*.html"))
