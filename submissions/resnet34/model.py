"""ResNet-34 (He et al., CVPR 2016), as torchvision builds it."""

from torch import nn
from torchvision.models import resnet34


def build(in_channels, num_classes, image_size):
    """Logits [n, num_classes] from images [n, C, H, W]. Any size: the last feature map is averaged."""
    model = resnet34(weights=None, num_classes=num_classes)
    if in_channels != 3:
        model.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
    return model
