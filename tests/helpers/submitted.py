"""What is submitted: the code of a submission as a module, and a small model to submit."""

import importlib.util
from pathlib import Path
from types import ModuleType


def load_submitted(path: Path) -> ModuleType:
    """A file of a submission, run anew at each call, as in a worker."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODEL_MANIFEST = (
    'name = "mine"\ntrack = "models"\nentry = "model.py:build"\nauthors = ["A"]\nlicence = "MIT"\n'
    'reference = "none"\ndescription = "For tests."\n'
)
LINEAR = """
import torch
from torch import nn


class Linear(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.layer = nn.Linear(features, classes)

    def forward(self, images):
        return self.layer(images.flatten(1))


def build(in_channels, num_classes, image_size):
    return Linear(in_channels * image_size**2, num_classes)
"""
