"""Images per second of the trainer beside a plain loop: same images, model and threads.

`make bench` measures it on the processor, `make gpu-check` on a GPU.

The plain loop is the usual one: a dataset that decodes its file for each image, resizes it and scales it by its
maximum, a loader that makes float32 batches of them, and a step for each. The files are in memory and have the size
that is asked for, which is in its favour. Both rows time a whole training; `images per second` counts the epochs alone,
and `outside the model` is the share of their time that is not forward, backward and the optimizer's step.
"""

import io
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from benchmark.paths import REPOSITORY
from benchmark.training import fit
from benchmark.training.network import Watch
from submitted import load_submitted

TRAININGS = {
    "small-cnn, 28 px": ("small-cnn", 28, 500, 2),
    "resnet18, 28 px": ("resnet18", 28, 500, 1),
    "resnet18, 224 px": ("resnet18", 224, 60, 1),
}
"""Model, pixels, images, epochs; on a GPU MORE times as many images."""
MORE = 20
BATCH, RATE, DECAY = 20, 1e-3, 1e-4
FEW = 10
"""Images where the tests only run."""


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU on this machine")
    return request.param


@pytest.fixture(params=TRAININGS)
def training(request, benchmark, device):
    """`build`, images uint8 [n, H, W, 1], labels and epochs; the name is the group."""
    name, size, count, epochs = TRAININGS[request.param]
    benchmark.group = f"{request.param}, {device}"
    if device == "cuda":
        count *= MORE
    if benchmark.disabled:
        count, epochs = FEW, 1
    generator = np.random.default_rng(0)
    coarse = generator.integers(1, 256, (count, size // 7, size // 7)).astype(np.uint8)
    images = coarse.repeat(7, axis=1).repeat(7, axis=2)[..., None]
    return load(name), images, np.arange(count) % 2, epochs


def load(name):
    return load_submitted(REPOSITORY / "submissions" / name / "model.py").build


def report(benchmark, capsys, images, seconds, model_seconds):
    """Into the benchmark's own file, and onto the terminal where speed is measured."""
    rate, outside = images / seconds, 1 - model_seconds / seconds
    benchmark.extra_info |= {"images per second": rate, "outside the model": outside}
    if not benchmark.disabled:
        with capsys.disabled():
            line = f"{benchmark.group}, {benchmark.name}: {rate:,.1f} images/s, {outside:.1%} outside the model"
            sys.stdout.write(f"\n{line}\n")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_trainer(benchmark, training, device, precision, capsys):
    build, images, labels, epochs = training
    recipe = fit.recipe_from(
        {
            "epochs": epochs,
            "batch_size": BATCH,
            "learning_rate": RATE,
            "optimizer": "adam",
            "weight_decay": DECAY,
            "schedule": "constant",
            "precision": precision,
            "inputs": "raw",
            "head": "classes",
            "evaluate": [epochs],
            "attacks": [],
            "representations": 0,
            "max_parameters": 10**9,
            "drop_last": False,
        }
    )
    data = fit.Data(images, labels, images[:1], labels[:1], images[:1], 2)
    done = benchmark.pedantic(fit.train, args=(build, data, recipe, 0, device), rounds=2, warmup_rounds=1)
    assert done.images == epochs * len(images)
    assert 0 < done.model_seconds <= done.seconds
    report(benchmark, capsys, done.images, done.seconds, done.model_seconds)


class Files(Dataset):
    """Images as files in memory, decoded each time one is asked for."""

    def __init__(self, images, labels):
        self.size, self.labels, self.files = images.shape[1], labels, []
        for image in images:
            stream = io.BytesIO()
            Image.fromarray(image[..., 0]).save(stream, "png")
            self.files.append(stream.getvalue())

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        image = Image.open(io.BytesIO(self.files[index])).convert("L")
        pixels = torch.from_numpy(np.array(image)).float()[None, None]
        resized = functional.interpolate(pixels, size=(self.size, self.size), mode="bilinear", align_corners=False)[0]
        return resized / resized.max() * 255, int(self.labels[index])


def plain_loop(build, files, epochs, device):
    """Seconds of all epochs, and of them those in the model."""
    torch.manual_seed(0)
    model = build(1, 2, files.size).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, weight_decay=DECAY)
    loader, watch = DataLoader(files, BATCH, shuffle=True), Watch(torch.device(device))
    model.train()
    started = time.perf_counter()
    for _ in range(epochs):
        for images, labels in loader:
            inputs, targets = images.to(device), labels.to(device)
            with watch:
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(inputs), targets)
                loss.backward()
                optimizer.step()
            loss.item()  # the running loss that such loops show
    return time.perf_counter() - started, watch.seconds()


def test_plain_loop(benchmark, training, device, capsys):
    build, images, labels, epochs = training
    files = Files(images, labels)
    assert files[3][0].shape == (1, files.size, files.size)
    assert float(files[3][0].max()) == 255.0
    given = build, files, epochs, device
    seconds, model_seconds = benchmark.pedantic(plain_loop, args=given, rounds=2, warmup_rounds=1)
    assert 0 < model_seconds <= seconds
    report(benchmark, capsys, epochs * len(images), seconds, model_seconds)
