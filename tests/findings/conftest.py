"""The findings of made-up results."""

from pathlib import Path

import pytest

import made_up_results
from benchmark.findings.retest import Retest, load_retest
from benchmark.leaderboard import load_board


@pytest.fixture
def load():
    """A function from a results folder to its findings."""

    def loaded(root: Path, protocol: str | None = None) -> Retest:
        return load_retest(root, load_board(root, made_up_results.SUITE), protocol)

    return loaded
