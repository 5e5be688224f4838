"""Where the folders of a checkout lie: each can be moved by an environment variable."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def submissions_root() -> Path:
    """Folder of the submissions: MANIFOLDBENCH_SUBMISSIONS, else `submissions` of the checkout."""
    return Path(os.environ.get("MANIFOLDBENCH_SUBMISSIONS", REPOSITORY / "submissions"))


def results_root() -> Path:
    """Folder of the results: MANIFOLDBENCH_RESULTS, else `results` of the checkout."""
    return Path(os.environ.get("MANIFOLDBENCH_RESULTS", REPOSITORY / "results"))


def datasets_root() -> Path:
    """Folder of the dataset cards: MANIFOLDBENCH_DATASETS, else `datasets` of the checkout."""
    return Path(os.environ.get("MANIFOLDBENCH_DATASETS", REPOSITORY / "datasets"))


def pages_root() -> Path:
    """Folder of the built pages: MANIFOLDBENCH_PAGES, else `site/build` of the checkout."""
    return Path(os.environ.get("MANIFOLDBENCH_PAGES", site_root() / "build"))


def site_root() -> Path:
    """Folder of the site's templates and static files: MANIFOLDBENCH_SITE, else `site` of the checkout."""
    return Path(os.environ.get("MANIFOLDBENCH_SITE", REPOSITORY / "site"))
