"""Control: the most frequent class of the training labels, whatever the image."""

import torch
from torch import nn


def build(in_channels, num_classes, image_size):
    return Majority(num_classes)


class Majority(nn.Module):
    """Logits [n, num_classes]: the logarithm of each class's share of the labels, one image added to each class."""

    def __init__(self, num_classes):
        super().__init__()
        self.num_classes = num_classes

    def fit(self, images, labels):
        counts = torch.bincount(labels, minlength=self.num_classes) + 1.0
        self.logits = (counts / counts.sum()).log()

    def forward(self, images):
        return self.logits.expand(len(images), -1)
