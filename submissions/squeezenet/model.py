"""SqueezeNet 1.1 (Iandola et al., 2016), as torchvision builds it."""

from torch import nn
from torchvision.models import squeezenet1_1


def build(in_channels, num_classes, image_size):
    """Logits [n, num_classes] from images [n, C, H, W]. From 17 pixels on; the last feature map is averaged."""
    model = squeezenet1_1(weights=None, num_classes=num_classes)
    if in_channels != 3:
        model.features[0] = nn.Conv2d(in_channels, 64, kernel_size=3, stride=2)
    return model
