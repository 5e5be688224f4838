"""What came of a training, checked before it is scored: every array has the shape that was asked for, and is finite."""

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.sandbox.answers import InvalidError, RefusedError, Verdict, one_line
from benchmark.sandbox.engine import Limits, Trained

FORGED = "the answer was not written by the worker: a model is built and returned, and the trainer does the rest"
LAYERS = 256
"""At most so many layers are reported."""
NUMBERS = ("parameters", "steps", "images", "seconds", "model_seconds")


@dataclass(frozen=True, slots=True)
class ModelQuestion:
    """A training that was asked for."""

    train: int
    validation: int
    test: int
    classes: int
    image: tuple[int, int, int]
    """Height, width, channels."""
    epochs: tuple[int, ...]
    """Those after which images are scored; (0,) of a model that fits itself."""
    attacks: tuple[str, ...]
    represented: int
    """How many training images each layer is reported for; 0 for none."""
    file: str

    @property
    def shape(self) -> str:
        """What was handed over."""
        height, width, channels = self.image
        return f"({self.train} training images of {height} x {width} x {channels})"

    @property
    def keys(self) -> frozenset[str]:
        """Those of a training, or of a model that the trainer turned down."""
        arrays = ("epochs", "test", "validation", "train", "losses", "attacked", "representations")
        return frozenset((*arrays, *NUMBERS, "model_error"))

    @property
    def forged(self) -> str:
        """Of a model."""
        return FORGED

    def judge(self, content: Mapping[str, Any], limits: Limits) -> Verdict:  # noqa: ARG002 - judged before by its length
        """The arrays of a training, or the sentence by which the trainer turned the model down."""
        if "model_error" in content:
            return _turned_down(content["model_error"])
        if content.keys() != self.keys - {"model_error"} or content["epochs"] != list(self.epochs):
            raise RefusedError(FORGED)
        scored = len(self.epochs)
        return Verdict(
            "ok",
            trained=Trained(
                epochs=self.epochs,
                test=_array(content["test"], (scored, self.test, self.classes), "of the test images"),
                validation=_array(content["validation"], (scored, self.validation, self.classes), "of the validation"),
                train=_array(content["train"], (self.train, self.classes), "of the training images"),
                losses=_losses(content["losses"], max(self.epochs)),
                attacked=self._attacked(content["attacked"]),
                representations=self._representations(content["representations"]),
                parameters=_count(content["parameters"]),
                steps=_count(content["steps"]),
                images=_count(content["images"]),
                seconds=_time(content["seconds"]),
                model_seconds=_time(content["model_seconds"]),
            ),
        )

    def _attacked(self, value: Any) -> dict[str, NDArray[np.float32]]:
        if not isinstance(value, dict) or value.keys() != set(self.attacks):
            raise RefusedError(FORGED)
        shape = (self.validation, self.classes)
        return {name: _array(value[name], shape, f"under {name}") for name in self.attacks}

    def _representations(self, value: Any) -> dict[str, NDArray[np.float32]]:
        if not isinstance(value, dict) or len(value) > LAYERS or bool(value) != bool(self.represented):
            raise RefusedError(FORGED)
        layers = {}
        for name, layer in value.items():
            width = layer["shape"][-1] if isinstance(layer, dict) and isinstance(layer.get("shape"), list) else None
            if not isinstance(width, int) or not 0 <= width < max(self.represented, 1):
                raise RefusedError(FORGED)
            layers[one_line(name, 120)] = _array(layer, (self.represented, width), f"of layer {one_line(name, 60)}")
        return layers


def _turned_down(error: Any) -> Verdict:
    if not isinstance(error, dict) or error.keys() != {"status", "message"}:
        raise RefusedError(FORGED)
    if error["status"] not in ("failed", "invalid", "refused") or not isinstance(error["message"], str):
        raise RefusedError(FORGED)
    return Verdict(error["status"], one_line(error["message"]))


def _array(value: Any, shape: tuple[int, ...], what: str) -> NDArray[np.float32]:
    if not isinstance(value, dict) or value.keys() != {"float32", "shape"} or value["shape"] != list(shape):
        raise RefusedError(FORGED)
    try:
        numbers = np.frombuffer(base64.b64decode(value["float32"], validate=True), dtype="<f4")
    except (binascii.Error, ValueError, TypeError):
        raise RefusedError(FORGED) from None
    if numbers.size != math.prod(shape):
        raise RefusedError(FORGED)
    if not np.isfinite(numbers).all():
        raise InvalidError(f"the outputs {what} hold numbers that are not finite: {_first_bad(numbers):g}")
    return numbers.astype(np.float32).reshape(shape)


def _first_bad(numbers: NDArray[np.float32]) -> float:
    return float(numbers[~np.isfinite(numbers)][0])


def _losses(value: Any, epochs: int) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != epochs:
        raise RefusedError(FORGED)
    return tuple(_time(loss) for loss in value)


def _time(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise RefusedError(FORGED)
    return float(value)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RefusedError(FORGED)
    return value
