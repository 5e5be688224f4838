"""Certificates: what has its dimension passes, what has not is refused with the reason."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmark.cli.data import data
from benchmark.errors import UserError
from benchmark.synthetic import certificates
from benchmark.synthetic import certify as module
from benchmark.synthetic.certificates import code_sha256
from benchmark.synthetic.certify import (
    certificate_key,
    certificate_path,
    certify,
    load_certificate,
    read_certificate,
    write_certificate,
)
from benchmark.synthetic.phantoms import PHANTOMS
from benchmark.synthetic.phantoms.family import BoxPhantom, Family

PATTERNS = np.linalg.qr(np.random.default_rng(0).normal(size=(32 * 32, 8)))[0].T.reshape(8, 32, 32)
"""Eight orthonormal images."""


@dataclass(frozen=True)
class Sum(BoxPhantom):
    """A sum of the patterns, with weights that a function makes of the latents."""

    weights: str
    WEIGHTS: ClassVar = {
        "plain": lambda u: u,
        "stretched": lambda u: u * torch.tensor([4.0, 1.0], dtype=u.dtype),
        "twice": lambda u: u[:, :1] + u[:, 1:],
        "still": lambda u: torch.cat([u[:, :1], 0 * u[:, 1:]], dim=1),
        "squared": lambda u: torch.cat([u[:, :1], u[:, 1:] ** 2], dim=1),
        "circle": lambda u: torch.cat([(np.pi * u).cos(), (np.pi * u).sin()], dim=1),
        "arc": lambda u: torch.cat([u.cos(), u.sin()], dim=1),
        "kinked": lambda u: u + 0.001 * (u > 0.3) * u,
    }

    def render(self, latents, size):
        weights = self.WEIGHTS[self.weights](latents)
        patterns = torch.from_numpy(PATTERNS).to(latents)
        return sum(weights[:, j, None, None] * patterns[j] for j in range(weights.shape[1]))


def family(weights):
    return Family(weights, "radiology", "A test.", 8, lambda dimension, seed: Sum(dimension, weights))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "MANY", 1024)


def test_an_isometry_has_a_perfect_certificate():
    found = certify(family("plain"), 3, size=32, anatomy=0)
    assert found.ranks == (3,)
    assert found.smallest_singular_ratio == pytest.approx(1)
    assert found.condition_max == pytest.approx(1)
    assert found.injectivity == pytest.approx(1)
    assert found.difference_error < 1e-8
    assert found.reach_bound is None
    assert found.effective_dimension == pytest.approx(3, rel=0.02)
    assert (found.family, found.dimension, found.size, found.anatomy, found.latents) == ("plain", 3, 32, 0, 256)


def test_the_condition_number_is_that_of_the_map():
    found = certify(family("stretched"), 2, size=32, anatomy=0)
    assert found.condition_median == pytest.approx(4)
    assert found.smallest_singular_ratio == pytest.approx(1 / 4)
    assert found.injectivity == pytest.approx(1, rel=0.01)


def test_the_reach_of_an_arc_is_its_radius():
    assert certify(family("arc"), 1, size=32, anatomy=0).reach_bound == pytest.approx(1, rel=1e-3)


def test_the_injectivity_of_an_arc_is_that_of_its_ends():
    found = certify(family("arc"), 1, size=32, anatomy=0)
    assert found.injectivity == pytest.approx(np.sin(1), rel=0.02)  # a chord of 2 sin(1) for an arc of 2


@pytest.mark.parametrize("weights", ["twice", "still"])
def test_two_latents_with_one_effect_are_refused(weights):
    with pytest.raises(UserError, match=rf"{weights}-2 is refused: its Jacobian has rank 1 at some latent, .* 2 "):
        certify(family(weights), 2, size=32, anatomy=0)


@pytest.mark.parametrize(("weights", "d"), [("squared", 2), ("circle", 1)])
def test_two_latents_with_one_image_are_refused(weights, d):
    with pytest.raises(UserError, match=rf"{weights}-{d} is refused: it is not injective"):
        certify(family(weights), d, size=32, anatomy=0)


def test_a_jump_is_refused(monkeypatch):
    monkeypatch.setattr(module.geometry, "STEP", 0.2)
    with pytest.raises(UserError, match=r"deviates by .* from finite differences"):
        certify(family("kinked"), 1, size=32, anatomy=0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dimension": 9}, "plain has dimensions from 1 to 8, not 9"),
        ({"size": 20}, "size must be from 28"),
        ({"latents": 100}, "latents must be at least 256, not 100"),
    ],
)
def test_mistakes_are_told(change, words):
    arguments = {"dimension": 2, "size": 32, "anatomy": 0} | change
    with pytest.raises(UserError, match=words):
        certify(family("plain"), **arguments)


def test_each_stratum_has_its_rank(monkeypatch):
    monkeypatch.setattr(module, "MANY", 200)
    found = certify(PHANTOMS["strata"], 2, size=28, anatomy=0)
    assert found.ranks == (1, 2, 3)
    assert found.injectivity > 0


def test_a_certificate_is_read_as_it_was_written_and_only_for_what_it_says(tmp_path):
    plain = family("plain")
    made = certify(plain, 2, size=32, anatomy=0)
    path = write_certificate(tmp_path, made)
    assert path == certificate_path(tmp_path, "plain", 2, 32)
    assert path == tmp_path / "certificates" / "plain-2-32.json"
    assert read_certificate(path) == made
    assert load_certificate(tmp_path, plain, 2, size=32, anatomy=0) == made
    assert load_certificate(tmp_path, plain, 2, size=32, anatomy=1) is None
    assert load_certificate(tmp_path, plain, 2, size=32, anatomy=0, latents=300) is None
    assert load_certificate(tmp_path, plain, 3, size=32, anatomy=0) is None
    path.write_text('{"family": "plain"}')
    with pytest.raises(UserError, match=r"plain-2-32.json: .* is missing"):
        load_certificate(tmp_path, plain, 2, size=32, anatomy=0)


def test_the_key_holds_all_that_decides(monkeypatch):
    ellipses = PHANTOMS["ellipses"]
    keys = {
        certificate_key(chosen, d, size=size, anatomy=anatomy, latents=latents)
        for chosen, d, size, anatomy, latents in [
            (ellipses, 2, 64, 0, 256),
            (PHANTOMS["warp"], 2, 64, 0, 256),
            (ellipses, 3, 64, 0, 256),
            (ellipses, 2, 32, 0, 256),
            (ellipses, 2, 64, 1, 256),
            (ellipses, 2, 64, 0, 257),
        ]
    }
    monkeypatch.setattr(certificates, "library_versions", lambda: {"torch": "0"})
    assert len(keys | {certificate_key(ellipses, 2, size=64, anatomy=0)}) == 7


def test_the_code_of_a_family_is_that_of_all_it_imports():
    hashes = {code_sha256(chosen) for chosen in PHANTOMS.values()}
    assert len(hashes) == len(PHANTOMS)
    assert "warp" in certificates._imported(Path(certificates.contract.__file__).parent / "mr.py")


@pytest.fixture
def _small(monkeypatch):
    monkeypatch.setattr(module, "SIZE_IN_USE", 32)
    monkeypatch.setattr(module, "MANY", 256)


@pytest.mark.usefixtures("_small")
def test_the_command_keeps_certificates_and_makes_none_twice(tmp_path):
    arguments = ["certify", "ellipses-1", "--results", str(tmp_path)]
    first = CliRunner().invoke(data, arguments)
    assert first.exit_code == 0, first.output
    assert first.output.startswith("1 of 1: ellipses-1, 32 pixels a side: certified: rank 1, condition at most 1, ")
    assert (tmp_path / "certificates" / "ellipses-1-32.json").is_file()
    second = CliRunner().invoke(data, [*arguments, "--json"])
    (outcome,) = json.loads(second.stdout)
    assert (outcome["id"], outcome["status"], outcome["certificate"]["ranks"]) == ("ellipses-1", "present", [1])


@pytest.mark.usefixtures("_small")
def test_the_command_refuses_one_and_does_the_others(tmp_path, monkeypatch):
    monkeypatch.setitem(PHANTOMS, "warp", Family("warp", "radiology", "A test.", 2, family("twice").make))
    found = CliRunner().invoke(data, ["certify", "warp-2", "ellipses-1", "--results", str(tmp_path)])
    assert found.exit_code == 1
    assert "warp-2, 32 pixels a side: refused" in found.output
    assert "ellipses-1, 32 pixels a side: certified" in found.output
    assert "Error: warp-2 is refused: its Jacobian has rank 1" in found.output
    assert not (tmp_path / "certificates" / "warp-2-32.json").exists()


@pytest.mark.usefixtures("_small")
def test_the_command_certifies_images_of_another_size(tmp_path):
    found = CliRunner().invoke(data, ["certify", "periodic-1", "--size", "28", "--results", str(tmp_path)])
    assert found.exit_code == 0, found.output
    (path,) = (tmp_path / "certificates").iterdir()
    assert path.name == "periodic-1-28.json"


@pytest.mark.usefixtures("_small")
def test_the_command_certifies_what_a_suite_asks_for_the_cheapest_first(tmp_path):
    suite = tmp_path / "mine.toml"
    blocks = [("ellipses", [2, 1], 32), ("periodic", [1], 28), ("ellipses", [2], 32)]
    text = 'version = "1"\ndescription = "A test."\n[budget]\nwall_seconds = 1\ncpu_seconds = 1\nmemory_gib = 1\n'
    for number, (family, dimensions, size) in enumerate(blocks):
        text += f'[[phantoms]]\nfamilies = ["{family}"]\ndimensions = {dimensions}\nn = {100 + number}\nseeds = 1\n'
        text += f"size = {size}\n"
    suite.write_text(text)
    arguments = ["certify", "--suite", str(suite), "--results", str(tmp_path), "--json"]
    found = CliRunner().invoke(data, arguments)
    assert found.exit_code == 0, found.output
    made = [(outcome["id"], outcome["size"], outcome["status"]) for outcome in json.loads(found.stdout)]
    assert made == [("periodic-1", 28, "certified"), ("ellipses-1", 32, "certified"), ("ellipses-2", 32, "certified")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["moon"], 'no phantom family "moon"'),
        (["periodic-9"], "periodic-9: periodic has dimensions from 1 to 8, as in periodic-4"),
        (["periodic-x"], "as in periodic-4"),
        (["periodic-1", "--size", "27"], "size must be from 28 to 512 pixels, not 27"),
        (["periodic-1", "--suite", "smoke"], "leave out the IDs and --size"),
        (["--size", "32", "--suite", "smoke"], "leave out the IDs and --size"),
        (["--suite", "moon"], "moon"),
    ],
)
def test_the_command_tells_mistakes(arguments, words):
    found = CliRunner().invoke(data, ["certify", *arguments])
    assert isinstance(found.exception, UserError)
    assert words in str(found.exception)
