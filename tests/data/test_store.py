"""The store: prepared once, whole or not at all, and again when the raw files change."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from benchmark.data import store
from benchmark.data.card import load_card
from benchmark.data.store import DatasetMissing, cache_root, data_root, is_present, prepared, source_sha256
from benchmark.errors import UserError
from benchmark.hashing import sha256_of_file

PREPARE = """
import sys
from benchmark.data.card import load_card
from benchmark.data.store import prepared, source_sha256
from benchmark.errors import UserError
try:
    prepared(load_card("tiny"), "train")
    print(source_sha256(load_card("tiny"), "train"))
except UserError as error:
    sys.exit(f"Error: {error}")
"""


def folders():
    return sorted((cache_root() / "datasets").iterdir())


def test_images_are_memory_mapped_bytes(tiny):
    images = prepared(load_card("tiny"), "train")
    assert isinstance(images.pixels, np.memmap)
    assert images.pixels.dtype == np.uint8
    assert images.pixels.shape == (6, 8, 8, 1)
    assert images.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert images.labels.dtype == np.int64
    assert images.groups is None
    with pytest.raises(ValueError, match="read-only"):
        images.pixels[0] = 0


def test_the_manifest_says_what_was_prepared(tiny):
    prepared(load_card("tiny"), "train")
    [folder] = folders()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["raw"] == {"tiny.npz": sha256_of_file(tiny)}
    assert manifest["labels"] == {"0": 3, "1": 3}
    assert manifest["shape"] == [6, 8, 8, 1]
    assert manifest["source"] == "made in a test"
    assert manifest["sha256"] == source_sha256(load_card("tiny"), "train")
    assert folder.stat().st_mode & 0o777 == 0o755


def test_it_is_prepared_once(tiny, monkeypatch):
    prepared(load_card("tiny"), "train")
    monkeypatch.setattr(store, "_prepare", None)
    assert len(prepared(load_card("tiny"), "train").pixels) == 6


def test_a_changed_raw_file_is_prepared_anew(tiny, write_tiny):
    before = source_sha256(load_card("tiny"), "train")
    write_tiny(seed=1)
    os.utime(tiny, ns=(1, 1))
    assert source_sha256(load_card("tiny"), "train") != before
    write_tiny(seed=0)
    assert source_sha256(load_card("tiny"), "train") == before


def test_a_changed_file_in_a_folder_is_prepared_anew(home, make_card, image_folder):
    image_folder.rename(home / "data" / "folders" / "images")
    make_card(file="images")
    before = source_sha256(load_card("tiny"), "train")
    changed = home / "data" / "folders" / "images" / "well" / "d.png"
    changed.write_bytes((changed.parent / "e.png").read_bytes())
    os.utime(changed, ns=(1, 1))
    assert source_sha256(load_card("tiny"), "train") != before


@pytest.mark.parametrize("damage", ["pixels.npy", "manifest.json"])
def test_a_damaged_cache_is_prepared_anew(tiny, damage):
    before = source_sha256(load_card("tiny"), "train")
    (folders()[0] / damage).write_bytes(b"")
    assert prepared(load_card("tiny"), "train").pixels.shape == (6, 8, 8, 1)
    assert source_sha256(load_card("tiny"), "train") == before


def test_a_missing_dataset_says_how_to_get_it(make_card):
    make_card()
    assert not is_present(load_card("tiny"))
    with pytest.raises(
        DatasetMissing, match=r"tiny is not on this machine \(.*tiny.npz\): run `manifoldbench data get"
    ):
        prepared(load_card("tiny"), "train")


@pytest.mark.parametrize(
    ("split", "size", "sentence"),
    [
        ("dev", None, 'tiny has no split "dev"; it has train.'),
        ("train", 9, "tiny has no images of 9 pixels; it has 8."),
    ],
)
def test_an_unknown_split_or_size_names_those_there_are(tiny, split, size, sentence):
    with pytest.raises(UserError) as caught:
        prepared(load_card("tiny"), split, size)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("train = 6", "train = 7", "the files hold 6 images, and the card says 7"),
        ("channels = 1", "channels = 3", "the files hold 1 channels, and the card says 3"),
        ('["no", "yes"]', '["no"]', "the files hold the label 1, and the last is 0"),
    ],
)
def test_files_that_are_not_what_the_card_says_are_refused(tiny, make_card, old, new, sentence):
    make_card(replace=(old, new))
    with pytest.raises(UserError, match=f"tiny train: {sentence}"):
        prepared(load_card("tiny"), "train")
    assert not (cache_root() / "datasets").exists()


def test_another_process_that_is_faster_wins(tiny, monkeypatch):
    """The slower one finds the folder there, and takes it."""
    write, raced = store._write, []

    def write_after_the_other(*arguments):
        if not raced:
            raced.append(True)
            prepared(load_card("tiny"), "train")
        write(*arguments)

    monkeypatch.setattr(store, "_write", write_after_the_other)
    assert len(prepared(load_card("tiny"), "train").pixels) == 6
    assert len(folders()) == 1


def test_processes_may_prepare_at_once(tiny):
    runs = [
        subprocess.Popen([sys.executable, "-c", PREPARE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    outcomes = [(*run.communicate(timeout=60), run.returncode) for run in runs]
    assert outcomes == [(source_sha256(load_card("tiny"), "train") + "\n", "", 0)] * 3
    assert len(folders()) == 1


def test_a_killed_process_leaves_nothing_under_the_final_name(tiny):
    """What it leaves goes after a day; what may still be worked on stays."""
    code = "import os, signal\nfrom pathlib import Path\n"
    code += "Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n" + PREPARE
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == -signal.SIGKILL
    [partial] = folders()
    assert partial.name.startswith(".partial-")
    prepared(load_card("tiny"), "train")
    assert len(folders()) == 2
    old = time.time() - 2 * store.STALE_SECONDS
    os.utime(partial, (old, old))
    os.utime(tiny, ns=(1, 1))
    prepared(load_card("tiny"), "train")
    assert not partial.exists()


def test_a_full_disk_is_one_sentence(tiny, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(UserError, match=r"cache/datasets: tiny cannot be prepared there: No space left on device\.$"):
        prepared(load_card("tiny"), "train")
    assert folders() == []


def test_a_write_that_fails_half_way_leaves_nothing(make_card, write_tiny):
    """A real write that the system cuts short: a file may not pass 4 KiB here."""
    make_card(count=200)
    write_tiny(seed=0, count=200)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    run = subprocess.run(
        [sys.executable, "-B", "-c", PREPARE], preexec_fn=limit, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert run.stderr.endswith("datasets: tiny cannot be prepared there: File too large.\n")
    assert run.stderr.count("\n") == 1
    assert folders() == []


@pytest.mark.parametrize("closed", ["cache", "data"])
def test_no_permission_is_one_sentence(tiny, home, without_permission, closed):
    """Neither a traceback nor `is not on this machine`."""
    card = load_card("tiny")
    (home / closed).chmod(0)
    try:
        with without_permission(), pytest.raises(UserError, match="Permission denied") as caught:
            prepared(card, "train")
    finally:
        (home / closed).chmod(0o755)
    assert not isinstance(caught.value, DatasetMissing)
    assert str(home / closed) in str(caught.value)


def test_a_raw_file_that_may_not_be_read_is_named(tiny, without_permission):
    card = load_card("tiny")
    tiny.chmod(0)
    with without_permission(), pytest.raises(UserError, match="Permission denied") as caught:
        prepared(card, "train")
    assert str(tiny) in str(caught.value)


def test_folders_come_from_the_environment_or_the_users_own(monkeypatch):
    monkeypatch.delenv("MANIFOLDBENCH_DATA", raising=False)
    monkeypatch.delenv("MANIFOLDBENCH_CACHE", raising=False)
    assert data_root().name == cache_root().name == "manifoldbench"
    monkeypatch.setenv("MANIFOLDBENCH_DATA", "/somewhere")
    assert str(data_root()) == "/somewhere"


def test_digits_hash_is_that_of_every_machine():
    expected = "3a9d22523065774a8eb6d9d4984b1215c97435160f08e1a02f20dec48caaaed6"
    assert source_sha256(load_card("digits"), "train") == expected


@pytest.mark.data
@pytest.mark.parametrize(
    ("dataset", "split", "sha256"),
    [
        ("breastmnist", "train", "1ea20b7c29401ce0d30b570afc26ad9893890d06afd119941e536998694fe740"),
        ("nih-chest-xray-224", "train", "336284e048a855ac608ae90550649cb8850068869107b8c6565b51eb27d39a99"),
        ("mnist", "test", "d5e983cdd962c3ebd097a09b5ca5c7684e1e462a3b66d36f13604bebb1c930c8"),
    ],
)
def test_hashes_of_real_data_are_stable(data_root, dataset, split, sha256):
    assert source_sha256(load_card(dataset), split) == sha256
