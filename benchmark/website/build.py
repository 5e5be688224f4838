"""Write the site: every page into a new folder, which then takes the place of the old one."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmark import __version__
from benchmark.errors import UserError
from benchmark.estimation.scoring import METRICS
from benchmark.paths import site_root
from benchmark.website.content import Content, gather
from benchmark.website.curves import curve_points
from benchmark.website.findings_figures import PANEL_HEIGHT, PANEL_WIDTH
from benchmark.website.properties_page import FIGURE_HEIGHT, FIGURE_WIDTH
from benchmark.website.tables import Table, to_csv, to_json
from benchmark.website.text import NONE, clean, fixed, is_address, slug

MARKER = "site.json"
"""Says that a folder is a built site, and what it was built from; another folder is never replaced."""

NAVIGATION = (
    ("estimators/", "Estimators"),
    ("models/", "Models"),
    ("findings", "Findings"),
    ("submissions/", "Submissions"),
    ("datasets/", "Datasets"),
    ("phantoms", "Phantoms"),
    ("calibration", "Calibration"),
    ("properties", "Properties"),
    ("method", "Method"),
)
"""How the paths of a section begin, and its name; a link leads to its first page, and there is none without a page."""


@dataclass(frozen=True, slots=True)
class SiteSummary:
    """What was built."""

    index: str
    """Path of the first page."""
    pages: int
    suites: list[str]
    """Those with a board of estimators or of models."""
    submissions: int
    datasets: int


def build_site(results: Path, out: Path, templates: Path | None = None) -> SiteSummary:
    """Build all pages from the results below `results` and put them at `out`, whole or not at all.

    templates: folder with `templates` and `static`; by default that of the checkout, or MANIFOLDBENCH_SITE.
    Raises UserError if there are no results, or if `out` holds anything but an earlier site.
    """
    source = templates or site_root()
    if not (source / "templates" / "base.html").is_file():
        raise UserError(
            f"{source}: no templates/base.html: MANIFOLDBENCH_SITE must name the folder `site` of a checkout."
        )
    _check_target(out, results)
    content = gather(results)
    with _replacing(out) as folder:
        shutil.copytree(source / "static", folder / "static")
        pages = _write_pages(folder, content, environment(source / "templates"))
        for copy in content.code:
            _write(folder / copy.path, copy.text)
        for picture in content.phantoms.pictures:
            (folder / picture.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture.source, folder / picture.path)
    return SiteSummary(
        index=str(out / "index.html"),
        pages=pages,
        suites=[*dict.fromkeys([*(b.suite for b in content.boards), *(b.identity["suite"] for b in content.models)])],
        submissions=len(content.submissions),
        datasets=len(content.datasets),
    )


def environment(templates: Path) -> Environment:
    """The template engine: everything is escaped, and a name that is not there is an error."""
    engine = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=clean,
    )
    engine.filters |= {
        "slug": slug,
        "decimals": lambda value, number: fixed(number)(value),
        "as_json": _as_json,
        "curve": curve_points,
    }
    engine.tests["address"] = is_address
    engine.globals["none_text"] = NONE
    return engine


def _write_pages(folder: Path, content: Content, engine: Environment) -> int:
    pages = list(_pages(content))
    built = [page for page, _, _ in pages]
    navigation = [
        (section, target, words)
        for section, words in NAVIGATION
        for target in [page for page in built if page.startswith(section)][:1]
    ]
    for page, template, values in pages:
        common = {
            "page": page,
            "link": _linker(page),
            "navigation": navigation,
            "version": __version__,
            "cheats": content.cheats,
            "built": built,
        }
        _write(folder / page, engine.get_template(template).render(common | values))
    for table in content.tables():
        _write_table(folder, table)
    identity = {
        "made_by": "manifoldbench",
        "version": __version__,
        "suites": [{"suite": b.suite, "version": b.version, "sha256": b.sha256} for b in content.boards],
        "models": [board.identity for board in content.models],
    }
    _write(folder / MARKER, json.dumps(identity, indent=1) + "\n")
    return len(pages)


def _pages(content: Content) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, template and values of every page."""
    boards, models = content.boards, content.models
    first = {"boards": boards, "models": models, "first": content.first, "dimensions": content.dimensions}
    yield "index.html", "index.html", first
    yield "method.html", "method.html", {"metrics_table": content.metrics_table, "corrections": content.corrections}
    if content.cheats:
        yield "cheats.html", "cheats.html", {}
    yield "phantoms.html", "phantoms.html", {"phantoms": content.phantoms}
    if content.calibration:
        yield "calibration.html", "calibration.html", {"calibration": content.calibration}
    if content.properties:
        sizes = {"figure_width": FIGURE_WIDTH, "figure_height": FIGURE_HEIGHT}
        yield "properties.html", "properties.html", {"properties": content.properties, **sizes}
    if content.findings:
        values = {"findings": content.findings, "panel_width": PANEL_WIDTH, "panel_height": PANEL_HEIGHT}
        yield "findings.html", "findings.html", values
    for board in boards:
        yield board.page, "estimators.html", {"board": board, "boards": boards, "metrics": tuple(METRICS.values())}
    for trained in models:
        yield trained.page, "models.html", {"board": trained, "models": models, "metrics": trained.metrics}
    yield "submissions/index.html", "submissions.html", {"table": content.submissions_table}
    for submission in content.submissions:
        yield f"submissions/{slug(submission.name)}/index.html", "submission.html", {"submission": submission}
    yield "datasets/index.html", "datasets.html", {"table": content.datasets_table, "dimensions": content.dimensions}
    for dataset in content.datasets:
        yield f"datasets/{slug(dataset.id)}/index.html", "dataset.html", {"dataset": dataset}


def _linker(page: str) -> Callable[[str], str]:
    """Turn a path below the site into a link from `page`: relative, so that pages work from any folder and as files."""
    up = "../" * (len(PurePosixPath(page).parts) - 1)
    return lambda target: up + target


def _write_table(folder: Path, table: Table) -> None:
    _write(folder / f"{table.path}.csv", to_csv(table.records))
    _write(folder / f"{table.path}.json", to_json(table.facts, table.records))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _as_json(value: Any) -> str:
    """A parameter as JSON says it; the template escapes it."""
    return json.dumps(value, ensure_ascii=False)


def _check_target(out: Path, results: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file; give a folder for the pages.")
    if out.resolve().is_relative_to(results.resolve()):
        raise UserError(
            f"{out}: lies in the results folder, which holds results only; give another folder for the pages."
        )
    try:
        empty = not out.is_dir() or not any(out.iterdir())
    except OSError as error:
        raise UserError(f"{out}: cannot be read: {error.strerror}.") from None
    if not empty and not _is_site(out):
        raise UserError(f"{out}: holds other files than a built site; give a new or an empty folder for the pages.")


def _is_site(out: Path) -> bool:
    try:
        content = json.loads((out / MARKER).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("made_by") == "manifoldbench"


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """A new folder that takes the place of `out` when the block ends well, and is removed when it does not."""
    target = out.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    except OSError as error:
        raise UserError(f"{out}: the pages cannot be written: {error.strerror}.") from None
    new, old = scratch / "new", scratch / "old"
    try:
        new.mkdir()
        yield new
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        if error.errno is None:  # not the disk's fault: a template that is not there
            raise
        raise UserError(f"{out}: the pages cannot be written: {error.strerror}.") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
