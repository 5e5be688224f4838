"""Cards, data and cache of a test's own, made of a few small images."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.data.card import Card, all_cards

TINY = """
id = "{id}"
name = "Tiny"
domain = "radiology"
modality = "none"
loader = "images"
source = "made in a test"
licence = "CC0"
citation = "none"
channels = 1
classes = ["no", "yes"]
sizes = [8]
splits = {{ train = {count} }}
options = {{ path = "folders/{file}" }}
{more}
"""


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A folder with `cards`, `data` and `cache`, which the variables of the environment name."""
    for name, variable in (
        ("cards", "MANIFOLDBENCH_DATASETS"),
        ("data", "MANIFOLDBENCH_DATA"),
        ("cache", "MANIFOLDBENCH_CACHE"),
    ):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / name))
    (tmp_path / "data" / "folders").mkdir()
    return tmp_path


@pytest.fixture(scope="session")
def checkout_card() -> Callable[[str], Card]:
    """A card of the checkout, wherever MANIFOLDBENCH_DATASETS points."""
    return all_cards().__getitem__


@pytest.fixture
def make_card(home) -> Callable[..., Path]:
    """Write a card: the tiny one by default, with lines added or pieces replaced."""

    def make(
        dataset: str = "tiny",
        file: str = "tiny.npz",
        count: int = 6,
        more: str = "",
        replace: tuple[str, str] = ("", ""),
    ) -> Path:
        path = home / "cards" / dataset / "dataset.toml"
        path.parent.mkdir(exist_ok=True)
        text = TINY.format(id=dataset, file=file, count=count, more=more)
        path.write_text(text.replace(*replace) if replace[0] else text)
        return path

    return make


@pytest.fixture
def write_tiny(home) -> Callable[..., Path]:
    """Write the raw file of the card `tiny`: random images of 8 x 8 pixels with labels 0 and 1."""

    def write(seed: int, count: int = 6) -> Path:
        path = home / "data" / "folders" / "tiny.npz"
        pixels = np.random.default_rng(seed).integers(0, 256, (count, 8, 8), dtype=np.uint8)
        np.savez(path, images=pixels, labels=np.arange(count, dtype=np.uint8) % 2)
        return path

    return write


@pytest.fixture
def tiny(make_card, write_tiny) -> Path:
    """The card `tiny` and its six images: the path of the .npz file."""
    make_card()
    return write_tiny(seed=0)


@pytest.fixture
def image_folder(tmp_path) -> Path:
    """Two class folders of three images each: PNG, JPEG and PGM, grey, 12 x 10 pixels."""
    folder = tmp_path / "images"
    for number, name in enumerate(("sick/a.png", "sick/b.jpg", "sick/c.pgm", "well/d.png", "well/e.png", "well/f.png")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((10, 12), 40 * number, dtype=np.uint8)).save(path)
    return folder


@pytest.fixture
def without_permission(tmp_path) -> Callable[[], AbstractContextManager[None]]:
    """Root may do everything: a context in which the process is nobody. The test's own folder is open to all."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)

    @contextmanager
    def nobody() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return nobody
