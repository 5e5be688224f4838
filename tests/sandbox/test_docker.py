"""What only the Docker engine does: how containers are shut in, cleared away, extended, and given GPUs."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import docker
import docker.errors
import pytest
from click.testing import CliRunner

from benchmark.cli import cli
from benchmark.errors import InfrastructureError, UserError
from benchmark.paths import REPOSITORY
from benchmark.sandbox import docker as engine_module
from benchmark.sandbox import docker_container as container_module
from benchmark.sandbox.containers import LABEL, reap
from benchmark.sandbox.docker import DockerEngine, leasable_gpus
from benchmark.sandbox.engine import Limits

COLUMNS = """
class Estimator:
    def fit(self, X):
        self.dimension_ = float(X.shape[1])
        return self
"""
FILLS_MEMORY = """
import numpy as np

class Estimator:
    def fit(self, X):
        self.kept = np.ones(1 << 28) if X.shape[1] != 2 else None
        self.dimension_ = float(X.shape[1])
        return self
"""
USES_PACKAGE = """
import iniconfig

class Estimator:
    def fit(self, X):
        self.dimension_ = float(len(iniconfig.__name__))
        return self
"""


@pytest.fixture
def client(docker_image, docker_client):
    return docker_client


@pytest.fixture
def own_engine(docker_image):
    """An engine that a test may change."""
    with DockerEngine(docker_image) as engine:
        yield engine


def ours(client):
    return client.containers.list(all=True, ignore_removed=True, filters={"label": LABEL})


def with_requirements(program, *requirements):
    return type(program)(program.folder, program.entry, program.parameters, requirements)


def test_a_container_is_shut_in(docker_engine, client, make_program, make_sample, limits, monkeypatch):
    monkeypatch.setenv("MANIFOLDBENCH_SECRET", "hush")
    with docker_engine.open(make_program(COLUMNS), limits) as worker:
        facts = client.containers.get(worker.container_id).attrs
        assert worker.ask(make_sample(4)).dimension == 4.0
    host, config = facts["HostConfig"], facts["Config"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] is None
    assert host["Privileged"] is False
    assert host["SecurityOpt"] == ["no-new-privileges"]  # and no "seccomp=unconfined": the engine's own filter
    memory = limits.memory_bytes + limits.scratch_bytes + container_module.MEMORY_ALLOWANCE
    assert host["Memory"] == host["MemorySwap"] == memory
    assert host["NanoCpus"] == limits.threads * 10**9
    assert host["PidsLimit"] == limits.processes * container_module.THREADS_PER_PROCESS + 64
    assert {limit["Name"]: limit["Hard"] for limit in host["Ulimits"]} == {
        "nofile": container_module.OPEN_FILES,
        "core": 0,
        "nproc": container_module.PROCESSES_OF_USER,
    }
    assert host["LogConfig"]["Type"] == "none"
    assert host["DeviceRequests"] in (None, [])
    assert config["User"] == "65534:65534"
    assert {mount["Destination"]: mount["RW"] for mount in facts["Mounts"]} == {"/program": False, "/samples": False}
    assert set(host["Tmpfs"]) == {"/tmp", "/results", "/site"}
    environment = dict(entry.split("=", 1) for entry in config["Env"])
    assert "hush" not in environment.values()
    assert environment["NVIDIA_VISIBLE_DEVICES"] == "void"  # the image says all, which a default runtime would obey


def test_nothing_is_left(docker_engine, client, make_program, make_sample, limits, scratch_root):
    volumes = {volume.id for volume in client.volumes.list()}
    with docker_engine.open(make_program(COLUMNS), limits) as worker:
        worker.ask(make_sample(4))
        assert len(ours(client)) == 1
    assert ours(client) == []
    assert {volume.id for volume in client.volumes.list()} == volumes
    assert list(scratch_root.iterdir()) == []


def test_a_sample_that_others_may_not_read_is_answered(docker_engine, make_program, make_sample, limits):
    sample, program = make_sample(4), make_program(COLUMNS)
    for path in sample.iterdir():
        path.chmod(0o600)
    program.folder.chmod(0o700)
    with docker_engine.open(program, limits) as worker:
        assert worker.ask(sample).dimension == 4.0
    assert {path.stat().st_mode & 0o777 for path in sample.iterdir()} == {0o600}


def test_the_next_start_removes_what_a_killed_harness_left(client, docker_image, make_program, scratch_root):
    program = make_program(COLUMNS)
    code = f"""
import pathlib, sys, tempfile
tempfile.tempdir = {str(scratch_root)!r}
from benchmark.sandbox.docker import DockerEngine
from benchmark.sandbox.engine import Limits, Program
program = Program(pathlib.Path({str(program.folder)!r}), "estimator.py:Estimator")
with DockerEngine({docker_image!r}).open(program, Limits()):
    print("started", flush=True)
    sys.stdin.read()
"""
    harness = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert harness.stdout.readline() == "started\n"
    assert len(ours(client)) == 1
    assert reap(client) == 0  # its harness lives
    harness.send_signal(signal.SIGKILL)
    harness.communicate()
    assert len(list(scratch_root.iterdir())) == 1
    with DockerEngine(docker_image):
        pass
    assert ours(client) == []
    assert list(scratch_root.iterdir()) == []


def test_leaving_the_engine_removes_what_its_slots_left(client, docker_image, make_program, limits, scratch_root):
    with DockerEngine(docker_image) as engine:
        left = engine.open(make_program(COLUMNS), limits)
        left.__enter__()
        assert len(ours(client)) == 1
    assert ours(client) == []
    assert list(scratch_root.iterdir()) == []
    left.__exit__(None, None, None)


def test_an_interrupted_run_leaves_no_container(client, docker_image, interruptible, tmp_path, make_program):
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "estimator.py").write_text(
        "import time\n\n\nclass Slow:\n    def fit(self, X):\n        time.sleep(60)\n"
    )
    fields = {"name": "slow", "track": "estimators", "entry": "estimator.py:Slow", "licence": "MIT"}
    fields |= {"reference": "none", "description": "Sleeps."}
    lines = [f'{name} = "{value}"' for name, value in fields.items()]
    (folder / "submission.toml").write_text("\n".join([*lines, 'authors = ["x"]']))
    command = [sys.executable, "-m", "benchmark.cli", "run", str(folder), "--suite", "smoke", "--sandbox", "docker"]
    run = subprocess.Popen(
        [*interruptible, *command, "--results", str(tmp_path / "results")], stderr=subprocess.PIPE, cwd=REPOSITORY
    )
    try:
        deadline = time.monotonic() + 120
        while not ours(client) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(2)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 130, errors.decode()
    assert ours(client) == []


def test_a_container_that_is_killed_is_a_fault_and_is_started_again(
    docker_engine, client, make_program, make_sample, limits
):
    with docker_engine.open(make_program(COLUMNS), limits) as worker:
        client.containers.get(worker.container_id).kill()
        assert worker.ask(make_sample(4)).status == "crashed"
        assert worker.ask(make_sample(4)).dimension == 4.0


def test_memory_that_the_worker_does_not_see_is_limited_too(
    docker_engine, make_program, make_sample, limits, monkeypatch
):
    """The container's own limit is below the sample's here, so it is the kernel that ends it."""
    monkeypatch.setattr(container_module, "MEMORY_ALLOWANCE", -(1 << 30))
    wide = Limits(memory_bytes=(1 << 30) + (300 << 20), scratch_bytes=1 << 20, wall_seconds=30, processes=8)
    with docker_engine.open(make_program(FILLS_MEMORY), wide) as worker:
        outcome = worker.ask(make_sample(4))
        assert (outcome.status, outcome.reason) == ("crashed", "the process was ended by SIGKILL before it answered")
        assert worker.ask(make_sample(2)).dimension == 2.0


def test_requirements_are_installed_once(docker_engine, client, make_program, make_sample, limits, monkeypatch):
    program = with_requirements(make_program(USES_PACKAGE), "iniconfig==2.1.0")
    with docker_engine.open(program, limits) as worker:
        outcome = worker.ask(make_sample())
        assert (outcome.status, outcome.dimension) == ("ok", 9.0), outcome.reason
        [tag] = client.containers.get(worker.container_id).image.tags
        assert tag.startswith("manifoldbench-derived:")
    monkeypatch.setattr(docker_engine._images, "_build", lambda *_: pytest.fail("built twice"))
    with docker_engine.open(program, limits) as worker:
        assert worker.ask(make_sample()).dimension == 9.0
    client.images.remove(tag)


def test_requirements_that_cannot_be_installed_are_the_status(docker_engine, make_program, make_sample, limits):
    program = with_requirements(make_program(COLUMNS), "no-such-package-of-manifoldbench==1")
    with docker_engine.open(program, limits) as worker:
        outcome = worker.ask(make_sample())
    assert outcome.status == "failed"
    assert outcome.reason.startswith("its requirements cannot be installed: ERROR: ")
    assert "no-such-package-of-manifoldbench==1" in outcome.reason


@pytest.mark.parametrize(
    "line", ["--no-binary :all:", "-r /etc/passwd", "x @ https://example.org/x.tar.gz", "iniconfig\n--pre", "../x"]
)
def test_requirements_are_names_with_versions(line, make_program, make_sample, limits):
    """An option would undo that only wheels are taken. Nothing is built."""
    engine = DockerEngine("any", client=FakeClient())
    with engine.open(with_requirements(make_program(COLUMNS), line), limits) as worker:
        outcome = worker.ask(make_sample())
    assert outcome.status == "failed"
    assert outcome.reason.endswith("is no package name with versions, such as umap-learn==0.5")


def test_requirements_that_take_too_long_are_the_status(own_engine, make_program, make_sample, limits):
    program = with_requirements(make_program(COLUMNS), "iniconfig==2.0.0")
    own_engine._images._seconds = 0.0
    with own_engine.open(program, limits) as worker:
        outcome = worker.ask(make_sample())
    assert (outcome.status, outcome.reason) == ("failed", "its requirements were not installed within 0 s")


def test_both_engines_give_the_same_scores(docker_image, client, tmp_path):
    suite = tmp_path / "tiny.toml"
    suite.write_text(
        'version = "1"\ndescription = "d"\n[budget]\nwall_seconds = 30\ncpu_seconds = 60\nmemory_gib = 2\n'
        '[[known]]\nfamily = "classic"\nmanifolds = ["M1_Sphere", "M7_Roll"]\nn = 300\nseeds = 2\n'
        '[[real]]\nsplits = 1\nviews = [{ dataset = "digits", count = 200 }]\n'
    )
    answers = {}
    for sandbox in ("process", "docker"):
        results = tmp_path / sandbox
        rows = ["twonn", "mle-k10", "danco", "skdim-lpca-fo", "random"]
        command = ["run", *rows, "--suite", str(suite), "--results", str(results), "--sandbox", sandbox]
        run = CliRunner().invoke(cli, command)
        assert run.exit_code == 0, run.output
        found = [json.loads(path.read_text()) for path in results.rglob("*.json")]
        answers[sandbox] = {
            (result["submission"], result["task"]): (
                result["status"],
                [answer["dimension"] for answer in result["answers"]],
                {name: score for name, score in result["scores"].items() if "seconds" not in name},
            )
            for result in found
        }
        made_by = [result["provenance"] for result in found]
        engines = {(made["engine"], made.get("image_digest"), made.get("engine_version")) for made in made_by}
        facts = (
            (client.images.get(docker_image).id, client.version()["Version"]) if sandbox == "docker" else (None, None)
        )
        assert engines == {(sandbox, *facts)}
        assert {made["limits"]["memory_bytes"] for made in made_by} == {2.0 * 2**30}
    assert len(answers["process"]) == 6 * 3
    assert answers["docker"] == answers["process"]


def test_a_full_disk_is_a_fault_of_ours(docker_engine, make_program, make_sample, limits, monkeypatch):
    """The sample cannot be handed over: told in a sentence, and the next one is answered."""
    sample = make_sample(4)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with docker_engine.open(make_program(COLUMNS), limits) as worker:
        with monkeypatch.context() as patch:
            patch.setattr(container_module, "_share", full)
            with pytest.raises(InfrastructureError) as fault:
                worker.ask(sample)
        assert str(fault.value) == "the sample cannot be handed over: No space left on device"
        assert worker.ask(sample).dimension == 4.0


def test_a_submission_is_checked_in_containers(docker_image, client, tmp_path):
    """Both tracks; the estimator answers nobody but the container's user, so that another engine would fail it."""
    alone = "import os\n" + COLUMNS.replace("float(X.shape[1])", "{65534: 3.0}[os.getuid()]")
    (tmp_path / "estimator.py").write_text(alone)
    (tmp_path / "submission.toml").write_text(
        'name = "alone"\ntrack = "estimators"\nentry = "estimator.py:Estimator"\nauthors = ["A"]\nlicence = "MIT"\n'
        'reference = "none"\ndescription = "For tests."\n'
    )
    for folder in (tmp_path, REPOSITORY / "submissions" / "small-cnn"):
        checked = CliRunner().invoke(cli, ["check", str(folder), "--sandbox", "docker"])
        assert checked.exit_code == 0, checked.output
        assert "Warning" not in checked.stderr
        assert ours(client) == []


# --- what is not there ---


def run_in_docker(*options):
    """The sentence that the command ends with."""
    run = CliRunner().invoke(cli, ["run", "twonn", "--suite", "smoke", "--sandbox", "docker", *options])
    assert isinstance(run.exception, UserError), run.output
    return str(run.exception)


def test_an_engine_that_does_not_run(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/docker.sock")
    sentence = run_in_docker()
    assert sentence.startswith("The Docker engine cannot be reached: no such file or directory. Start it, or set")


def test_a_socket_without_permission(monkeypatch):
    def refuse(*_, **__):
        raise docker.errors.DockerException("Error: ('Connection aborted.', PermissionError(13, 'Permission denied'))")

    monkeypatch.setattr(engine_module.docker, "from_env", refuse)
    sentence = run_in_docker()
    assert "cannot be reached: permission denied. Start it, or set DOCKER_HOST" in sentence
    assert "group docker" in sentence


def test_an_image_that_is_not_there(docker_image):
    sentence = run_in_docker("--image", "manifoldbench:no-such-version")
    assert sentence == "The Docker engine has no image manifoldbench:no-such-version: build it with `make image`."


def test_an_engine_that_stops_in_the_middle(own_engine, make_program, make_sample, limits, monkeypatch):
    with own_engine.open(make_program(COLUMNS), limits) as worker:
        assert worker.ask(make_sample(4)).dimension == 4.0
        container = worker._running._container
        container.kill()

        def gone(*_, **__):
            raise docker.errors.APIError("500 Server Error", explanation="Connection refused")

        with monkeypatch.context() as patch:
            patch.setattr(container, "reload", gone)
            with pytest.raises(InfrastructureError, match="the Docker engine does not answer: connection refused"):
                worker.ask(make_sample(4))


# --- GPUs, on an engine that only takes down what it is asked ---


class FakeContainers:
    def __init__(self):
        self.created = []

    def create(self, image, **settings):
        self.created.append(settings)
        raise docker.errors.APIError("500", explanation="the fake engine starts nothing")

    def list(self, **_):
        return []


class FakeClient:
    def __init__(self):
        self.containers = FakeContainers()
        self.images = self

    def get(self, name):
        return type("Image", (), {"id": "sha256:fake"})()

    def version(self):
        return {"Version": "0"}


def test_a_gpu_is_asked_of_the_engine(make_program, limits):
    client = FakeClient()
    engine = DockerEngine("any", gpus=["1"], client=client)
    for _ in range(2):  # given back also when nothing could be started
        with (
            pytest.raises(InfrastructureError, match="cannot be started: the fake engine starts nothing"),
            engine.open(make_program(COLUMNS), limits),
        ):
            pass
    requests = [settings["device_requests"] for settings in client.containers.created]
    assert requests == [[{"Driver": "", "Count": 0, "DeviceIDs": ["1"], "Capabilities": [["gpu"]], "Options": {}}]] * 2


def test_none_is_asked_for_where_none_is_leased(make_program, limits):
    client = FakeClient()
    with pytest.raises(InfrastructureError), DockerEngine("any", client=client).open(make_program(COLUMNS), limits):
        pass
    assert client.containers.created[0]["device_requests"] == []


def test_a_leased_gpu_belongs_to_one_job(make_program, limits, monkeypatch):
    """Four jobs and two GPUs: never more than two at a time, and never one GPU twice."""
    held, most, lock, ended = [], [], threading.Lock(), []

    class Worker:
        def __init__(self, new_container, program, limits):
            _client, _image, self.gpu, *_ = new_container.args

        def start(self):
            with lock:
                assert self.gpu not in held
                held.append(self.gpu)
                most.append(len(held))

        def close(self):
            with lock:
                held.remove(self.gpu)

    monkeypatch.setattr(engine_module, "DockerWorker", Worker)
    engine = DockerEngine("any", gpus=["0", "1"], client=FakeClient())

    def job():
        with engine.open(make_program(COLUMNS), limits):
            time.sleep(0.05)
        ended.append(True)

    threads = [threading.Thread(target=job) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(ended), max(most), held) == (4, 2, [])


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """A program of that name, which lists two GPUs."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_gpus_by_name(nvidia_smi):
    assert leasable_gpus("all") == ["0", "1"]
    assert leasable_gpus("1") == ["1"]
    assert leasable_gpus("none") == []
    with pytest.raises(UserError, match=r"There is no GPU '7' on this machine: there are 0, 1\."):
        leasable_gpus("0,7")


def test_a_gpu_on_a_machine_without(monkeypatch):
    monkeypatch.setenv("PATH", "/no/such/folder")
    sentence = run_in_docker("--gpus", "all")
    assert sentence == "A GPU was asked for, and nvidia-smi finds none on this machine: leave out --gpus."


# --- cost ---


def test_overhead_of_a_sample(real_engine, benchmark, make_program, make_sample, limits):
    """Of a program that does nothing, so all of the time is ours; the start of worker or container is not in it."""
    benchmark.group = "a sample"
    sample = make_sample(4)
    with real_engine.open(make_program(COLUMNS), limits) as worker:
        outcome = benchmark(worker.ask, sample)
    assert outcome.dimension == 4.0


def test_overhead_of_a_submission(real_engine, benchmark, make_program, limits):
    """Start and removal of a worker or container."""
    benchmark.group = "a submission"

    def start():
        with real_engine.open(make_program(COLUMNS), limits):
            pass

    benchmark.pedantic(start, rounds=5)


def test_paths_of_the_image_are_those_of_the_repository():
    assert (REPOSITORY / Path(container_module.WORKER).relative_to("/opt/manifoldbench")).is_file()
