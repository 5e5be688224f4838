"""What each layer of a model makes of images, as points with the same pairwise distances in few coordinates.

n images have at most n - 1 dimensions between them, however wide the layer: the centred Gram matrix (float64) gives
coordinates [n, min(n - 1, D)] whose pairwise distances are those of the outputs (classical scaling: Torgerson,
Psychometrika 1952). They are float32, so a distance is exact to about 1e-7 of the layer's extent.

Reported, in the order in which they run: the model's children, and one level down those of an `nn.Sequential` (its last
child bears the name of the whole); then `logits`, all that the model returns. Normalisation, activations, dropout and
flattening belong to the layer before them. A model that only wraps another is reported as the other.
A layer that runs more than once in a forward is reported as it is the last time.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

LOGITS = "logits"
LAYERS = 256
"""No more are reported; of a model with more, the last."""
MEMORY_BYTES = 1 << 30
"""What outputs may take at one time; wider layers are taken in parts, with a forward of all images for each."""
COLUMNS = 4096
"""So many columns go into one float64 product."""
BELONG_TO_THE_LAYER_BEFORE = ("activation", "batchnorm", "dropout", "flatten", "instancenorm", "normalization")

Forward = Callable[[slice], Tensor]


@dataclass(frozen=True, slots=True)
class _Part:
    """Columns of a layer's flattened outputs."""

    layer: str
    start: int
    stop: int


def represent(
    model: nn.Module, forward: Forward, count: int, block: int, memory_bytes: int = MEMORY_BYTES
) -> dict[str, NDArray[np.float32]]:
    """Coordinates of each layer's outputs for the first `count` images: name -> float32 [count, min(count - 1, D)].

    model: in evaluation mode; `forward` runs it on the images of a slice and returns its outputs, float32 [b, c].
    block: images in one forward. memory_bytes: for outputs, beside the n^2 and the model's own.
    Images with exactly the same outputs get exactly the same coordinates.
    """
    with torch.inference_mode():
        layers = _widths(model, forward, min(block, count))
        points: dict[str, NDArray[np.float32]] = {}
        sums: dict[str, _Sum] = {}
        for parts in _passes(layers, count, memory_bytes):
            for part, values in _outputs(model, forward, parts, count, block):
                width = layers[part.layer]
                sums.setdefault(part.layer, _Sum(count, width, values.device)).add(values)
                if part.stop == width:
                    points[part.layer] = sums.pop(part.layer).coordinates()
    return {name: points[name] for name in layers}


def reported_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The layers worth reporting by name, in order of definition; see above for which."""
    prefix, children = "", dict(model.named_children())
    while len(children) == 1:
        ((name, only),) = children.items()
        inner = dict(only.named_children())
        if not inner:
            break
        prefix, children = f"{prefix}{name}.", inner
    layers: dict[str, nn.Module] = {}
    for name, child in children.items():
        if isinstance(child, nn.Sequential):
            for inner_name, inner_child in list(child.named_children())[:-1]:
                if not _belongs_to_the_layer_before(inner_child):
                    layers[f"{prefix}{name}.{inner_name}"] = inner_child
            layers[prefix + name] = child
        elif not _belongs_to_the_layer_before(child):
            layers[prefix + name] = child
    return layers


def _belongs_to_the_layer_before(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Identity):
        return True
    package, _, kind = type(layer).__module__.rpartition(".")
    return package == "torch.nn.modules" and kind in BELONG_TO_THE_LAYER_BEFORE and not any(layer.children())


def _widths(model: nn.Module, forward: Forward, rows: int) -> dict[str, int]:
    """Name -> D of every layer that gives one tensor with a row for each image, in the order in which they run."""
    seen: dict[str, Tensor] = {}
    last: list[Any] = []

    def note(name: str, output: Any) -> None:
        if isinstance(output, Tensor) and output.is_floating_point() and output.dim() > 1 and len(output) == rows:
            seen[name] = output

    with _hooks(reported_layers(model), note), _hooks({LOGITS: model}, lambda _, output: last.append(output)):
        outputs = forward(slice(0, rows))
    widths = {name: output[0].numel() for name, output in seen.items() if output is not last[-1]}
    kept = list(widths.items())[-(LAYERS - 1) :]
    return {name: width for name, width in kept if width} | {LOGITS: outputs.shape[1]}


@contextmanager
def _hooks(layers: Mapping[str, nn.Module], note: Callable[[str, Any], None]) -> Iterator[None]:
    def hook(name: str) -> Callable[..., None]:
        return lambda module, inputs, output: note(name, output)  # noqa: ARG005 - what torch calls it with

    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _passes(layers: Mapping[str, int], count: int, memory_bytes: int) -> Iterator[list[_Part]]:
    """Parts of layers, in order, gathered so that the outputs of each pass fit into memory."""
    room = max(memory_bytes // (4 * count), count)
    parts: list[_Part] = []
    free = room
    for layer, width in layers.items():
        start = 0
        while start < width:
            # A layer narrow enough to be returned as it is stays in one part.
            if free == 0 or (width < count and free < width):
                yield parts
                parts, free = [], room
            stop = min(width, start + free)
            parts.append(_Part(layer, start, stop))
            free -= stop - start
            start = stop
    yield parts


def _outputs(
    model: nn.Module, forward: Forward, parts: list[_Part], count: int, block: int
) -> Iterator[tuple[_Part, Tensor]]:
    """The outputs of one pass: for each part float32 [count, columns]."""
    values: dict[_Part, Tensor] = {}
    of_layer: dict[str, list[_Part]] = {}
    for part in parts:
        of_layer.setdefault(part.layer, []).append(part)
    rows = slice(0, 0)

    def keep(name: str, output: Tensor) -> None:
        for part in of_layer[name]:
            columns = output.flatten(1)[:, part.start : part.stop]
            if part not in values:
                values[part] = torch.empty((count, part.stop - part.start), device=output.device)
            values[part][rows] = columns  # a copy: what follows may work in place

    hooked = {name: layer for name, layer in reported_layers(model).items() if name in of_layer}
    with _hooks(hooked, keep):
        for start in range(0, count, block):
            rows = slice(start, min(start + block, count))
            outputs = forward(rows)
            if LOGITS in of_layer:
                keep(LOGITS, outputs)
    for part in parts:
        yield part, values.pop(part)


class _Sum:
    """Gathers the columns of a layer, a part at a time."""

    def __init__(self, count: int, width: int, device: torch.device) -> None:
        self._width = width
        self._narrow: Tensor | None = None
        self._gram = torch.zeros((count, count), dtype=torch.float64, device=device)
        self._keys = torch.zeros(count, dtype=torch.int64, device=device)
        self._generator = torch.Generator().manual_seed(width)

    def add(self, values: Tensor) -> None:
        """Add columns, float32 [n, columns]."""
        for columns in torch.split(values, COLUMNS, dim=1):
            centred = columns.double()
            centred -= centred.mean(0)
            if self._width < len(columns):
                self._narrow = centred if self._narrow is None else torch.cat((self._narrow, centred), 1)
            else:
                self._gram.addmm_(centred, centred.T)
            # A sum of integers has no rounding, so exact copies have the same key in whatever order it is taken.
            factors = torch.randint(1, 1 << 62, (columns.shape[1],), generator=self._generator) | 1
            bits = (columns + 0.0).view(torch.int32).to(torch.int64)
            self._keys += (bits * factors.to(bits.device)).sum(1)

    def coordinates(self) -> NDArray[np.float32]:
        """The points, float32 [n, min(n - 1, D)]."""
        if self._narrow is not None:
            points = self._narrow.cpu().numpy()
        else:
            points = coordinates_from_gram(self._gram.cpu().numpy())
        # The search for axes is not exact, and would tell copies apart by its rounding.
        _, first, inverse = np.unique(self._keys.cpu().numpy(), return_index=True, return_inverse=True)
        return np.ascontiguousarray(points[first[inverse]], dtype=np.float32)


def coordinates_from_gram(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [n, n - 1] whose inner products are the centred Gram matrix [n, n]; axes by falling variance.

    The sign of each axis is such that its largest coordinate is positive.
    """
    variances, axes = np.linalg.eigh(gram)
    points: NDArray[np.float64] = axes[:, :0:-1] * np.sqrt(np.maximum(variances[:0:-1], 0.0))
    if points.size:
        largest = np.take_along_axis(points, np.abs(points).argmax(axis=0)[None], axis=0)
        points *= np.where(largest < 0, -1.0, 1.0)
    return points
