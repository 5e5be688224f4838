"""Logistic regression on pixels: what a linear boundary can tell apart."""

from torch import nn


def build(in_channels, num_classes, image_size):
    """Logits [n, num_classes] from images [n, C, H, W]."""
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * image_size**2, num_classes))
