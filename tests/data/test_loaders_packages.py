"""The loaders of medmnist and torchvision, on small files in the packages' own formats."""

import pickle
import struct

import numpy as np
import pytest
from PIL import Image

from benchmark.data.loaders import LOADERS
from benchmark.errors import UserError


def test_a_medmnist_file_of_any_size(home, checkout_card):
    card = checkout_card("pathmnist")
    path = home / "data" / "medmnist" / "pathmnist_64.npz"
    path.parent.mkdir()
    colour, labels = np.zeros((2, 64, 64, 3), np.uint8), np.array([[3], [8]], np.uint8)
    np.savez(path, test_images=colour, test_labels=labels)
    images = LOADERS["medmnist"].load(card, home / "data", "test", 64)
    assert images.pixels.shape == (2, 64, 64, 3)
    assert images.labels.tolist() == [3, 8]
    with pytest.raises(UserError, match=r"pathmnist_64\.npz: no arrays train_images and train_labels"):
        LOADERS["medmnist"].load(card, home / "data", "train", 64)


def test_multi_label_sets_keep_their_columns(home, checkout_card):
    path = home / "data" / "medmnist" / "chestmnist.npz"
    path.parent.mkdir()
    np.savez(path, val_images=np.zeros((2, 28, 28), np.uint8), val_labels=np.eye(2, 14, dtype=np.uint8))
    images = LOADERS["medmnist"].load(checkout_card("chestmnist"), home / "data", "val", 28)
    assert images.labels.shape == (2, 14)


def idx(array):
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


@pytest.fixture
def torchvision_root(home, monkeypatch):
    """`torchvision/` below the data folder, where files of a test pass for the official ones."""
    import torchvision.datasets as packages

    for module in (packages.cifar, packages.svhn, packages.stl10, packages.celeba):
        monkeypatch.setattr(module, "check_integrity", lambda path, md5=None: True)
    folder = home / "data" / "torchvision"
    folder.mkdir()
    return folder


@pytest.fixture
def load_torchvision(home, checkout_card):
    """Read a split of a card of the checkout from the data folder of the test."""

    def load(dataset, split, size=None):
        card = checkout_card(dataset)
        return LOADERS["torchvision"].load(card, home / "data", split, size or card.sizes[0])

    return load


RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)


def write_kmnist(folder):
    raw = folder / "KMNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(PICTURES[:, :28, :28, 0]))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.array([9, 4], np.uint8)))
    return raw


def test_kmnist(torchvision_root, load_torchvision):
    write_kmnist(torchvision_root)
    images = load_torchvision("kmnist", "test")
    np.testing.assert_array_equal(images.pixels, PICTURES[:, :28, :28, :1])
    assert images.labels.tolist() == [9, 4]


def test_a_truncated_idx_file_is_a_sentence(torchvision_root, load_torchvision):
    path = write_kmnist(torchvision_root) / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=r"torchvision \(kmnist\): cannot be read: "):
        load_torchvision("kmnist", "train")


def test_cifar(torchvision_root, load_torchvision):
    rows = PICTURES.transpose(0, 3, 1, 2).reshape(2, -1)
    folder = torchvision_root / "cifar-100-python"
    folder.mkdir()
    (folder / "test").write_bytes(pickle.dumps({"data": rows, "fine_labels": [3, 99]}))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": []}))
    images = load_torchvision("cifar100", "test")
    np.testing.assert_array_equal(images.pixels, PICTURES)
    assert images.labels.tolist() == [3, 99]


def test_cifar_of_another_checksum_is_never_unpickled(home, load_torchvision):
    folder = home / "data" / "torchvision" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (folder / name).write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UserError, match=r"torchvision \(cifar10\): cannot be read: Dataset not found or corrupted"):
        load_torchvision("cifar10", "test")


def test_svhn(torchvision_root, load_torchvision):
    from scipy.io import savemat

    savemat(torchvision_root / "test_32x32.mat", {"X": PICTURES.transpose(1, 2, 3, 0), "y": np.array([[10], [4]])})
    images = load_torchvision("svhn", "test")
    np.testing.assert_array_equal(images.pixels, PICTURES)
    assert images.labels.tolist() == [0, 4]  # the files write 0 as 10


def test_stl10(torchvision_root, load_torchvision):
    folder = torchvision_root / "stl10_binary"
    folder.mkdir()
    pictures = RANDOM.integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)
    (folder / "test_X.bin").write_bytes(pictures.transpose(0, 3, 2, 1).tobytes())
    (folder / "test_y.bin").write_bytes(bytes([1, 10]))
    (folder / "class_names.txt").write_text("airplane\n")
    images = load_torchvision("stl10", "test")
    np.testing.assert_array_equal(images.pixels, pictures)
    assert images.labels.tolist() == [0, 9]


def test_celeba_with_people_as_groups(torchvision_root, load_torchvision):
    folder = torchvision_root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = ["000001.jpg", "000002.jpg", "000003.jpg"]
    for number, name in enumerate(names):
        Image.new("RGB", (178, 218), (80 * number, 0, 0)).save(folder / "img_align_celeba" / name)
    tables = {
        "list_eval_partition.txt": [f"{name} {part}" for name, part in zip(names, (0, 1, 1), strict=True)],
        "identity_CelebA.txt": [f"{name} {person}" for name, person in zip(names, (7, 7, 90), strict=True)],
        "list_attr_celeba.txt": ["3", "Bald Smiling", *(f"{n} -1 {s}" for n, s in zip(names, (1, -1, 1), strict=True))],
        "list_bbox_celeba.txt": ["3", "x y w h", *(f"{name} 1 1 1 1" for name in names)],
        "list_landmarks_align_celeba.txt": ["3", "x y", *(f"{name} 1 1" for name in names)],
    }
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    images = load_torchvision("celeba", "val", 64)
    assert images.pixels.shape == (2, 64, 64, 3)
    assert np.abs(images.pixels[:, 32, 32, 0].astype(int) - [80, 160]).max() <= 2
    assert images.labels.tolist() == [0, 1]
    assert images.groups.tolist() == [0, 1]


def test_imagenet_lies_in_a_folder_of_its_own(torchvision_root, load_torchvision):
    import torch

    folder = torchvision_root / "imagenet"
    for number, wnid in enumerate(("n01440764", "n01443537")):
        (folder / "val" / wnid).mkdir(parents=True)
        Image.new("RGB", (120, 90), (0, 100 * number, 0)).save(folder / "val" / wnid / "a.JPEG")
    torch.save(({"n01440764": ("tench",), "n01443537": ("goldfish",)}, []), folder / "meta.bin")
    images = load_torchvision("imagenet", "val", 64)
    assert images.pixels.shape == (2, 64, 64, 3)
    assert images.labels.tolist() == [0, 1]
    (folder / "val" / "n01443537" / "a.JPEG").write_bytes(b"")
    with pytest.raises(UserError, match=r"n01443537/a\.JPEG: cannot be read as an image"):
        load_torchvision("imagenet", "val", 64)
