"""Whether a phantom may be asked: its certificate is committed, or kept from an earlier run, or made now."""

from pathlib import Path

from benchmark.data.store import cache_root
from benchmark.errors import UserError
from benchmark.files import write_whole
from benchmark.paths import REPOSITORY
from benchmark.synthetic.certify import certificate_key, certify, load_certificate, write_certificate
from benchmark.synthetic.phantoms import PHANTOMS


def refusal(results: Path, family: str, dimension: int, size: int, anatomy: int) -> str | None:
    """Why a phantom must not be asked, as one sentence; None if it has a valid certificate, which is made if need be.

    A certificate below `results`, or below those of the checkout, counts while it is of the code and libraries of
    now; others are kept in the cache, as are refusals, so that each phantom is measured once.
    Raises UserError for a file that is no certificate, and if the cache cannot be written.
    """
    kind = PHANTOMS[family]
    own = cache_root() / "phantoms" / f"anatomy-{anatomy}"
    for root in (results, REPOSITORY / "results", own):
        if load_certificate(root, kind, dimension, size=size, anatomy=anatomy):
            return None
    refused = _refused_path(own, certificate_key(kind, dimension, size=size, anatomy=anatomy))
    if refused.exists():
        return refused.read_text(encoding="utf-8")
    try:
        certificate = certify(kind, dimension, size=size, anatomy=anatomy)
    except UserError as error:
        write_whole(refused, str(error))
        return str(error)
    write_certificate(own, certificate)
    return None


def _refused_path(own: Path, key: str) -> Path:
    return own / "refused" / f"{key[:32]}.txt"
