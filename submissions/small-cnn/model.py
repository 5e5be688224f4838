"""Three convolutions: what a small network learns."""

from torch import nn

WIDTHS = (32, 64, 128)


def build(in_channels, num_classes, image_size):
    """Logits [n, num_classes] from images [n, C, H, W]. From 8 pixels on; the last feature map is averaged."""
    layers = []
    for width in WIDTHS:
        layers.append(block(in_channels, width))
        in_channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_channels, num_classes))


def block(in_channels, width):
    return nn.Sequential(
        nn.Conv2d(in_channels, width, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
