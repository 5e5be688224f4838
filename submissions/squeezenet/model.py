"""SqueezeNet 1.1 (Iandola et al., 2016), as torchvision builds it."""

from torch import nn
from torch.nn import functional
from torchvision.models import squeezenet1_1

SMALLEST = 17


def build(in_channels, num_classes, image_size):
    """Logits [n, num_classes] from images [n, C, H, W].

    The strides leave nothing of images below 17 pixels, so these are enlarged to 17 (bilinear).
    """
    model = squeezenet1_1(weights=None, num_classes=num_classes)
    if in_channels != 3:
        model.features[0] = nn.Conv2d(in_channels, 64, kernel_size=3, stride=2)
    if image_size < SMALLEST:
        model.register_forward_pre_hook(enlarge)
    return model


def enlarge(model, inputs):
    return functional.interpolate(inputs[0], size=(SMALLEST, SMALLEST), mode="bilinear", align_corners=False)
