"""What a model must be, before and after it is trained: each check gives one sentence that a submitter can act on."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.training.contract import Build, ModelError
from benchmark.training.fingerprints import check_unchanged, fingerprint

__all__ = [
    "Terms",
    "built",
    "check_evaluation",
    "check_finite",
    "check_hooks",
    "check_loss",
    "check_outputs",
    "check_unchanged",
    "fingerprint",
    "parameters_of",
    "state_of",
]

FEW_VALUES = 16
"""A parameter with no more different values is a pattern (an identity, a ramp, a gate's bias), not learned weights."""
TOLERANCE = 1e-3
"""Share of the largest output by which outputs may differ where only the rounding does."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a submission has declared, and how large it may be."""

    max_parameters: int
    fits_itself: bool = False
    pretrained: bool = False


def built(
    build: Build, arguments: tuple[int, int, int], seed: int, terms: Terms, trainer: Mapping[str, Any]
) -> nn.Module:
    """The model that `build(in_channels, outputs, image_size)` makes under a seed, after it was looked at.

    It is built three times, twice under this seed and once under another: weights come from the seed and from nothing
    else. Python's, numpy's and torch's generators are seeded before each, and the number of threads is put back after.
    trainer: its fingerprint, which must be the same after each.
    Raises ModelError; what `build` raises passes through.
    """
    model = _build(build, arguments, seed, trainer)
    _check_parameters(model, terms)
    again = state_of(_build(build, arguments, seed, trainer))
    for name, value in state_of(model).items():
        if name not in again or not _same(value, again.pop(name)):
            raise ModelError(
                "refused",
                f"two builds under one seed differ in {name}: build must take randomness from torch's, numpy's or "
                "Python's global generator, and read nothing that changes",
            )
    if again:
        raise ModelError("refused", f"two builds under one seed differ: only the second has {next(iter(again))}")
    if not terms.pretrained:
        _check_random(model, _build(build, arguments, seed ^ 1, trainer))
    seed_generators(seed)
    return model


def seed_generators(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - models use the global generator
    torch.manual_seed(seed)


def _build(build: Build, arguments: tuple[int, int, int], seed: int, trainer: Mapping[str, Any]) -> nn.Module:
    threads = torch.get_num_threads()
    seed_generators(seed)
    model = build(*arguments)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    check_unchanged(trainer)
    if not isinstance(model, nn.Module):
        raise ModelError("invalid", f"build returned {_kind(model)}: return a torch.nn.Module")
    return model


def parameters_of(model: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters by name, each once, as torch itself finds them and not a method of the model."""
    return dict(nn.Module.named_parameters(model))


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name."""
    buffers: dict[str, Tensor] = dict(nn.Module.named_buffers(model))
    return {**parameters_of(model), **buffers}


def _same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(((one == other) | ((one != one) & (other != other))).all())  # noqa: PLR0124 - NaN equals NaN here


def _check_parameters(model: nn.Module, terms: Terms) -> None:
    parameters = parameters_of(model)
    for name, value in parameters.items():
        if isinstance(value, nn.UninitializedParameter):
            raise ModelError("invalid", f"parameter {name} has no shape yet: build must not return lazy modules")
        if value.dtype != torch.float32:
            raise ModelError("invalid", f"parameter {name} is {value.dtype}: all parameters must be torch.float32")
    count = sum(value.numel() for value in parameters.values())
    if count > terms.max_parameters:
        raise ModelError("refused", f"the model has {count:,} parameters: at most {terms.max_parameters:,} are allowed")
    if terms.fits_itself:
        if not callable(getattr(model, "fit", None)):
            raise ModelError("invalid", "submission.toml says fits_itself, but the model has no method fit")
    elif not any(value.requires_grad for value in parameters.values()):
        raise ModelError(
            "invalid",
            "the model has no parameters that require a gradient, so nothing can be trained: set fits_itself in "
            "submission.toml for a model that brings its own fit",
        )
    check_hooks(model)


def check_hooks(model: nn.Module) -> None:
    """Raise ModelError for hooks on the gradients of parameters: they would change the optimizer's steps."""
    for name, value in parameters_of(model).items():
        if value._backward_hooks or getattr(value, "_post_accumulate_grad_hooks", None):
            raise ModelError("refused", f"the gradient of {name} has a hook: gradients belong to the trainer")


def _check_random(model: nn.Module, other: nn.Module) -> None:
    others = parameters_of(other)
    for name, value in parameters_of(model).items():
        same = name in others and _same(value, others[name])
        if same and len(torch.unique(value.detach())) > FEW_VALUES:
            raise ModelError(
                "refused",
                f"parameter {name} does not depend on the seed, so its weights were carried in: say in "
                "submission.toml where they come from (pretrained), and keep fixed tables in buffers",
            )


def check_outputs(outputs: Any, rows: int, columns: int) -> Tensor:
    """The outputs, if they are float [rows, columns]; raises ModelError otherwise."""
    if not isinstance(outputs, Tensor):
        raise ModelError("invalid", f"the model returned {_kind(outputs)}: return one tensor [{rows}, {columns}]")
    found = list(outputs.shape)
    if found != [rows, columns]:
        raise ModelError("invalid", f"the model returned outputs of shape {found}: expected [{rows}, {columns}]")
    if not outputs.is_floating_point():
        raise ModelError("invalid", f"the model returned {outputs.dtype}: return floating-point logits")
    return outputs


def check_evaluation(model: nn.Module, outputs: Callable[[Tensor], Tensor], pixels: Tensor) -> None:
    """Raise ModelError unless, in evaluation mode, an image's outputs depend on that image alone.

    outputs: from images [n, C, H, W] to float [n, c], without autocast. pixels: a few images.
    """
    with torch.inference_mode():
        together, again = outputs(pixels), outputs(pixels)
        training = [name for name, layer in model.named_modules() if layer.training]
        if training:
            raise ModelError(
                "invalid", f"layer {training[0] or 'model'} is in training mode after a forward in evaluation mode"
            )
        if not _close(together, again):
            raise ModelError(
                "invalid", "the model is not deterministic in evaluation mode: two forwards of the same images differ"
            )
        try:
            alone = torch.cat([outputs(image[None]) for image in pixels])
        except (RuntimeError, ValueError) as error:
            message = f"the model takes a batch of images, but not one image alone: {error}"
            raise ModelError("invalid", message) from error
        if not _close(together, alone):
            raise ModelError(
                "refused",
                "in evaluation mode the outputs for an image depend on the other images of its batch: each image must "
                "be judged alone",
            )


def _close(one: Tensor, other: Tensor) -> bool:
    # Numbers that are not finite have a sentence of their own, later.
    allowed = TOLERANCE * one.abs().nan_to_num(posinf=0.0).max() if one.numel() else 0.0
    return bool(((one - other).abs().nan_to_num() <= allowed).all())


def check_loss(loss: float, epoch: int, learning_rate: float) -> None:
    """Raise ModelError if the mean loss of an epoch is no finite number."""
    if not np.isfinite(loss):
        raise ModelError(
            "failed",
            f"the training loss is {loss} in epoch {epoch} with learning rate {learning_rate:g}: "
            "set a smaller learning_rate in submission.toml, or normalise inside the model",
        )


def check_finite(outputs: Tensor, images: str, epoch: int) -> None:
    """Raise ModelError if outputs for the named images hold a number that is not finite."""
    if not bool(torch.isfinite(outputs).all()):
        raise ModelError("failed", f"outputs for the {images} images are not finite after epoch {epoch}")


def _kind(value: Any) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"
