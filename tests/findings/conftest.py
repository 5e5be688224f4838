"""The made-up results, loaded by path."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from benchmark.findings.retest import Retest, load_retest
from benchmark.leaderboard import load_board


@pytest.fixture(scope="session")
def made_up() -> ModuleType:
    """The module `made_up.py` beside this file."""
    spec = importlib.util.spec_from_file_location("made_up_results", Path(__file__).with_name("made_up.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def load(made_up):
    """A function from a results folder to its findings."""

    def loaded(root: Path, protocol: str | None = None) -> Retest:
        return load_retest(root, load_board(root, made_up.SUITE), protocol)

    return loaded
