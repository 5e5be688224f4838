"""The contract of a model as a test: it is built for two kinds of images, trained for two epochs each, and once again.

The images are made here: squares of two or ten brightnesses in noise, so that any model that learns at all learns them.
"""

import secrets
from pathlib import Path

import numpy as np

from benchmark.hashing import seed_from
from benchmark.sandbox.engine import Engine, Limits, Outcome, Worker
from benchmark.sandbox.samples import write_training
from benchmark.submissions import Submission
from benchmark.training.protocols import load_protocol

LIMITS = Limits(wall_seconds=300.0, cpu_seconds=600.0, memory_bytes=8 << 30, answer_bytes=16 << 20)
"""What one training of a check may use."""
KINDS = {
    "grey images of 28 x 28, 2 classes": (28, 1, 2),
    "colour images of 32 x 32, 10 classes": (32, 3, 10),
}
"""Words -> pixels a side, channels, classes."""
SHORT = {"training.epochs": 2, "training.evaluate_every": 1, "attacks": []}
IMAGES = {"train": 60, "validation": 20, "test": 20}


def contract(submission: Submission, engine: Engine, scratch: Path) -> tuple[list[str], str]:
    """Train the model on every kind of images; what was found of each, and the fault of the first that has one."""
    found: list[str] = []
    with engine.open(submission.program, LIMITS) as worker:
        for words, kind in KINDS.items():
            outcome = _train(submission, worker, scratch, kind)
            if outcome.trained is None:
                return found, f"On {words}: {outcome.status}: {outcome.reason.removesuffix('.')}."
            found.append(f"{outcome.trained.parameters:,} parameters for {words}")
    return found, ""


def same_again(submission: Submission, engine: Engine, scratch: Path) -> tuple[bool, float]:
    """Train twice with one seed: whether the outputs are equal, and by how much they differ at most."""
    kind = next(iter(KINDS.values()))
    with engine.open(submission.program, LIMITS) as worker:
        first, second = (_train(submission, worker, scratch, kind).trained for _ in range(2))
    if first is None or second is None:
        return False, float("inf")
    return bool(np.array_equal(first.test, second.test)), float(np.abs(first.test - second.test).max())


def _train(submission: Submission, worker: Worker, scratch: Path, kind: tuple[int, int, int]) -> Outcome:
    folder = scratch / secrets.token_hex(8)  # the name tells nothing
    folder.mkdir(parents=True)
    size, channels, classes = kind
    rng = np.random.default_rng(seed_from(check="images", size=size))
    for part, count in IMAGES.items():
        labels = np.arange(count) % classes
        images = rng.integers(0, 40, (count, size, size, channels))
        images[:, size // 4 : -size // 4, size // 4 : -size // 4] += (200 * labels / (classes - 1)).astype(int)[
            :, None, None, None
        ]
        np.save(folder / f"{part}.npy", images.astype(np.uint8), allow_pickle=False)
        if part != "test":
            np.save(folder / f"{part}_labels.npy", labels.astype(np.int64), allow_pickle=False)
    recipe = load_protocol("mini", SHORT).recipe(submission.manifest.name, submission.manifest.learning_rate)
    write_training(folder, seed_from(check="training") % 2**31, classes, recipe)
    return worker.ask(folder)
