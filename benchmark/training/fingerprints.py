"""Whether the trainer is still the one that was loaded: what it relies on, before and after a submission has run.

This finds mistakes and open breaches of the rules. What is written to deceive it in the same process can do so: no
check of Python code from within can rule that out.
"""

import builtins
import functools
import random
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch._dynamo  # what an optimizer would import at its first use, in each process anew
from torch import nn
from torch.nn import functional
from torch.nn.modules import module as module_hooks
from torch.optim import adam, adamw, optimizer, sgd

from benchmark.training.contract import ModelError

PACKAGE = "benchmark.training."
TRAINER = ("attacks", "contract", "fingerprints", "fit", "inspection", "network", "representations")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the trainer relies on: where it is looked up, and what was there."""

    namespace: Mapping[str, Any]
    name: str
    parts: tuple[Any, ...]


def fingerprint() -> Mapping[str, Any]:
    """What the trainer relies on, as it is now: functions with their code, and settings; for `check_unchanged`.

    Of functions: those of torch, numpy and Python that the trainer can reach by name, and its own. Of settings:
    precision, gradients, determinism and hooks of all modules; not the number of threads, nor the state of generators,
    which the trainer sets itself.
    """
    _settle()
    facts: dict[str, Any] = {
        f"{place}.{name}": Fact(namespace, name, _parts(value))
        for place, namespace in _namespaces()
        for name, value in list(namespace.items())
        if _is_relied_on(place, name, value)
    }
    # A method of the base, which cannot be changed, could be hidden by one of the same name.
    hidden = vars(torch._C.TensorBase).keys() - vars(torch.Tensor).keys()
    facts |= {f"torch.Tensor.{name}": Fact(vars(torch.Tensor), name, _parts(None)) for name in hidden}
    return _settings() | facts  # in this order: some settings change functions


def check_unchanged(before: Mapping[str, Any]) -> None:
    """Raise ModelError if anything of a fingerprint is not as it was: a model may not change the trainer."""
    now = _settings()
    for name, then in before.items():
        if isinstance(then, Fact):
            parts = _parts(then.namespace.get(then.name))
            unchanged = len(parts) == len(then.parts) and all(map(_is, parts, then.parts))
        else:
            unchanged = now[name] == then
        if not unchanged:
            raise ModelError("refused", f"the submission changed {name}, on which the trainer relies")


def _is(one: Any, other: Any) -> bool:
    return one is other


def _is_relied_on(place: str, name: str, value: Any) -> bool:
    if callable(value) or isinstance(value, staticmethod | classmethod | property):
        return True
    return place.startswith(PACKAGE) and not name.startswith("__")  # constants, and the modules it has imported


@functools.cache
def _settle() -> None:
    """Use each optimizer once: torch wraps their methods at the first use."""
    parameter = nn.Parameter(torch.zeros(1))
    for kind in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD):
        parameter.grad = torch.zeros(1)
        kind([parameter], lr=0.0).step()
    if torch.cuda.is_available():
        torch.compile(nn.Identity())  # compiles nothing yet, but wraps methods of optimizers


def _namespaces() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE) and name.removeprefix(PACKAGE) in TRAINER:
            yield name, vars(module)
            for kind in [value for value in vars(module).values() if isinstance(value, type)]:
                if kind.__module__ == name:
                    yield f"{name}.{kind.__name__}", vars(kind)
    for kind in (nn.Module, torch.Tensor, torch.autocast, torch.inference_mode, torch.enable_grad, torch.no_grad):
        yield f"torch.{kind.__name__}", vars(kind)
    for kind in (torch.optim.Optimizer, torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD):
        yield f"torch.optim.{kind.__name__}", vars(kind)
    for module in (
        *(torch, functional, torch.autograd, torch.autograd.graph, torch.random, torch.optim),
        *(module_hooks, optimizer, adam, adamw, sgd),
        *(np, np.linalg, time, random, builtins),
    ):
        yield module.__name__, vars(module)


def _parts(value: Any) -> tuple[Any, ...]:
    """The objects whose identity makes a function what it is; those that it wraps, too."""
    parts = [value]
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    elif isinstance(value, property):
        value = value.fget
    while value is not None:
        parts += [value, *(getattr(value, name, None) for name in ("__code__", "__defaults__", "__kwdefaults__"))]
        value = vars(value).get("__wrapped__") if hasattr(value, "__dict__") else None
    return tuple(parts)


def _settings() -> dict[str, Any]:
    hooks = [value for name, value in vars(module_hooks).items() if name.startswith("_global_") and value is not None]
    steps = (optimizer._global_optimizer_pre_hooks, optimizer._global_optimizer_post_hooks)
    return {
        "the default dtype": torch.get_default_dtype(),
        "the default device": torch.get_default_device(),
        "whether gradients are recorded": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "whether algorithms are deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
        ),
        "the precision of products": (
            torch.get_float32_matmul_precision(),
            torch.backends.cudnn.allow_tf32,
            torch.is_autocast_enabled("cpu"),
            torch.is_autocast_enabled("cuda"),
        ),
        "the modes that intercept torch's functions": (
            torch._C._len_torch_function_stack(),
            torch._C._len_torch_dispatch_stack(),
        ),
        "the hooks of all modules": sum(len(value) for value in hooks if isinstance(value, dict)),
        "the hooks of all optimizers": sum(len(value) for value in steps),
    }
