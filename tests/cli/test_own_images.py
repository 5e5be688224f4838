"""`docs/own-images.md` as it stands: card, suite and commands, on digits that stand for somebody's images."""

import re
import shlex
import tomllib

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sklearn.datasets import load_digits

from benchmark.cli import cli
from benchmark.leaderboard import dataset_table, load_board
from benchmark.paths import REPOSITORY
from benchmark.training.board import load_model_boards

PAGE = (REPOSITORY / "docs" / "own-images.md").read_text()
CARD, SUITE = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.S)


def command(verb: str) -> list[str]:
    """The arguments of the page's command of that verb."""
    [found] = re.findall(rf"^\$ manifoldbench ({verb} .*)$", PAGE, flags=re.M)
    return shlex.split(found)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder as the page describes it, and the outcomes of its commands in order."""
    folder = tmp_path_factory.mktemp("own")
    card = tomllib.loads(CARD)
    digits = load_digits()
    chosen = [row for row in range(len(digits.target)) if digits.target[row] in (3, 8)][: card["splits"]["train"]]
    for row in chosen:
        name = card["classes"][int(digits.target[row] == 8)]
        image = np.kron(digits.images[row] * 15, np.ones((8, 8))).astype(np.uint8)
        path = folder / "data" / card["options"]["path"] / name / f"p{row // 2:03}-{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    for dataset, text in (
        (card["id"], CARD),
        ("digits", (REPOSITORY / "datasets" / "digits" / "dataset.toml").read_text()),
    ):
        (folder / "datasets" / dataset).mkdir(parents=True)
        (folder / "datasets" / dataset / "dataset.toml").write_text(text)
    (folder / "my-suite.toml").write_text(SUITE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("data", "datasets", "cache"):
            patch.setenv(f"MANIFOLDBENCH_{name.upper()}", str(folder / name))
        said = {}
        for verb in ("data", "run", "reproduce", "site"):
            outcome = CliRunner().invoke(cli, command(verb), catch_exceptions=False)
            assert outcome.exit_code == 0, outcome.output
            said[verb] = outcome.stdout
    return folder, said


def test_the_card_is_read_and_the_images_are_found(place):
    _, said = place
    assert re.search(r"^classes: +benign, malignant$", said["data"], flags=re.M)
    assert re.search(r"^here: +yes$", said["data"], flags=re.M)


def test_dimensions_are_printed_with_their_intervals(place):
    folder, said = place
    board = load_board(folder / "my-results", "my-suite")
    for dataset in ("my-set", "digits"):
        found = dataset_table(board, dataset).set_index("submission")
        for name in ("mle-k20", "twonn"):
            row = found.loc[name]
            cell = f"{row['corrected']:.1f} ({row['low']:.1f}-{row['high']:.1f})"
            assert re.search(rf"^{name} .*{re.escape(cell)}", said["run"], flags=re.M), (name, cell, said["run"])


def test_models_are_trained_on_both_sets(place):
    folder, said = place
    [board] = load_model_boards(folder / "my-results", "my-suite")
    ours = {result.task: result for result in board.results if result.submission == "small-cnn"}
    assert set(ours) == {"my-set@N=100", "digits:3-8@N=100"}
    assert ours["my-set@N=100"].classes == ["benign", "malignant"]
    assert ours["my-set@N=100"].in_both == 0
    assert ours["my-set@N=100"].groups > 100
    error = board.rows.set_index("submission")["error"]
    assert error["small-cnn"] < error["majority"] / 2
    assert "Left out" not in said["run"]


def test_the_claims_and_the_pages_know_the_set(place):
    folder, said = place
    assert "Re-tested on suite my-suite" in said["reproduce"]
    assert "2 estimators" in said["reproduce"]
    assert "No true dimension is known in this suite" in (folder / "my-pages" / "index.html").read_text()
    assert "My set" in (folder / "my-pages" / "datasets" / "my-set" / "index.html").read_text()
