"""DenseNet-121 (Huang et al., CVPR 2017), as torchvision builds it."""

from torch import nn
from torch.nn import functional
from torchvision.models import densenet121

SMALLEST = 32


def build(in_channels, num_classes, image_size):
    """Logits [n, num_classes] from images [n, C, H, W].

    Five layers halve the size each, so images below 32 pixels are enlarged to 32 (bilinear).
    """
    model = densenet121(weights=None, num_classes=num_classes)
    if in_channels != 3:
        model.features.conv0 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
    if image_size < SMALLEST:
        model.register_forward_pre_hook(enlarge)
    return model


def enlarge(model, inputs):
    return functional.interpolate(inputs[0], size=(SMALLEST, SMALLEST), mode="bilinear", align_corners=False)
