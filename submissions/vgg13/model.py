"""VGG-13 (Simonyan and Zisserman, ICLR 2015), as torchvision builds it."""

from torch import nn
from torch.nn import functional
from torchvision.models import vgg13

SMALLEST = 32


def build(in_channels, num_classes, image_size):
    """Logits [n, num_classes] from images [n, C, H, W].

    Five poolings halve the size each, so images below 32 pixels are enlarged to 32 (bilinear).
    """
    model = vgg13(weights=None, num_classes=num_classes)
    if in_channels != 3:
        model.features[0] = nn.Conv2d(in_channels, 64, kernel_size=3, padding=1)
    if image_size < 2 * SMALLEST:
        model.avgpool = Repeated()
    if image_size < SMALLEST:
        model.register_forward_pre_hook(enlarge)
    return model


class Repeated(nn.Module):
    """What the model's pooling makes of 1 x 1 features, as a plain repetition: its gradient is one sum for each."""

    def forward(self, features):
        return features.expand(-1, -1, 7, 7)


def enlarge(model, inputs):
    return functional.interpolate(inputs[0], size=(SMALLEST, SMALLEST), mode="bilinear", align_corners=False)
