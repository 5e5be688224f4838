"""What the trainer takes and gives: images, recipe, results, and the sentence for a model that it turns down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.sandbox.engine import Trained
from benchmark.training import attacks

__all__ = ["Build", "Data", "ModelError", "Recipe", "Trained", "recipe_from"]

Status = Literal["failed", "invalid", "refused"]
Build = Callable[[int, int, int], Any]
"""(in_channels, outputs, image_size) -> torch.nn.Module."""


class ModelError(Exception):
    """A model that cannot be trained or may not be: what is wrong, in one sentence."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status: Status = status


@dataclass(frozen=True, slots=True)
class Data:
    """Images uint8 [n, H, W, C] and labels int64 [n] from 0 to num_classes - 1; test images come without labels."""

    train: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    validation: NDArray[np.uint8]
    validation_labels: NDArray[np.int64]
    test: NDArray[np.uint8]
    num_classes: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """How every model is trained; see the protocols for what each field means."""

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: Literal["adam", "adamw", "sgd"]
    weight_decay: float
    schedule: Literal["constant", "cosine"]
    precision: Literal["float32", "bfloat16"]
    inputs: Literal["raw", "standardised"]
    head: Literal["classes", "thousand"]
    evaluate: tuple[int, ...]
    """Epochs, from 1, after which test and validation images are scored; ends with the last."""
    attacks: tuple[attacks.Attack, ...]
    representations: int
    """Training images whose representations are returned; 0 for none."""
    max_parameters: int
    drop_last: bool


def recipe_from(content: Mapping[str, Any]) -> Recipe:
    """Read a recipe from plain JSON. Raises ValueError for a field that is missing, unknown or out of range."""
    names = {field.name for field in fields(Recipe)}
    if content.keys() != names:
        raise ValueError(f"a recipe has other fields: {', '.join(sorted(content.keys() ^ names))}")
    allowed = {
        "optimizer": ("adam", "adamw", "sgd"),
        "schedule": ("constant", "cosine"),
        "precision": ("float32", "bfloat16"),
        "inputs": ("raw", "standardised"),
        "head": ("classes", "thousand"),
    }
    for name, values in allowed.items():
        if content[name] not in values:
            raise ValueError(f"{name} must be one of {', '.join(values)}, not {content[name]!r}")
    evaluate = tuple(content["evaluate"])
    if content["epochs"] < 1 or content["batch_size"] < 1 or evaluate != tuple(sorted({*evaluate, content["epochs"]})):
        raise ValueError("epochs and batch_size must be positive, and evaluate ascend to the last epoch")
    wanted = tuple(attacks.Attack(**attack) for attack in content["attacks"])
    return Recipe(**{**content, "evaluate": evaluate, "attacks": wanted})
