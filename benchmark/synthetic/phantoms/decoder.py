"""Decoder: an untrained smooth network that makes images of latents, as image generators do.

A linear layer to 4 x 4 pixels, then four times: twice the pixels by linear interpolation, a mixture of the channels, a
fixed map for each channel, and an activation. Weights are orthogonal and rounded, and sums run over channels in their
order, so bytes agree everywhere.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from
from benchmark.synthetic.phantoms.equalise import mean_effects
from benchmark.synthetic.phantoms.family import BoxPhantom, Family

if TYPE_CHECKING:
    from torch import Tensor

MAXIMUM = 64
START = 4
"""Pixels a side after the first layer."""
CHANNELS = (32, 16, 12, 8, 4)
"""After the first layer and after each doubling."""
GAIN = 4.0
"""Norm of the first layer's input weights, over the root of the dimension."""
MIX = 1.9
"""Scale of the mixtures of channels."""
MAPS = (0.6, 0.5, 0.45, 0.25, 0.10)
"""Scale of the fixed maps: the finer the weaker, as in pictures."""
CONTRAST = 0.9
"""Standard deviation of the image before it is squeezed into 0..1."""
PROBES = 64
"""Latents at which the mean and the standard deviation are taken."""
DIGITS = 6
"""Decimals of the weights: a factorisation's last bits differ between machines."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Decoder(BoxPhantom):
    """A network with its weights."""

    first: Floats
    """[d, channels * 4 * 4]"""
    mixtures: tuple[Floats, ...]
    """Each [channels out, channels in]; the last makes one channel."""
    maps: tuple[Floats, ...]
    """Each [channels, pixels, pixels], added after the first layer and after each mixture but the last."""
    mean: float = 0.0
    """Subtracted from the image, then multiplied by `contrast`."""
    contrast: float = 1.0

    def render(self, latents: "Tensor", size: int) -> "Tensor":
        """Latents [n, d] to images [n, size, size]: the network's image, interpolated to the size."""
        import torch

        maps = [torch.from_numpy(part).to(latents) for part in self.maps]
        weights = torch.from_numpy(self.first).to(latents)
        features = maps[0].flatten()
        for j in range(self.dimension):
            features = features + latents[:, j : j + 1] * weights[j]
        features = smooth_unit(features.reshape(-1, *maps[0].shape))
        for mixture, fixed in zip(self.mixtures[:-1], maps[1:], strict=True):
            features = smooth_unit(_mix(_doubled(_doubled(features, 2), 3), mixture) + fixed)
        image = _mix(features, self.mixtures[-1])[:, 0]
        image = (_resized(_resized(image, size, 1), size, 2) - self.mean) * self.contrast
        return 0.5 + 0.5 * image / (1 + image * image).sqrt()


def smooth_unit(x: "Tensor") -> "Tensor":
    """Return x (1 + x / sqrt(1 + x^2)) / 2: shaped like SiLU (Elfwing et al. 2018), without an exponential."""
    return 0.5 * x * (1 + x / (1 + x * x).sqrt())


def _mix(features: "Tensor", mixture: Floats) -> "Tensor":
    """Channels [n, in, h, w] to [n, out, h, w]."""
    import torch

    weights = torch.from_numpy(mixture).to(features)[:, :, None, None]
    total = features[:, 0:1] * weights[:, 0]
    for k in range(1, features.shape[1]):
        total = total + features[:, k : k + 1] * weights[:, k]
    return total


def _doubled(x: "Tensor", dim: int) -> "Tensor":
    """Twice as many pixels along `dim`, linearly interpolated between pixel centres."""
    import torch

    size = x.shape[dim]
    before = torch.cat([x.narrow(dim, 0, 1), x.narrow(dim, 0, size - 1)], dim)
    after = torch.cat([x.narrow(dim, 1, size - 1), x.narrow(dim, size - 1, 1)], dim)
    middle = 0.75 * x
    return torch.stack([middle + 0.25 * before, middle + 0.25 * after], dim + 1).flatten(dim, dim + 1)


def _resized(x: "Tensor", size: int, dim: int) -> "Tensor":
    """`size` pixels along `dim`, linearly interpolated between pixel centres; x itself where it has so many."""
    import torch

    have = x.shape[dim]
    if size == have:
        return x
    place = np.clip((np.arange(size) + 0.5) * have / size - 0.5, 0, have - 1)
    low = np.minimum(place.astype(np.int64), have - 2)
    shape = [size if i == dim else 1 for i in range(x.ndim)]
    share = torch.from_numpy(place - low).to(x).reshape(shape)
    below, above = (x.index_select(dim, torch.from_numpy(low + k).to(x.device)) for k in (0, 1))
    return below + share * (above - below)


def _orthogonal(rows: int, columns: int, rng: np.random.Generator) -> Floats:
    """A matrix [rows, columns] whose rows or columns, whichever are fewer, are orthonormal."""
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return np.asarray(q if rows >= columns else q.T)


def make(dimension: int, seed: int) -> Decoder:
    """A network of random weights; those of a smaller dimension are the first of a larger."""
    import torch

    rng = np.random.default_rng(seed_from(phantom="decoder", weights=seed))
    first = _orthogonal(MAXIMUM, CHANNELS[0] * START**2, rng)
    mixtures, maps = [], [MAPS[0] * rng.standard_normal((CHANNELS[0], START, START))]
    for i, (before, after) in enumerate(pairwise(CHANNELS)):
        mixtures.append(MIX * np.sqrt(before / after) * _orthogonal(after, before, rng))
        maps.append(MAPS[i + 1] * rng.standard_normal((after, START * 2 ** (i + 1), START * 2 ** (i + 1))))
    mixtures.append(_orthogonal(1, CHANNELS[-1], rng))
    first = GAIN * 4 / np.sqrt(dimension) * first[:dimension]
    network = Decoder(dimension, _rounded([first])[0], _rounded(mixtures), _rounded(maps))
    with torch.inference_mode():
        squeezed = network.render(torch.from_numpy(rng.uniform(-1, 1, (PROBES, dimension))), 64).numpy() * 2 - 1
    plain = squeezed / np.sqrt(1 - squeezed**2)
    network = replace(network, mean=float(f"{plain.mean():.4g}"), contrast=float(f"{CONTRAST / plain.std():.4g}"))
    effects = mean_effects(network.render, dimension)
    scales = np.exp(np.mean(np.log(effects))) / effects
    return replace(network, first=_rounded([first * scales[:, None]])[0])


def _rounded(parts: list[Floats]) -> tuple[Floats, ...]:
    return tuple(part.round(DIGITS) for part in parts)


FAMILY = Family(
    name="decoder",
    domain="natural",
    about="Images of an untrained smooth network with orthogonal weights, as a generator of pictures begins.",
    maximum=MAXIMUM,
    make=make,
)
