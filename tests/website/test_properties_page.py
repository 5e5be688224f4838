"""The page of the properties: layers and label sharpness as they were measured, and no page without them."""

import json
import shutil

import numpy as np
import pytest

import small_world
from benchmark.findings.sharpness import SuiteSharpness, TaskSharpness
from benchmark.paths import REPOSITORY
from benchmark.results import write_versioned
from benchmark.sharpness import released_value
from benchmark.training.layers import LayerEstimate, Representations, iter_representations, write_representations
from benchmark.website import build_site
from benchmark.website.properties_page import make_properties
from made_up_results import PROVENANCE

LAYERS = ("images", "conv1", "=dead", "logits")
ANSWERS = {
    "mle-k20": (10.0, 12.5, None, 2.0),
    "papers-mle-k20": (8.0, 10.0, None, 1.6),
    "twonn": (16.04, 20.1, None, 3.0),
}
PAGE = "properties.html"
PLACE = "net-breastmnist-10-classes-N500"


def one_estimate(name: str, layer: str, value: float | None) -> LayerEstimate:
    return LayerEstimate(
        layer=layer,
        n=500 if value else 1,
        duplicates=0 if value else 499,
        estimator=name,
        status="ok" if value else "invalid",
        reason="" if value else f"1 different output {small_world.MARKUP}",
        dimension=value,
        correction=1.25 if name == "papers-mle-k20" else None,
    )


def write_layers(results, task: str = "breastmnist:10-classes@N=500", dataset: str = "breastmnist") -> None:
    """A model whose third layer collapsed; two of the estimators agree once corrected."""
    content = Representations(
        submission="net",
        submission_sha256="a" * 64,
        protocol="mini (training.epochs = 3, training.representations = 500)",
        protocol_sha256="b" * 64,
        task=task,
        task_sha256="c" * 64,
        dataset=dataset,
        seed=7,
        images=500,
        accuracy=87.654,
        layers=list(LAYERS),
        estimates=[
            one_estimate(name, layer, value)
            for name, values in ANSWERS.items()
            for layer, value in zip(LAYERS, values, strict=True)
        ],
        provenance=PROVENANCE,
    )
    write_representations(results, content)


def one_task(task: str, maximum: float | None, infinite: int, train: int = 1000) -> TaskSharpness:
    return TaskSharpness(
        protocol="mini",
        protocol_sha256="d" * 64,
        task=task,
        files_sha256="e" * 64,
        dataset=task.partition("@")[0],
        domain="radiology",
        train=train,
        pairs=train * (train - 1) // 2,
        differing=200_000,
        infinite=infinite,
        image_size=28,
        channels=3,
        maximum=maximum,
        quantile_99=None if maximum is None else maximum / 2,
        nearest_50=None if maximum is None else maximum / 4,
        earlier_released=None if maximum is None else maximum / 3,
    )


def write_sharpness(results) -> None:
    """A task as usual, two with identical images of different labels, one without a pair of different labels."""
    tasks = [
        one_task("breastmnist@N=1000", 0.0008, 0),
        one_task("odd-set@N=1000", 0.004, 2),
        one_task("only-copies@N=1000", None, 1),
        one_task("one-label@N=1000", None, 0),
        one_task("pneumoniamnist@N=750", 0.0006, 0, train=750),
    ]
    write_versioned(results / "sharpness" / "standard.json", SuiteSharpness(suite="standard", tasks=tasks))


@pytest.fixture(scope="module")
def built(world, tmp_path_factory):
    """The small world with both properties, built."""
    folder = tmp_path_factory.mktemp("properties")
    shutil.copytree(world.results, folder / "results")
    write_layers(folder / "results")
    write_sharpness(folder / "results")
    found = type(world)(folder / "results", folder / "site")
    with pytest.MonkeyPatch.context() as patch:
        small_world.enter(patch, world)
        build_site(found.results, found.out)
    return found


def test_without_such_results_there_is_no_page_and_no_link(world):
    assert make_properties(world.results, {}) is None
    assert not list(world.out.glob("properties*"))
    for page in world.out.rglob("*.html"):
        assert PAGE not in page.read_text(encoding="utf-8"), page


def test_every_page_links_to_it(built):
    for page in built.out.rglob("*.html"):
        assert f'{PAGE}"' in page.read_text(encoding="utf-8"), page


def test_the_table_of_layers_has_raw_and_corrected_values_and_failures(built):
    assert built.cells(PAGE, f"layers-{PLACE}") == [
        ["images", "500", "10.00", "8.00 (10.00 corrected)", "16.04"],
        ["conv1", "500", "12.50", "10.00 (12.50 corrected)", "20.10"],
        ["=dead", "1", "–none (invalid)", "–none (invalid)", "–none (invalid)"],
        ["logits", "500", "2.00", "1.60 (2.00 corrected)", "3.00"],
    ]
    row = built.rows(f"properties/{PLACE}")[2]
    assert (row["n"], row["duplicates"], row["twonn"], row["twonn corrected"]) == (1, 499, None, None)
    assert row["twonn reason"] == f"1 different output {small_world.MARKUP}"
    assert f"=dead, twonn: invalid: 1 different output {small_world.MARKUP}" in built.text(PAGE)
    facts = json.loads((built.out / "properties" / f"{PLACE}.json").read_text())
    assert (facts["seed"], facts["task_sha256"], facts["accuracy"]) == (7, "c" * 64, 87.654)


def test_what_was_run_is_said_with_the_command_that_makes_it(built):
    text = built.text(PAGE)
    assert "net on BreastMNIST, labels 10-classes" in text
    assert "87.7\u00a0% of the test images right" in text.replace(" %", "\u00a0%")
    assert (
        "manifoldbench represent net --dataset breastmnist --labels whole \\ "
        "--protocol mini --epochs 3 --images 500 \\ --estimators mle-k20,papers-mle-k20,twonn"
    ) in text
    assert "manifoldbench reproduce konz2024 --suite standard --measure-sharpness" in text


def test_the_drawing_has_a_line_for_each_estimator_and_one_for_those_that_agree(built):
    (part,) = make_properties(built.results, {}).layers
    assert [line.name for line in part.figure.lines] == ["mle-k20, papers-mle-k20", "twonn"]
    assert part.figure.y_ticks == ((190.0, "0"), (152.0, "5"), (114.0, "10"), (76.0, "15"), (38.0, "20"), (0.0, "25"))
    # layers at 0, 1/3, 2/3 and all of the width, the third without a value
    assert part.figure.lines[0].points == ((0.0, 114.0), (173.3, 95.0), (520.0, 174.8))
    assert [layer for _, layer in part.figure.x_ticks] == list(LAYERS)
    (said,) = [e for e in built.page(PAGE).iter() if e.get("id") == f"drawn-{PLACE}-text"]
    assert small_world.words(said) == (
        "mle-k20, papers-mle-k20: images 10.0, conv1 12.5, logits 2.0. twonn: images 16.0, conv1 20.1, logits 3.0."
    )
    marks = [e for e in built.page(PAGE).iter() if "mark" in (e.get("class") or "").split()]
    assert len(marks) == 2 * (3 + 1)  # three layers, and one in the key


def test_the_table_of_sharpness_writes_infinity_out(built):
    counts = ["1\u202f000", "28\u00a0×\u00a028\u00a0×\u00a03", "499\u202f500", "200\u202f000"]
    rows = {row[0]: row[1:] for row in built.cells(PAGE, "sharpness-standard")}
    expected = {
        "breastmnist@N=1000": ["radiology", "8.00", "4.00", "2.00", "2.67", "0.204", *counts],
        "odd-set@N=1000": [
            *("radiology", "infinite (2 identical pairs; otherwise 40.00)", "20.00", "10.00", "13.33", "1.020"),
            *counts,
        ],
        "only-copies@N=1000": ["radiology", "infinite (1 identical pair)", *["–none"] * 4, *counts],
        "one-label@N=1000": ["radiology", *["–none"] * 5, *counts],
    }
    for task, row in expected.items():
        assert rows[task] == [" ".join(cell.split()) for cell in row]
    row = next(row for row in built.rows("properties/sharpness-standard") if row["task"] == "odd-set@N=1000")
    assert (row["sharpness"], row["maximum"], row["infinite"]) == ("infinite", 0.004, 2)


def test_datasets_of_the_page_have_pages_of_their_own(built):
    """Also those without a card or a board."""
    assert (built.out / "datasets" / "only-copies" / "index.html").is_file()


def test_what_is_said_of_the_released_code_is_what_it_does(built):
    """1,000 images in batches of 500; 750 are none that the batches divide. Counted on 100 in batches of 50."""
    text = built.text(PAGE)
    assert "For 1 000 images in batches of 500 that is 2 000 of 1 000 000 pairs" in text
    assert "an infinite value in about 86 % of the calls. These values are not among the results" in text
    assert "750 images" not in text
    images, labels = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1), np.arange(100) % 2
    calls = [released_value(images, labels, seed, batch=50) for seed in range(300)]
    assert {call.pairs for call in calls} == {100 * 100 // 50}
    assert np.mean([np.isinf(call.value) for call in calls]) == pytest.approx(0.86, abs=0.06)


def test_one_property_alone_has_a_page_without_the_other(in_world, tmp_path):
    shutil.copytree(in_world.results, tmp_path / "results")
    write_layers(tmp_path / "results")
    build_site(tmp_path / "results", tmp_path / "site")
    text = type(in_world)(tmp_path / "results", tmp_path / "site").text(PAGE)
    assert "Intrinsic dimension by layer" in text
    assert "Measured beside the boards: how many dimensions images have inside a trained network." in text
    assert "--measure-sharpness" not in text


def test_the_committed_results_are_shown_to_the_last_digit(in_world, tmp_path):
    """What lies in `results/` of this checkout."""
    shutil.copytree(in_world.results, tmp_path / "results")
    for folder in ("representations", "sharpness"):
        shutil.copytree(REPOSITORY / "results" / folder, tmp_path / "results" / folder)
    build_site(tmp_path / "results", tmp_path / "site")
    found = type(in_world)(tmp_path / "results", tmp_path / "site")
    place = "resnet18-pneumoniamnist-N500"
    assert found.cells(PAGE, f"layers-{place}")[0] == [
        *("images", "500", "11.19", "10.61 (11.19 corrected)", "15.82", "14.27")
    ]
    for content in iter_representations(REPOSITORY / "results"):
        task = content.task.replace(":", "-").replace("@", "-").replace("=", "")
        rows = {row["layer"]: row for row in found.rows(f"properties/{content.submission}-{task}")}
        assert list(rows) == content.layers
        for each in content.estimates:
            assert rows[each.layer][each.estimator] == each.dimension
    sharpness = {row[0]: row for row in found.cells(PAGE, "sharpness-standard")}
    assert sharpness["breastmnist@N=500"][2:7] == ["71.24", "11.58", "11.51", "12.68", "1.817"]
    assert sharpness["cifar10-4k:1-7@N=500"][2:7] == ["4.50", "3.06", "2.99", "3.33", "0.115"]
    assert "about 63 % of the calls" in found.text(PAGE)
