"""Cards: what is in them agrees with the packages, and a wrong one is told in a sentence."""

import re
import tomllib
from pathlib import Path

import pytest

from benchmark.data.card import all_cards, load_card
from benchmark.data.loaders import LOADERS
from benchmark.errors import UserError
from benchmark.paths import datasets_root

MEDNIST = {f"mednist-{name}" for name in ("abdomenct", "breastmri", "cxr", "chestct", "hand", "headct")}


def test_all_datasets_have_a_card():
    expected = {
        *("pathmnist", "chestmnist", "dermamnist", "octmnist", "pneumoniamnist", "retinamnist", "breastmnist"),
        *("bloodmnist", "tissuemnist", "organamnist", "organcmnist", "organsmnist"),
        *("mnist", "fashionmnist", "kmnist", "cifar10", "cifar100", "svhn", "stl10", "celeba", "imagenet", "digits"),
        *("chest-xray-pneumonia-224", "nih-chest-xray-224", "brain-tumor-mri-224", "cifar10-4k"),
        *MEDNIST,
    }
    assert set(all_cards()) == expected


@pytest.mark.parametrize("card", all_cards().values(), ids=lambda card: card.id)
def test_a_card_says_what_a_reader_must_know(card):
    assert card.licence
    assert card.citation
    assert card.traps
    assert card.groups
    assert card.tasks or card.id in MEDNIST
    files = LOADERS[card.loader].raw_files(card, Path("root"), card.sizes[0])  # checks the options
    assert bool(files) == (card.loader != "digits")
    assert card.checksums or card.loader == "digits"


def test_radiology_is_radiology():
    radiology = {card.id for card in all_cards().values() if card.domain == "radiology" and card.loader == "medmnist"}
    assert radiology == {"chestmnist", "pneumoniamnist", "breastmnist", "organamnist", "organcmnist", "organsmnist"}


def test_medmnist_cards_agree_with_the_package():
    from medmnist import INFO

    for flag, info in INFO.items():
        if flag.endswith("3d"):
            continue
        card = load_card(flag)
        assert card.splits == info["n_samples"]
        assert card.channels == info["n_channels"]
        assert card.licence == info["license"]
        assert card.classes == list(info["label"].values())
        assert card.sizes == [28, 64, 128, 224]
        for size, suffix in ((28, ""), (64, "_64"), (128, "_128"), (224, "_224")):
            file = LOADERS["medmnist"].raw_files(card, Path(), size)[0].as_posix()
            official = [each.value for each in card.checksums if each.file == file and each.note == "official"]
            assert official == [info[f"MD5{suffix}"]]


def test_torchvision_cards_agree_with_the_package():
    from torchvision import datasets

    published = {
        "cifar10": {*map(tuple, datasets.CIFAR10.train_list), *map(tuple, datasets.CIFAR10.test_list)},
        "cifar100": {*map(tuple, datasets.CIFAR100.train_list), *map(tuple, datasets.CIFAR100.test_list)},
        "stl10": {*map(tuple, datasets.STL10.train_list), *map(tuple, datasets.STL10.test_list)},
        "svhn": {tuple(datasets.SVHN.split_list[split][1:]) for split in ("train", "test")},
        "celeba": {(file, md5) for _, md5, file in datasets.CelebA.file_list},
        "mnist": set(datasets.MNIST.resources),
        "fashionmnist": set(datasets.FashionMNIST.resources),
        "kmnist": set(datasets.KMNIST.resources),
    }
    for dataset, files in published.items():
        known = {(each.file.split("/")[-1], each.value) for each in load_card(dataset).checksums}
        assert files <= known, dataset


def test_steps_name_a_file_that_is_there():
    for card in all_cards().values():
        for file in re.findall(r"datasets/(\S+\.md)", card.get):
            assert (datasets_root() / file).is_file()


def test_an_unknown_dataset_names_near_ones():
    with pytest.raises(UserError, match=r'no dataset "brestmnist".* Did you mean breastmnist.*Known: bloodmnist, '):
        load_card("brestmnist")


@pytest.mark.parametrize("dataset", ["", ".", "../datasets/mnist", "/"])
def test_a_path_is_no_dataset(dataset):
    with pytest.raises(UserError, match="There is no dataset"):
        load_card(dataset)


def test_a_folder_without_cards_says_what_to_set(home):
    with pytest.raises(UserError, match=r"holds no dataset cards: set MANIFOLDBENCH_DATASETS"):
        load_card("mnist")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('name = "Tiny"', 'nmae = "Tiny"', r"unknown key nmae \(did you mean name\?\)"),
        ('licence = "CC0"\n', "", "licence is missing"),
        ('"radiology"', '"radiologie"', 'domain must be "radiology" or "medical" or .*, not "radiologie"'),
        ("channels = 1", 'channels = "1"', 'channels must be 1 or 3, not "1"'),
        ("sizes = [8]", "sizes = [0]", r"sizes\[0\] must be a whole number of 1 or more, not 0"),
        ('"images"', '"pngs"', "loader must be"),
        ('id = "tiny"', 'id = "other"', 'id must be the name of its folder, "tiny", not "other"'),
        ('id = "tiny"', "id = ", "cannot be read"),
        ("options", "checksums = [{ file = 'a', algorithm = 'sha256', value = '%s' }]\noptions" % ("0" * 32), "64 hex"),
    ],
)
def test_a_wrong_card_is_one_sentence_with_file_and_field(make_card, old, new, sentence):
    path = make_card(replace=(old, new))
    with pytest.raises(UserError, match=sentence) as caught:
        load_card("tiny")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_wrong_option_names_card_and_option(make_card):
    path = make_card(replace=("{ path", "{ pahts = 3, path"))
    with pytest.raises(UserError, match=r"unknown key pahts .*allowed: path, splits") as caught:
        LOADERS["images"].raw_files(load_card("tiny"), Path(), 8)
    assert str(caught.value).startswith(f"{path} [options]: ")


def test_cards_are_frozen(tiny):
    card = load_card("tiny")
    with pytest.raises(ValueError, match="frozen"):
        card.name = "other"


def test_card_files_are_plain_toml():
    for path in datasets_root().glob("*/dataset.toml"):
        assert tomllib.loads(path.read_text(encoding="utf-8"))["id"] == path.parent.name
