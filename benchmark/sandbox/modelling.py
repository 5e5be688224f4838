"""What is asked of a model, inside the sandbox: load images, train by the recipe, score test images.

The worker imports this before a submission runs: standard library, numpy, torch and the trainer.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.training import fit, inspection


@dataclass(frozen=True, slots=True)
class Sample:
    """One training as it is handed over."""

    seed: int
    data: fit.Data
    recipe: fit.Recipe
    trainer: Any
    """What the trainer's functions are, before anything of the submission has run."""


def load(sample: Path) -> Sample:
    """Read a sample folder; raises OSError, ValueError and KeyError, which are faults of ours."""
    task = json.loads((sample / "task.json").read_text(encoding="utf-8"))
    names = ("train", "train_labels", "validation", "validation_labels", "test")
    arrays = {name: np.load(sample / f"{name}.npy", allow_pickle=False) for name in names}
    data = fit.Data(**arrays, num_classes=task["num_classes"])
    return Sample(task["seed"], data, fit.recipe_from(task["recipe"]), inspection.fingerprint())


def answer(build: Any, sample: Sample, start: Mapping[str, Any], at: Callable[[str], None]) -> dict[str, Any]:
    """Train and score; a model that the trainer turns down gives its sentence.

    at: told each stage before it begins, so that an exception can be said to be raised by it.
    """
    at("building and training the model")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        inspection.check_unchanged(sample.trainer)
        trained = fit.train(
            lambda *arguments: build(*arguments, **start["parameters"]),
            sample.data,
            sample.recipe,
            sample.seed,
            device,
            fits_itself=start["fits_itself"],
            pretrained=start["pretrained"],
        )
        inspection.check_unchanged(sample.trainer)
    except fit.ModelError as error:
        return {"model_error": {"status": error.status, "message": str(error)}}
    return {
        "epochs": list(trained.epochs),
        "test": _array(trained.test),
        "validation": _array(trained.validation),
        "train": _array(trained.train),
        "losses": list(trained.losses),
        "attacked": {name: _array(logits) for name, logits in trained.attacked.items()},
        "representations": {name: _array(points) for name, points in trained.representations.items()},
        "parameters": trained.parameters,
        "steps": trained.steps,
        "images": trained.images,
        "seconds": trained.seconds,
        "model_seconds": trained.model_seconds,
    }


def _array(values: NDArray[np.float32]) -> dict[str, Any]:
    little = np.ascontiguousarray(values, dtype="<f4")
    return {"float32": base64.b64encode(little.tobytes()).decode("ascii"), "shape": list(little.shape)}
