"""The page of the phantoms: what each family looks like, how certain its dimension is, what estimators say of it."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.calibration import Observation, most_common_n, observations
from benchmark.estimation.conditions import LOCAL
from benchmark.paths import REPOSITORY
from benchmark.synthetic.certify import FOLDER, Certificate, code_sha256, read_certificate
from benchmark.synthetic.phantoms import PHANTOMS, Family
from benchmark.website.boards import BoardPage
from benchmark.website.columns import DIMENSION, SHORT
from benchmark.website.tables import Column, Record, Table
from benchmark.website.text import count, fixed, plain, significant

SHEETS = REPOSITORY / "docs" / "phantoms"
"""Contact sheets, `<family>.png`."""
WELL_KNOWN = ("mle-k20", "twonn")
"""Estimators that are shown wherever a board has them, beside the best of the board."""
BEST = 4
"""How many of the best are shown."""

DOMAINS = {"radiology": "Like radiology", "natural": "Like natural images"}


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that a page shows: where it is, where it goes, and its size in pixels."""

    source: Path
    path: str
    """Below the site."""
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FamilyPart:
    """One family of phantoms."""

    name: str
    title: str
    about: str
    dimensions: str
    """All that can be made."""
    in_use: tuple[int, ...]
    """Those that have a certificate, or are asked on the board."""
    local: bool
    """Whether its images differ in dimension."""
    picture: Picture | None
    certificates: Table | None
    answers: Table | None


@dataclass(frozen=True, slots=True)
class PhantomsPage:
    """All families, by domain."""

    domains: tuple[tuple[str, tuple[FamilyPart, ...]], ...]
    suite: str
    """Whose answers are shown; empty if no suite has phantoms."""
    n: int
    """Images of a sample of those answers."""

    @property
    def families(self) -> tuple[FamilyPart, ...]:
        """Of all domains."""
        return tuple(family for _, families in self.domains for family in families)

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table of the page."""
        return tuple(table for part in self.families for table in (part.certificates, part.answers) if table)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every image of the page."""
        return tuple(part.picture for part in self.families if part.picture)


def make_phantoms(results: Path, board: BoardPage | None, sheets: Path) -> PhantomsPage:
    """The page of the families that there are.

    results: certificates lie below it. board: one with answers on phantoms, if there is one. sheets: see `SHEETS`.
    Raises UserError for a file that is no certificate.
    """
    certificates = [read_certificate(path) for path in sorted((results / FOLDER).glob("*.json"))]
    seen = _shown(board) if board else {}
    n = most_common_n(o for own in seen.values() for o in own if o.conditions.plain)
    identity = board.identity if board else {}
    parts = {
        name: _part(family, [each for each in certificates if each.family == name], seen, n, identity, sheets)
        for name, family in PHANTOMS.items()
    }
    domains = tuple(
        (title, tuple(part for name, part in parts.items() if PHANTOMS[name].domain == domain))
        for domain, title in DOMAINS.items()
    )
    return PhantomsPage(tuple(each for each in domains if each[1]), board.suite if board else "", n)


def family_title(name: str) -> str:
    """`X-ray`, `Ellipses`."""
    return SHORT.get(name, name.capitalize())


def _shown(board: BoardPage) -> dict[str, list[Observation]]:
    """The answers of a few submissions, in the order of the board."""
    ranked = [row["submission"] for row in board.rows if not row["control"]]
    chosen = {*ranked[:BEST], *WELL_KNOWN}
    return {name: own for name, own in observations(board.board).items() if name in chosen}


def _part(
    family: Family,
    certificates: list[Certificate],
    seen: Mapping[str, list[Observation]],
    n: int,
    identity: Mapping[str, str],
    sheets: Path,
) -> FamilyPart:
    answers = _answers(family.name, seen, n)
    certified = {certificate.dimension for certificate in certificates}
    return FamilyPart(
        name=family.name,
        title=family_title(family.name),
        about=family.about,
        dimensions=f"{family.dimensions[0]} to {family.dimensions[-1]}",
        in_use=tuple(sorted(certified | {record["d"] for record in answers})),
        local=family.name in LOCAL,
        picture=_picture(sheets / f"{family.name}.png", f"phantoms/{family.name}.png"),
        certificates=_certificates_table(family, certificates) if certificates else None,
        answers=_answers_table(family.name, answers, tuple(seen), n, identity) if answers else None,
    )


def _picture(source: Path, path: str) -> Picture | None:
    """A PNG file, its size from its header; None where there is none."""
    if not source.is_file():
        return None
    with source.open("rb") as stream:
        width, height = struct.unpack(">II", stream.read(24)[16:24])
    return Picture(source, path, width, height)


CERTIFICATE: tuple[Column, ...] = (
    Column("d", "d", "heading", show=count),
    Column("rank", "Rank"),
    Column("smallest_singular_ratio", "Singular values", "number", "", significant),
    Column("condition_median", "Condition", "number", "", fixed(1)),
    Column("condition_max", "at most", "number", "", fixed(1)),
    Column("injectivity", "Image distance", "number", "", significant),
    Column("collision_margin", "as a share", "number", "", significant),
    Column("difference_error", "Differences", "number", "", significant),
    Column("effective_dimension", "Effective dimension", "number", "", fixed(1)),
    Column("reach_bound", "Reach", "number", "", fixed(2)),
    Column("code", "Code"),
)
SIZE = Column("size", "Pixels a side", "number", "", count)
"""Where a table has several."""


def _certificates_table(family: Family, certificates: list[Certificate]) -> Table:
    current = code_sha256(family)
    records: list[Record] = [
        {
            "d": each.dimension,
            "rank": ", ".join(map(str, each.ranks)),
            **each.model_dump(mode="json", exclude={"dimension", "ranks", "libraries", "family"}),
            **{f"{name}_version": version for name, version in sorted(each.libraries.items())},
            "code": "current" if each.code_sha256 == current else "earlier",
        }
        for each in sorted(certificates, key=lambda each: (each.dimension, each.size))
    ]
    one, *others = {each.size for each in certificates}
    return Table(
        f"certificates-{family.name}",
        f"Certificates{'' if others else f' at {one} pixels a side'}, each from "
        f"{min(each.latents for each in certificates)} random settings or more. Distances are of pixels in 0 to 1.",
        f"phantoms/{family.name}-certificates",
        (CERTIFICATE[0], SIZE, *CERTIFICATE[1:]) if others else CERTIFICATE,
        tuple(records),
        {"family": family.name},
        "d",
    )


def _answers(family: str, seen: Mapping[str, list[Observation]], n: int) -> list[dict[str, Any]]:
    """One record a true dimension: the median answer of each submission."""
    found: dict[int, dict[str, Any]] = {}
    for name, own in seen.items():
        for observation in own:
            conditions = observation.conditions
            if conditions.family == family and conditions.plain and conditions.n == n and observation.estimates:
                record = found.setdefault(conditions.dimension, {"d": conditions.dimension})
                record[name] = float(np.median(observation.estimates))
    # a submission that failed has no value, and every record has every key
    return [{"d": d} | {name: found[d].get(name) for name in seen} for d in sorted(found)]


def _answers_table(
    family: str, records: list[dict[str, Any]], names: tuple[str, ...], n: int, identity: Mapping[str, str]
) -> Table:
    columns = (
        Column("d", "True d", "heading", show=plain),
        *(Column(name, name, "number", "", DIMENSION) for name in names),
    )
    caption = f"Median answer over the seeds to N = {count(n)} images of each true dimension."
    return Table(
        f"answers-{family}",
        caption,
        f"phantoms/{family}-answers",
        columns,
        tuple(records),
        {**identity, "family": family, "n": n},
        "d",
    )
