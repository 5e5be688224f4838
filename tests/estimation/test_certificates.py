"""A phantom is asked with a certificate alone: a committed one, one of the cache, or one made at first use."""

from types import SimpleNamespace

import pytest

from benchmark.errors import UserError
from benchmark.estimation import certificates
from benchmark.estimation.certificates import refusal


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Measuring is replaced by a list of what was measured; `warp` fails. Certificates are files by their key."""
    monkeypatch.setenv("MANIFOLDBENCH_CACHE", str(tmp_path / "cache"))
    made = []

    def key(family, dimension, *, size, anatomy):
        return f"{family.name}-{dimension}-{size}-{anatomy}"

    def certify(family, dimension, *, size, anatomy):
        made.append(key(family, dimension, size=size, anatomy=anatomy))
        if family.name == "warp":
            raise UserError("warp-8 is refused: its Jacobian loses rank.")
        return SimpleNamespace(key=made[-1])

    def write(root, certificate):
        root.mkdir(parents=True, exist_ok=True)
        (root / certificate.key).touch()

    monkeypatch.setattr(certificates, "certify", certify)
    monkeypatch.setattr(certificates, "certificate_key", key)
    monkeypatch.setattr(certificates, "write_certificate", write)
    monkeypatch.setattr(
        certificates, "load_certificate", lambda root, *parts, **named: (root / key(*parts, **named)).exists() or None
    )
    return made


def test_each_phantom_is_measured_once(measured, tmp_path):
    for _ in range(2):
        assert refusal(tmp_path / "results", "ellipses", 8, 64, 0) is None
    assert measured == ["ellipses-8-64-0"]
    assert refusal(tmp_path / "results", "ellipses", 8, 32, 0) is None
    assert refusal(tmp_path / "results", "ellipses", 8, 64, 5) is None
    assert measured == ["ellipses-8-64-0", "ellipses-8-32-0", "ellipses-8-64-5"]


def test_a_committed_certificate_is_taken(measured, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "ellipses-8-64-0").touch()
    assert refusal(tmp_path / "results", "ellipses", 8, 64, 0) is None
    assert measured == []


def test_a_refusal_is_a_sentence_and_is_kept(measured, tmp_path):
    for _ in range(2):
        assert refusal(tmp_path / "results", "warp", 8, 64, 0) == "warp-8 is refused: its Jacobian loses rank."
    assert measured == ["warp-8-64-0"]


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is:FutureWarning")
def test_a_real_phantom_gets_a_real_certificate(tmp_path, monkeypatch):
    monkeypatch.setenv("MANIFOLDBENCH_CACHE", str(tmp_path / "cache"))
    assert refusal(tmp_path / "results", "periodic", 1, 28, 3) is None
    [path] = (tmp_path / "cache" / "phantoms").rglob("*.json")
    assert path.name == "periodic-1-28.json"
    assert not (tmp_path / "results").exists()
