"""The small world's site, built once."""

from pathlib import Path

import pytest

import small_world
from benchmark.results import write_result
from benchmark.submissions import find_submissions
from benchmark.training.results import write_training_result
from benchmark.website import build_site


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> small_world.World:
    """The small world, with its site built."""
    root = tmp_path_factory.mktemp("world")
    small_world.write_submissions(root / "submissions")
    small_world.write_models(root / "submissions")
    small_world.write_datasets(root / "datasets")
    for submission in find_submissions(root / "submissions"):
        if submission.name in small_world.CHECKED:
            small_world.write_check(root / "results", submission)
        if submission.manifest.track == "models":
            for protocol in small_world.PROTOCOLS if submission.name in small_world.ACCURACIES else ():
                for result in small_world.training_results_of(submission, protocol):
                    write_training_result(root / "results", result)
            continue
        for result in (*small_world.results_of(submission, "standard"), *small_world.results_of(submission, "smoke")):
            write_result(root / "results", result)
        for result in small_world.phantom_results_of(submission):
            write_result(root / "results", result)
    small_world.write_cheats(root / "results")
    world = small_world.World(root / "results", root / "site")
    with pytest.MonkeyPatch.context() as patch:
        small_world.enter(patch, world)
        build_site(world.results, world.out)
    return world


@pytest.fixture
def in_world(world, monkeypatch) -> small_world.World:
    """The small world, for a test that builds by itself."""
    small_world.enter(monkeypatch, world)
    return world


@pytest.fixture(scope="session")
def pages(world) -> list[Path]:
    """Every page of the built site."""
    return sorted(world.out.rglob("*.html"))
