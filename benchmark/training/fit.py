"""Train a model by the fixed recipe, and score images with it.

Images are moved to the device once, as bytes; batches are taken, scaled and trained on there, and the loss is read once
an epoch. The order of the images is a permutation for each epoch, drawn on the processor, so it is the same on every
device. The same seed gives the same outputs on the same machine with the same number of threads.

* A convolutional model is given images in channels-last order where that is faster, unless it takes their memory for
  contiguous.
* A last batch of a single image joins the batch before it: batch normalisation cannot train on one image.
* `sgd` is without momentum. The cosine schedule falls with every step: base (1 + cos(pi step / steps)) / 2.
* bfloat16 is autocast: parameters, optimizer and loss stay float32. So are the gradients of attacks; the attacked
  images are scored as all others are.
* On a GPU `torch.compile` is tried where the training is long enough to pay for it (`benchmark.training.network`).
"""

import math
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from benchmark.training import attacks, inspection, representations
from benchmark.training.contract import Build, Data, ModelError, Recipe, Trained, recipe_from
from benchmark.training.network import Network, Watch, compiled, laid_out, pixels_of

__all__ = ["Data", "ModelError", "Recipe", "Trained", "recipe_from", "train"]

THOUSAND = 1000
"""Logits of the head as published, whatever the number of classes."""
EVALUATED_VALUES = 1 << 18
"""Pixel values scored at one time; never fewer than a training batch."""
INSPECTED = 2
"""Training images, and as many test images, on which the model is looked at before and after it is trained."""


def train(
    build: Build,
    data: Data,
    recipe: Recipe,
    seed: int,
    device: str,
    *,
    fits_itself: bool = False,
    pretrained: bool = False,
) -> Trained:
    """Build the model and train it on the training images; score all images.

    build: called with (in_channels, outputs, image_size). device: as torch names it. fits_itself: the model's own
    `fit(images, labels)` takes the place of the recipe's training. pretrained: it may bring weights.
    Raises ModelError for a model that cannot be trained or may not be; what its own code raises passes through.
    """
    with _reproducible(device):
        before = inspection.fingerprint()
        outputs = data.num_classes if recipe.head == "classes" or fits_itself else max(THOUSAND, data.num_classes)
        terms = inspection.Terms(recipe.max_parameters, fits_itself, pretrained)
        arguments = (data.train.shape[3], outputs, data.train.shape[1])
        model = inspection.built(build, arguments, seed, terms, before).to(device)
        run = _Run(model, outputs, data, recipe, seed, torch.device(device))
        trained = run.fitted() if fits_itself else run.trained()
        inspection.check_unchanged(before)
    return trained


@contextmanager
def _reproducible(device: str) -> Iterator[None]:
    """Deterministic algorithms where there are any; everything as it was afterwards."""
    if device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    kept = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    settings: Any = torch.utils.deterministic
    filled, threads = settings.fill_uninitialized_memory, torch.get_num_threads()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*deterministic")
            torch.use_deterministic_algorithms(True, warn_only=True)
            settings.fill_uninitialized_memory = False
            yield
    finally:
        torch.use_deterministic_algorithms(kept[0], warn_only=kept[1])
        settings.fill_uninitialized_memory = filled
        torch.set_num_threads(threads)


class _Run:
    """One training: the model, and the images on its device."""

    def __init__(
        self, model: nn.Module, columns: int, data: Data, recipe: Recipe, seed: int, device: torch.device
    ) -> None:
        self._recipe, self._seed, self._classes = recipe, seed, data.num_classes
        self._train, self._validation, self._test = (
            torch.tensor(images, device=device) for images in (data.train, data.validation, data.test)
        )
        self._labels, self._validation_labels = (
            torch.tensor(labels, device=device) for labels in (data.train_labels, data.validation_labels)
        )
        moments = channel_moments(data.train) if recipe.inputs == "standardised" else (np.zeros(1), np.ones(1))
        mean, deviation = (
            torch.tensor(values, dtype=torch.float32, device=device)[:, None, None] for values in moments
        )
        self._network = Network(model, columns, mean, deviation)

    def fitted(self) -> Trained:
        """Let the model fit itself."""
        model: Any = self._network.model
        watch = Watch(self._train.device)
        model.train()
        with watch:
            model.fit(self._network.inputs(pixels_of(self._train)), self._labels)
        seconds = watch.seconds()
        return self._results({0: self._scored(0)}, (), 0, len(self._train), seconds, seconds)

    def trained(self) -> Trained:
        """Train by the recipe."""
        recipe, device = self._recipe, self._train.device
        few = pixels_of(self._train[: recipe.batch_size])
        self._network = laid_out(self._network, few[:INSPECTED])
        self._inspect()
        steps = recipe.epochs * len(batches(torch.arange(len(self._train)), recipe.batch_size, recipe.drop_last))
        fast = compiled(self._network, steps, few, self._labels[: recipe.batch_size], recipe.precision)
        model = self._network.model
        optimizer = make_optimizer(recipe, model)
        generator = torch.Generator().manual_seed(self._seed)
        scored: dict[int, tuple[Tensor, Tensor]] = {}
        losses: list[float] = []
        seconds = model_seconds = 0.0
        step = images = 0
        for epoch in range(1, recipe.epochs + 1):
            started, watch = time.perf_counter(), Watch(device)
            model.train()
            order = torch.randperm(len(self._train), generator=generator).to(device)
            total, seen = torch.zeros((), device=device), 0
            for index in batches(order, recipe.batch_size, recipe.drop_last):
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate_at(recipe, step, steps)
                pixels = pixels_of(self._train.index_select(0, index))
                labels = self._labels.index_select(0, index)
                # A compiled model is made for one size of batch.
                network = fast if len(index) == recipe.batch_size else self._network
                with watch:
                    optimizer.zero_grad(set_to_none=True)
                    loss = functional.cross_entropy(network.outputs(pixels, recipe.precision), labels)
                    torch.autograd.backward(loss)
                    optimizer.step()
                total += loss.detach() * len(index)
                seen += len(index)
                step += 1
            losses.append(float(total) / seen)  # the only wait for the device
            seconds += time.perf_counter() - started
            model_seconds += watch.seconds()
            images += seen
            inspection.check_loss(losses[-1], epoch, recipe.learning_rate)
            if epoch in recipe.evaluate:
                scored[epoch] = self._scored(epoch)
        inspection.check_hooks(model)
        return self._results(scored, tuple(losses), step, images, seconds, model_seconds)

    def _inspect(self) -> None:
        """Raise ModelError unless the model, in evaluation mode, judges each image alone and always alike."""
        pixels = pixels_of(torch.cat((self._train[:INSPECTED], self._test[:INSPECTED])))
        self._network.model.eval()
        with torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled, allow_tf32=False, deterministic=True):
            inspection.check_evaluation(self._network.model, self._network.outputs, pixels)

    def _scored(self, epoch: int) -> tuple[Tensor, Tensor]:
        """Logits of the test and of the validation images."""
        return self._logits(self._test, "test", epoch), self._logits(self._validation, "validation", epoch)

    def _logits(self, images: Tensor, name: str, epoch: int) -> Tensor:
        """Float32 [n, c], on the processor."""
        self._network.model.eval()
        with torch.inference_mode():
            scored = [self._outputs(block) for block in map(pixels_of, self._blocks(images))]
            logits = torch.cat(scored)[:, : self._classes] if scored else torch.zeros((0, self._classes))
        inspection.check_finite(logits, name, epoch)
        return logits.cpu()

    def _outputs(self, pixels: Tensor) -> Tensor:
        return self._network.outputs(pixels, self._recipe.precision)

    @property
    def _block(self) -> int:
        return max(self._recipe.batch_size, EVALUATED_VALUES // self._train[0].numel())

    def _blocks(self, images: Tensor) -> tuple[Tensor, ...]:
        return torch.split(images, self._block) if len(images) else ()

    def _attacked(self, attack: attacks.Attack, epoch: int) -> Tensor:
        """Logits of the attacked validation images, float32 [v, c]."""
        generator = torch.Generator().manual_seed(self._seed)
        scored = []
        for block, labels in zip(
            self._blocks(self._validation), torch.split(self._validation_labels, self._block), strict=False
        ):
            moved = attacks.attacked(attack, self._network.outputs, pixels_of(block), labels, generator)
            with torch.inference_mode():
                scored.append(self._outputs(moved))
        logits = torch.cat(scored)[:, : self._classes] if scored else torch.zeros((0, self._classes))
        inspection.check_finite(logits, f"validation, under {attack.name},", epoch)
        return logits.cpu()

    def _results(
        self,
        scored: Mapping[int, tuple[Tensor, Tensor]],
        losses: tuple[float, ...],
        steps: int,
        images: int,
        seconds: float,
        model_seconds: float,
    ) -> Trained:
        recipe, model, last = self._recipe, self._network.model, max(scored)
        logits = self._logits(self._train, "training", last)
        attacked = {attack.name: self._attacked(attack, last).numpy() for attack in recipe.attacks}
        shown = min(recipe.representations, len(self._train))
        layers = (
            representations.represent(
                model, lambda rows: self._outputs(pixels_of(self._train[rows])), shown, self._block
            )
            if shown
            else {}
        )
        self._inspect()
        return Trained(
            epochs=tuple(scored),
            test=torch.stack([test for test, _ in scored.values()]).numpy(),
            validation=torch.stack([validation for _, validation in scored.values()]).numpy(),
            train=logits.numpy(),
            losses=losses,
            attacked=attacked,
            representations=layers,
            parameters=sum(value.numel() for value in inspection.parameters_of(model).values()),
            steps=steps,
            images=images,
            seconds=seconds,
            model_seconds=model_seconds,
        )


def batches(order: Tensor, size: int, drop_last: bool) -> list[Tensor]:
    """Consecutive parts of an order [n], each of `size`; the last may be smaller, unless it is dropped.

    A last part of one image joins the part before it. Raises ValueError if all would be dropped.
    """
    parts = list(torch.split(order, size))
    if drop_last and len(parts[-1]) < size:
        parts.pop()
    elif len(parts) > 1 and len(parts[-1]) == 1 < size:
        single = parts.pop()
        parts[-1] = torch.cat((parts[-1], single))
    if not parts:
        raise ValueError(f"{len(order)} images make no batch of {size}, and smaller ones are dropped")
    return parts


def learning_rate_at(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate of a step, from 0 to steps - 1."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    return recipe.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2


def make_optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimizer for all parameters that require a gradient; `adam` adds the decay to the gradient."""
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    parameters = [value for value in inspection.parameters_of(model).values() if value.requires_grad]
    kind: Any = kinds[recipe.optimizer]
    optimizer: torch.optim.Optimizer = kind(
        parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    return optimizer


def channel_moments(images: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel of images [n, H, W, C], float64 [C]; of a constant channel 1.

    Sums are of integers, so they are exact.
    """
    channels = images.shape[3]
    sums, squares = np.zeros(channels, dtype=np.int64), np.zeros(channels, dtype=np.int64)
    for image in images:
        values = image.reshape(-1, channels).astype(np.int64)
        sums += values.sum(axis=0)
        squares += (values * values).sum(axis=0)
    count = images.size // channels
    mean = sums / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    return mean, np.where(deviation > 0, deviation, 1.0)
