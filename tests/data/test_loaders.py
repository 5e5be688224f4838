"""Loaders: real counts and labels, every format, every way a file can be wrong."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from benchmark.data.card import load_card
from benchmark.data.images import DatasetMissing
from benchmark.data.loaders import LOADERS
from benchmark.data.loaders import decode as decode_module
from benchmark.data.loaders.images import load_images
from benchmark.data.store import prepared
from benchmark.errors import UserError

COUNTS = [
    ("breastmnist", "train", (546, 28, 28, 1), [147, 399]),
    ("breastmnist", "val", (78, 28, 28, 1), None),
    ("breastmnist", "test", (156, 28, 28, 1), None),
    ("pneumoniamnist", "train", (4708, 28, 28, 1), [1214, 3494]),
    ("pneumoniamnist", "val", (524, 28, 28, 1), None),
    ("pneumoniamnist", "test", (624, 28, 28, 1), None),
    ("mnist", "train", (60000, 28, 28, 1), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
    ("mnist", "test", (10000, 28, 28, 1), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ("fashionmnist", "test", (10000, 28, 28, 1), [1000] * 10),
    ("cifar10-4k", "train", (4000, 32, 32, 3), None),
    ("mednist-abdomenct", "train", (3000, 64, 64, 1), None),
    ("mednist-breastmri", "train", (3000, 64, 64, 1), None),
    ("mednist-cxr", "train", (3000, 64, 64, 1), None),
    ("mednist-chestct", "train", (3000, 64, 64, 1), None),
    ("mednist-hand", "train", (3000, 64, 64, 1), None),
    ("mednist-headct", "train", (3000, 64, 64, 1), None),
    ("nih-chest-xray-224", "train", (1000, 224, 224, 1), [500, 500]),
    ("brain-tumor-mri-224", "train", (2000, 224, 224, 1), [500] * 4),
    ("brain-tumor-mri-224", "test", (800, 224, 224, 1), [200] * 4),
    ("chest-xray-pneumonia-224", "test", (624, 224, 224, 1), [234, 390]),
    ("chest-xray-pneumonia-224", "train", (5216, 224, 224, 1), [1341, 3875]),
]


@pytest.mark.data
@pytest.mark.parametrize(("dataset", "split", "shape", "labels"), COUNTS)
def test_real_data_has_the_published_counts(data_root, dataset, split, shape, labels):
    images = prepared(load_card(dataset), split)
    assert images.pixels.shape == shape
    assert images.labels.shape == shape[:1]
    if labels:
        assert np.bincount(images.labels).tolist() == labels


@pytest.mark.data
def test_brain_tumour_copies_lie_across_the_splits(data_root):
    """225 groups of identical images, 183 of them in both splits: what the card's trap says."""
    where = {}
    for split in ("train", "test"):
        for image in prepared(load_card("brain-tumor-mri-224"), split).pixels:
            where.setdefault(image.tobytes(), []).append(split)
    groups = [splits for splits in where.values() if len(splits) > 1]
    assert len(groups) == 225
    assert sum(len(splits) - 1 for splits in groups) == 293
    assert sum(len(set(splits)) == 2 for splits in groups) == 183


def test_digits_need_no_file(checkout_card, tmp_path):
    images = LOADERS["digits"].load(checkout_card("digits"), tmp_path, "train", 8)
    assert images.pixels.shape == (1797, 8, 8, 1)
    assert np.unique(images.pixels).tolist() == list(range(17))


# A folder, a zip, an .npz


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def test_a_folder_and_its_zip_are_the_same(image_folder, tmp_path):
    images = load_images(image_folder)
    assert images.pixels.shape == (6, 10, 12, 1)
    assert images.pixels[:, 0, 0, 0].tolist() == [0, 40, 80, 120, 160, 200]
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1]
    archive = load_images(zipped(image_folder, tmp_path / "images.zip"))
    np.testing.assert_array_equal(archive.pixels, images.pixels)
    np.testing.assert_array_equal(archive.labels, images.labels)


def test_what_file_managers_leave_is_no_image(image_folder, tmp_path):
    for name in ("sick/._a.png", "__MACOSX/sick/a.png", ".hidden/a.png", "notes.txt"):
        (image_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (image_folder / name).write_bytes(b"no image")
    assert len(load_images(image_folder).pixels) == 6
    assert len(load_images(zipped(image_folder, tmp_path / "images.zip")).pixels) == 6


def test_a_sub_folder_a_class_order_and_patients(image_folder):
    assert load_images(image_folder, below="well").labels.tolist() == [-1, -1, -1]
    assert load_images(image_folder, classes=["well", "sick"]).labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert load_images(image_folder, known=["well", "sick"]).labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert load_images(image_folder, known=["well", "ill"]).labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert load_images(image_folder, patient_prefix=1).groups.tolist() == [0, 1, 2, 3, 4, 5]


def test_classes_are_the_first_level_as_in_imagefolder(image_folder):
    from torchvision.datasets import ImageFolder

    deep = image_folder / "sick" / "patient"
    deep.mkdir()
    (image_folder / "sick" / "a.png").rename(deep / "a.png")
    theirs = [label for _, label in ImageFolder(image_folder).samples]
    assert load_images(image_folder).labels.tolist() == theirs == [0, 0, 0, 1, 1, 1]


def test_colour_is_kept_where_there_is_any(image_folder):
    Image.new("RGB", (12, 10), (9, 8, 7)).save(image_folder / "well" / "z.png")
    images = load_images(image_folder)
    assert images.pixels.shape == (7, 10, 12, 3)
    assert images.pixels[-1, 0, 0].tolist() == [9, 8, 7]
    assert load_images(image_folder, channels=1).pixels.shape == (7, 10, 12, 1)


def test_images_of_many_sizes_are_cut_if_asked(image_folder):
    Image.new("L", (50, 20), 5).save(image_folder / "well" / "z.png")
    with pytest.raises(
        UserError, match=r"z\.png: is 50 x 20 pixels, and .*a\.png is 12 x 10: all images must be of one"
    ):
        load_images(image_folder)
    assert load_images(image_folder, size=8).pixels.shape == (7, 8, 8, 1)


def test_a_card_may_have_images_of_many_sizes(home, make_card, image_folder):
    image_folder.rename(home / "data" / "folders" / "images")
    make_card(file="images", replace=('/images" }', '/images", fit = "centre-cut" }'))
    images = prepared(load_card("tiny"), "train")
    assert images.pixels.shape == (6, 8, 8, 1)
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [("10 2 2 7 0 1", [10, 2, 2, 7, 0, 1]), ("b a a b a c", [1, 0, 0, 1, 0, 2])],
    ids=["numbers", "names"],
)
def test_labels_from_a_csv_file(image_folder, tmp_path, words, expected):
    path = write_labels(tmp_path, image_folder, words.split())
    assert load_images(image_folder, path).labels.tolist() == expected


def write_labels(folder, images, labels, head="file,label"):
    names = sorted(path.relative_to(images).as_posix() for path in images.rglob("*.*"))
    path = folder / "labels.csv"
    lines = [f"{name},{label}" for name, label in zip(names, labels, strict=False)]
    path.write_text("\ufeff" + "\n".join([head, *lines]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("labels", "head", "sentence"),
    [
        ("0 1 0", "file,label", "has 3 labels for 6 images"),
        ("0 1 0 1 0 1", "name,label", "must have the columns file and label"),
        ("", "file,label", "must have the columns file and label"),
    ],
)
def test_a_wrong_label_file_is_named(image_folder, tmp_path, labels, head, sentence):
    path = write_labels(tmp_path, image_folder, labels.split(), head)
    with pytest.raises(UserError, match=sentence) as caught:
        load_images(image_folder, path)
    assert str(caught.value).startswith(f"{path}: ")


def test_an_image_without_a_label_is_named(image_folder, tmp_path):
    path = write_labels(tmp_path, image_folder, ["0", "1"] * 3)
    path.write_text(path.read_text().replace("well/e.png", "well/other.png"))
    with pytest.raises(UserError, match=r"labels\.csv: has no label for well/e\.png"):
        load_images(image_folder, path)


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n"])
@pytest.mark.parametrize("as_zip", [False, True])
def test_one_unreadable_image_is_named(image_folder, tmp_path, content, as_zip):
    (image_folder / "well" / "e.png").write_bytes(content)
    path = zipped(image_folder, tmp_path / "images.zip") if as_zip else image_folder
    with pytest.raises(UserError, match=r"/well/e\.png: cannot be read as an image") as caught:
        load_images(path)
    assert str(caught.value).count("\n") == 0


def test_one_truncated_image_is_named(image_folder):
    path = image_folder / "sick" / "b.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (10, 12), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"/sick/b\.jpg: cannot be read as an image: .*truncated"):
        load_images(image_folder)


def test_sixteen_bits_are_not_cut_to_eight_in_silence(image_folder):
    Image.fromarray(np.full((10, 12), 1000, dtype=np.uint16)).save(image_folder / "well" / "e.png")
    with pytest.raises(UserError, match=r"/well/e\.png: has more than 8 bits a value: bring it to 8 bits first"):
        load_images(image_folder)


def test_an_image_too_large_is_refused_before_it_is_read(image_folder, monkeypatch):
    monkeypatch.setattr(decode_module, "MAX_PIXELS", 100)
    with pytest.raises(UserError, match=r"/sick/a\.png: has 12 x 10 pixels, more than 100"):
        load_images(image_folder)


def test_an_empty_folder_or_a_missing_one_is_named(tmp_path):
    with pytest.raises(UserError, match=r"holds no images \(\.jpeg, \.jpg, \.pgm, \.png\)"):
        load_images(tmp_path)
    with pytest.raises(DatasetMissing, match="there is no such file or folder"):
        load_images(tmp_path / "absent")


def test_an_image_outside_the_classes_is_named(image_folder):
    (image_folder / "sick" / "a.png").rename(image_folder / "a.png")
    with pytest.raises(UserError, match=r"a\.png lies in none of the class folders sick, well"):
        load_images(image_folder)
    with pytest.raises(UserError, match=r"lies in none of the class folders well"):
        load_images(image_folder, classes=["well"])


def test_a_folder_that_may_not_be_read_is_named(image_folder, without_permission):
    (image_folder / "sick").chmod(0)
    with without_permission(), pytest.raises(UserError, match="sick: may not be read: Permission denied"):
        load_images(image_folder)


def test_a_truncated_zip_is_named(image_folder, tmp_path):
    path = zipped(image_folder, tmp_path / "images.zip")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"images\.zip: cannot be read as a zip file; is it whole\?"):
        load_images(path)


def test_a_damaged_file_in_a_zip_is_named(image_folder, tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(image_folder / "well" / "e.png", "e.png")
        start = archive.getinfo("e.png").header_offset + 30 + len("e.png")
    data = bytearray(path.read_bytes())
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"images\.zip/e\.png: cannot be read as an image"):
        load_images(path)


def test_npz_with_names_gives_patients(tmp_path):
    path = tmp_path / "images.npz"
    np.savez(
        path, images=np.zeros((3, 4, 4, 3), np.uint8), names=np.array(["x/001_a.png", "x/001_b.png", "y/002_a.png"])
    )
    images = load_images(path, patient_prefix=3)
    assert images.pixels.shape == (3, 4, 4, 3)
    assert images.labels.tolist() == [-1, -1, -1]
    assert images.groups.tolist() == [0, 0, 1]


def test_npz_takes_no_label_file(tmp_path, tiny):
    with pytest.raises(UserError, match=r"an \.npz file holds its own labels"):
        load_images(tiny, tmp_path / "labels.csv")


def test_a_truncated_npz_is_named(tiny):
    for kept in (0, 100, -50):
        whole = tiny.read_bytes()
        tiny.write_bytes(whole[:kept])
        with pytest.raises(UserError, match=r"tiny\.npz: cannot be read as an \.npz file; is it whole\?"):
            load_images(tiny)
        tiny.write_bytes(whole)


ZEROS = np.zeros((3, 4, 4), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"images": ZEROS, "labels": np.zeros(2, np.uint8)}, "2 labels for 3 images"),
        ({"images": ZEROS, "labels": np.array(["a", "b", "c"])}, "labels must be whole numbers"),
        ({"pixels": ZEROS}, "no array images; it holds pixels"),
        ({"images": ZEROS.astype(float)}, r"images must be uint8 \[n, H, W\]"),
        ({"images": np.zeros((3, 4, 4, 2), np.uint8)}, "1 or 3 channels, not 2"),
        ({"images": ZEROS[:0]}, "images must be uint8"),
        ({"images": np.array([{}, 1], dtype=object)}, "is it whole"),
    ],
)
def test_a_wrong_npz_is_named(tmp_path, arrays, sentence):
    path = tmp_path / "images.npz"
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=sentence) as caught:
        load_images(path)
    assert str(path) in str(caught.value)


def test_a_single_array_is_no_npz(tmp_path):
    path = tmp_path / "images.npz"
    with path.open("wb") as stream:
        np.save(stream, ZEROS)
    with pytest.raises(UserError, match=r"is no \.npz file but a single array"):
        load_images(path)


def test_every_loader_has_the_same_functions():
    for loader in LOADERS.values():
        assert all(callable(getattr(loader, name)) for name in ("raw_files", "load", "download"))


def test_centre_cut_of_a_checkerboard_keeps_the_centre():
    picture = np.zeros((20, 40), np.uint8)
    picture[:, 10:30] = 200
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "png")
    file = decode_module.ImageFile("x", stream.getvalue)
    np.testing.assert_array_equal(decode_module.decode_all([file], 1, 20), np.full((1, 20, 20, 1), 200))
