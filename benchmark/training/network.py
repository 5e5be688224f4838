"""A model with what is done to images before it: their scale and layout, autocast, and compilation where it pays."""

import shutil
import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.training import inspection

CHANNELS_LAST_SIZE = 64
"""On the processor smaller images are faster as torch has them, channel after channel."""
COMPILED_STEPS = 4000
"""From so many steps on, a compilation of about a minute is a small part of a training on a GPU."""


@dataclass(frozen=True, slots=True)
class Network:
    """A model that takes pixels."""

    model: nn.Module
    columns: int
    """Outputs for each image."""
    mean: Tensor
    """[C, 1, 1] in grey levels, subtracted from the pixels; then they are divided by the deviation."""
    deviation: Tensor
    layout: torch.memory_format = torch.contiguous_format

    def inputs(self, pixels: Tensor) -> Tensor:
        """What the model receives for pixels of 0..255, float32 [n, C, H, W]."""
        return ((pixels - self.mean) / self.deviation).contiguous(memory_format=self.layout)

    def outputs(self, pixels: Tensor, precision: str = "float32") -> Tensor:
        """The model's outputs, float32 [n, columns]; `bfloat16` is autocast. Raises ModelError for another shape."""
        inputs = self.inputs(pixels)
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            outputs = self.model(inputs)
        return inspection.check_outputs(outputs, len(pixels), self.columns).float()


class Watch:
    """Adds up the time of what it is entered for; on a GPU that of the device, without a wait for it."""

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._spans: list[tuple[Any, Any]] = []
        self._started: Any = None

    def _now(self) -> Any:
        if not self._on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def __enter__(self) -> None:
        self._started = self._now()

    def __exit__(self, *_: object) -> None:
        self._spans.append((self._started, self._now()))

    def seconds(self) -> float:
        """The sum; waits for the device."""
        if not self._on_gpu:
            return float(sum(stop - start for start, stop in self._spans))
        torch.cuda.synchronize()
        return float(sum(start.elapsed_time(stop) for start, stop in self._spans)) / 1000


def pixels_of(images: Tensor) -> Tensor:
    """Float32 [n, C, H, W] of bytes [n, H, W, C], channels-last as they lie."""
    return images.permute(0, 3, 1, 2).float()


def laid_out(network: Network, pixels: Tensor) -> Network:
    """The network in channels-last order, if it is convolutional and runs so.

    On the processor not for images below CHANNELS_LAST_SIZE. A model that calls `view` on the outputs of a convolution
    takes their memory for contiguous, and stays as it is.
    """
    model = network.model
    small = pixels.device.type == "cpu" and pixels.shape[-1] < CHANNELS_LAST_SIZE
    if small or not any(isinstance(layer, nn.Conv2d) for layer in model.modules()):
        return network
    last = replace(network, model=model.to(memory_format=torch.channels_last).eval(), layout=torch.channels_last)
    try:
        with torch.inference_mode():
            last.outputs(pixels)
    except RuntimeError as error:
        if "view size is not compatible" not in str(error):
            raise
        return replace(network, model=model.to(memory_format=torch.contiguous_format))
    return last


def compiled(network: Network, steps: int, pixels: Tensor, labels: Tensor, precision: str) -> Network:
    """The network compiled for batches like `pixels` where that pays; else, or if it does not compile, as it is.

    It pays on a GPU, from COMPILED_STEPS steps on; a C compiler must be there. Which it is depends on nothing that is
    measured, so the same training takes the same way each time.
    """
    if pixels.device.type != "cuda" or steps < COMPILED_STEPS or not (shutil.which("gcc") or shutil.which("cc")):
        return network
    return tried(network, pixels, labels, precision)


def tried(network: Network, pixels: Tensor, labels: Tensor, precision: str) -> Network:
    """The network compiled and run once forth and back, its state put back; or, if that fails, as it is."""
    state = {name: value.detach().clone() for name, value in inspection.state_of(network.model).items()}
    generators = torch.get_rng_state(), torch.cuda.get_rng_state_all() if pixels.is_cuda else []
    try:
        network.model.train()
        model: Any = torch.compile(network.model)
        fast = replace(network, model=model)
        torch.autograd.backward(functional.cross_entropy(fast.outputs(pixels, precision), labels))
    except Exception:  # noqa: BLE001 - whatever a compiler raises, the model trains without it
        return network
    finally:
        with torch.no_grad():
            for name, value in inspection.state_of(network.model).items():
                value.copy_(state[name])
                value.grad = None
        torch.set_rng_state(generators[0])
        torch.cuda.set_rng_state_all(generators[1])
    return fast
