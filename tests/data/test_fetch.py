"""Downloads: whole or not at all, through the packages' own downloaders, from a server of the test."""

import hashlib
import io
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from benchmark.data.card import load_card
from benchmark.data.images import DatasetMissing
from benchmark.data.loaders import LOADERS, fetch
from benchmark.errors import UserError


class Handler(BaseHTTPRequestHandler):
    """Serves `server.content`; by `server.fault` it breaks off, refuses, or falls silent."""

    def do_HEAD(self):
        if self.server.fault == "refuses":
            self.send_error(405)
            return
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        if self.server.fault == "silent":
            self.server.stop.wait(10)
            return
        sent = len(self.server.content) - (100 if self.server.fault == "breaks-off" else 0)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content[:sent])

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.fault, running.content, running.stop = "", b"", threading.Event()
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.stop.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def retinamnist(server, monkeypatch):
    """A small file that passes for RetinaMNIST of 64 pixels, and its card."""
    import medmnist

    card = load_card("retinamnist")
    stream = io.BytesIO()
    arrays = {f"{split}_images": np.zeros((2, 64, 64, 3), np.uint8) for split in card.splits}
    labels = {f"{split}_labels": np.zeros((2, 1), np.uint8) for split in card.splits}
    np.savez(stream, **arrays, **labels)
    server.content = stream.getvalue()
    info = medmnist.INFO["retinamnist"]
    monkeypatch.setitem(info, "url_64", f"http://127.0.0.1:{server.server_port}/retinamnist_64.npz")
    monkeypatch.setitem(info, "MD5_64", hashlib.md5(server.content).hexdigest())
    return card


def get(card, root):
    LOADERS[card.loader].download(card, root, 64)


@pytest.mark.parametrize("fault", ["", "refuses"])
def test_a_download_ends_under_the_final_name(retinamnist, server, tmp_path, capsys, fault):
    server.fault = fault
    get(retinamnist, tmp_path)
    assert [path.name for path in (tmp_path / "medmnist").iterdir()] == ["retinamnist_64.npz"]
    assert (tmp_path / "medmnist" / "retinamnist_64.npz").read_bytes() == server.content
    written = capsys.readouterr()
    assert written.err == "retinamnist: fetching from 127.0.0.1\n"
    assert written.out == ""


@pytest.mark.parametrize("fault", ["breaks-off", "other-content"])
def test_a_broken_download_leaves_nothing(retinamnist, server, tmp_path, fault):
    server.fault = fault
    if fault == "other-content":
        server.content = server.content[:-100]
    with pytest.raises(DatasetMissing, match=r"^retinamnist could not be fetched from 127\.0\.0\.1: ") as caught:
        get(retinamnist, tmp_path)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "medmnist").iterdir()) == []


def test_a_silent_source_is_given_up(retinamnist, server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT_SECONDS", 0.3)
    server.fault = "silent"
    start = time.monotonic()
    with pytest.raises(DatasetMissing, match="timed out"):
        get(retinamnist, tmp_path)
    assert time.monotonic() - start < 5
    assert list((tmp_path / "medmnist").iterdir()) == []


def test_a_name_that_is_looked_up_for_ever_is_given_up(retinamnist, tmp_path, monkeypatch):
    """Looking up a name knows no time limit of its own."""
    monkeypatch.setattr(fetch, "TIMEOUT_SECONDS", 0.2)
    release = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: release.wait(10) and [])
    with pytest.raises(DatasetMissing, match=r"127\.0\.0\.1 cannot be reached \(no answer in 0\.2 s\)"):
        get(retinamnist, tmp_path)
    release.set()


def test_an_unreachable_source_is_one_sentence(retinamnist, server, tmp_path, monkeypatch):
    import medmnist

    monkeypatch.setitem(medmnist.INFO["retinamnist"], "url_64", "http://127.0.0.1:1/x.npz")
    with pytest.raises(DatasetMissing) as caught:
        get(retinamnist, tmp_path)
    expected = "retinamnist could not be fetched: 127.0.0.1 cannot be reached (Connection refused)."
    assert str(caught.value) == expected
    assert not (tmp_path / "medmnist").exists()


def test_a_folder_that_may_not_be_written_is_named(retinamnist, tmp_path, without_permission):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with without_permission(), pytest.raises(UserError, match="Permission denied") as caught:
        get(retinamnist, closed)
    assert str(closed) in str(caught.value)
    assert not isinstance(caught.value, DatasetMissing)


def test_a_full_disk_is_not_the_sources_fault(retinamnist, tmp_path):
    """A file may not pass 4 KiB here, as on a full disk."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(UserError, match="retinamnist cannot be stored there: File too large") as caught:
            get(retinamnist, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not isinstance(caught.value, DatasetMissing)
    assert list((tmp_path / "medmnist").iterdir()) == []


def test_interrupting_is_not_a_failed_download(retinamnist, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("torchvision.datasets.utils.download_url", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get(retinamnist, tmp_path)
    assert list((tmp_path / "medmnist").iterdir()) == []


def test_a_set_of_several_files_moves_in_beside_what_is_there(tmp_path, server):
    address = f"http://127.0.0.1:{server.server_port}/"
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "old").write_text("stays")
    with fetch.fetched(tmp_path, "tiny", address) as folder:
        (folder / "raw").mkdir()
        (folder / "raw" / "new").write_text("comes")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "old", "raw"]


def test_progress_is_plain_lines_where_there_is_no_terminal(tmp_path, server, capsys, monkeypatch):
    monkeypatch.setattr(fetch, "LINE_SECONDS", 0.05)
    with fetch.fetched(tmp_path, "tiny", f"http://127.0.0.1:{server.server_port}/") as folder:
        (folder / "part").write_bytes(bytes(2_000_000))
        time.sleep(0.3)
    assert "tiny: 2 MB so far\n" in capsys.readouterr().err


@pytest.mark.parametrize("dataset", ["imagenet", "celeba", "nih-chest-xray-224"])
def test_sets_without_a_downloader_say_the_steps(tmp_path, dataset):
    card = load_card(dataset)
    with pytest.raises(DatasetMissing, match=rf"{dataset} has no downloader: .*datasets/{dataset}/README\.md"):
        LOADERS[card.loader].download(card, tmp_path, card.sizes[0])
