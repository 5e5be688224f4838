"""The container image, as README says to use it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import docker.errors
import pytest

from benchmark.cli.sandboxes import IMAGE
from benchmark.paths import REPOSITORY
from benchmark.results import iter_results

ME = f"{os.getuid()}:{os.getgid()}"


@pytest.fixture(scope="module")
def image(docker_client):
    """The image's facts; skips with a reason where there is none."""
    try:
        return docker_client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        pytest.skip(f"the Docker engine has no image {IMAGE}: `make image` builds it")


def docker_run(*arguments):
    """`docker run --rm` with these words; what it prints."""
    command = ["docker", "run", "--rm", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_runs_smoke_shut_in_and_as_any_user(image):
    shut_in = ["--network", "none", "--read-only", "--user", "12345"]
    boards = json.loads(docker_run(*shut_in, IMAGE, "run", "--suite", "smoke", "--json"))
    assert len(boards["estimators"]["rows"]) >= 50
    [models] = boards["models"]
    statuses = {row["submission"]: row["statuses"] for row in models["rows"]}
    assert (statuses["resnet18"], statuses["small-cnn"]) == ({}, {})


def test_data_and_results_of_the_host(image, data_root, tmp_path, tmp_path_factory):
    folders = ["-v", f"{data_root}:/data:ro", "-v", f"{tmp_path}:/results", "--user", ME]
    docker_run(*folders, IMAGE, "run", "twonn", "--suite", "smoke")
    results = list(iter_results(tmp_path, "smoke"))
    assert {result.task for result in results} >= {"real/breastmnist", "real/pneumoniamnist", "real/mnist"}
    assert {result.status for result in results} == {"ok"}
    assert {result.provenance.git_commit for result in results} == {image.labels["org.opencontainers.image.revision"]}
    pages = tmp_path_factory.mktemp("pages") / "site"
    pages.mkdir()
    docker_run(*folders, "-v", f"{pages}:/site", IMAGE, "site")
    assert "<title>" in (pages / "build" / "index.html").read_text()


def test_a_submission_of_the_host(image, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    source = REPOSITORY / "submissions" / "twonn"
    (folder / "estimator.py").write_text((source / "estimator.py").read_text())
    manifest = re.sub(r'^name = ".*"', 'name = "mine"', (source / "submission.toml").read_text(), flags=re.M)
    (folder / "submission.toml").write_text(manifest)
    said = docker_run("-v", f"{folder}:/mine:ro", IMAGE, "run", "/mine", "--suite", "smoke")
    assert re.search(r"^ *1-?\d* +mine ", said, flags=re.M), said
    assert "Passed" in docker_run("-v", f"{folder}:/mine:ro", IMAGE, "check", "/mine")


def test_labels_and_user(image):
    labels = image.labels
    assert labels["org.opencontainers.image.version"] == IMAGE.partition(":")[2]
    assert re.fullmatch(r"[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
    assert image.attrs["Config"]["User"] == "10001:10001"
    assert image.attrs["Config"]["Entrypoint"] == ["manifoldbench"]


def test_the_repositorys_history_and_tests_stay_outside(image):
    found = docker_run("--entrypoint", "ls", IMAGE, "-A", "/opt/manifoldbench").split()
    assert sorted(found) == [
        *("LICENSE", "README.md", "benchmark", "datasets", "pyproject.toml", "results", "site", "submissions")
    ]
    assert docker_run("--entrypoint", "ls", IMAGE, "/opt/manifoldbench/results").split() == ["certificates"]


def test_it_finds_no_gpu_that_is_not_handed_in(image):
    code = "import torch; print(torch.cuda.is_available(), torch.version.cuda is not None)"
    assert docker_run("--entrypoint", "python", IMAGE, "-c", code).split() == ["False", "True"]


@pytest.mark.gpu
def test_it_finds_the_gpus_that_are_handed_in(image):
    if shutil.which("nvidia-smi") is None:
        pytest.skip("no NVIDIA GPU on this machine")
    code = "import torch; print(torch.cuda.is_available())"
    assert docker_run("--gpus", "all", "--entrypoint", "python", IMAGE, "-c", code).split() == ["True"]


def test_what_is_sent_to_the_engine_is_what_the_dockerfile_copies():
    copied = set(re.findall(r"^COPY (.+) \S+$", (REPOSITORY / "Dockerfile").read_text(), flags=re.M))
    words = {word for line in copied for word in line.split()}
    sent = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sent == words
    assert all((REPOSITORY / word).exists() for word in words)
    assert Path(REPOSITORY / "requirements-image.lock").read_text().count("--hash=sha256:") > 100
