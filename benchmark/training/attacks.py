"""Images that are changed a little so that a model errs: FGSM and PGD, in grey levels.

FGSM: Goodfellow et al., ICLR 2015. PGD: Madry et al., ICLR 2018. Both in the maximum norm, on pixels of 0..255, with
the gradient taken through the scaling of the inputs. FGSM is PGD of one step as long as the ball's radius.

A model whose outputs do not depend on the pixels in a differentiable way, or whose loss is so small that its gradient
vanishes in float32, leaves the images as they are: that is no proof of robustness.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

BLACK, WHITE = 0.0, 255.0


@dataclass(frozen=True, slots=True)
class Attack:
    """How images are changed; lengths are in grey levels of 0..255."""

    name: str
    epsilon: float
    """No pixel moves further than this."""
    steps: int
    step_size: float
    """How far each pixel moves in one step."""
    random_start: bool = False
    """Begin at a random point of the ball, not at the image."""


def attacked(
    attack: Attack, outputs: Callable[[Tensor], Tensor], pixels: Tensor, labels: Tensor, generator: torch.Generator
) -> Tensor:
    """The images after the attack, float32 [n, C, H, W] in 0..255.

    outputs: from pixels [n, C, H, W] in 0..255 to float [n, classes]; the cross entropy with the labels is raised.
    pixels: float32. labels: int64 [n]. generator: of the processor; drawn from only for a random start.
    """
    low = (pixels - attack.epsilon).clamp_min(BLACK)
    high = (pixels + attack.epsilon).clamp_max(WHITE)
    moved = pixels
    if attack.random_start:
        drawn = torch.rand(pixels.shape, generator=generator).to(pixels.device)
        moved = (pixels + attack.epsilon * (2 * drawn - 1)).clamp(low, high)
    for _ in range(attack.steps):
        moved = (moved + attack.step_size * _gradient(outputs, moved, labels).sign()).clamp(low, high)
    return moved


def _gradient(outputs: Callable[[Tensor], Tensor], pixels: Tensor, labels: Tensor) -> Tensor:
    """Of the summed loss, so that no image's gradient depends on the number of images; zero where there is none."""
    with torch.enable_grad():
        leaf = pixels.detach().clone().requires_grad_()
        loss = functional.cross_entropy(outputs(leaf), labels, reduction="sum")
        if not loss.requires_grad:
            return torch.zeros_like(pixels)
        (gradient,) = torch.autograd.grad(loss, leaf, allow_unused=True)
    return torch.zeros_like(pixels) if gradient is None else gradient.nan_to_num()
