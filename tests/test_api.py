"""The functions for notebooks: what they take, what they answer, and what they say when they cannot."""

import doctest
import json
import random
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

import benchmark
from benchmark import estimate_dimension, neighbor_graph
from benchmark.api import points_of
from benchmark.data.card import load_card
from benchmark.data.store import prepared
from benchmark.errors import UserError
from benchmark.paths import REPOSITORY
from benchmark.sandbox.engine import Limits
from benchmark.sandbox.process import ProcessEngine
from benchmark.sandbox.samples import write_sample
from benchmark.submissions import find_submissions, load_submissions

REFERENCE = json.loads((Path(__file__).parent / "reference-dimensions.json").read_text())["datasets"]
PAPERS_CODE = 5e-5
"""The reference values have four decimals, and the papers' code computes in float32."""

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 6, 5), dtype=np.uint8)
COLOURED = np.random.default_rng(1).integers(0, 256, (8, 6, 5, 3), dtype=np.uint8)
POINTS = np.random.default_rng(2).standard_normal((300, 4))


class Labelled(Dataset):
    """Items as torchvision's: an image and its label; any index is answered, so its length must be kept to."""

    def __init__(self, images, form):
        self.images, self.form = images, form

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.form(self.images[index % len(self.images)])


class Stream(IterableDataset):
    def __iter__(self):
        return ((torch.from_numpy(image), 0) for image in IMAGES)


class Unending(Dataset):
    """A Dataset without a length ends by IndexError."""

    def __getitem__(self, index):
        return IMAGES[index]


class Answers:
    """An estimator whose answer is its parameters; X and the graph that it was given are kept."""

    def __init__(self, dimension=2.5, interval=None, pointwise=None):
        self.dimension, self.interval, self.pointwise = dimension, interval, pointwise

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        self.X, self.graph = X, precomputed_knn_arrays
        self.dimension_, self.dimension_interval_ = self.dimension, self.interval
        self.dimension_pw_ = X[:, 0].copy() if self.pointwise == "first column" else self.pointwise
        X[:] = 0  # what an estimator does to its X is not done to the user's data
        return self


class PointsAlone:
    def fit(self, X):
        self.shape, self.dimension_ = X.shape, 1.0
        return self


class NeedsGraph:
    def fit(self, X, precomputed_knn_arrays):
        self.dimension_ = float(precomputed_knn_arrays[0].shape[1])
        return self


class Draws:
    """An answer of the four generators that an estimator may draw from."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X):
        drawn = [random.random(), np.random.random(), torch.rand(1).item()]  # noqa: NPY002
        self.dimension_ = sum(drawn) + np.random.default_rng(self.random_state).random()
        return self


def write_pngs(folder, images, names):
    for image, name in zip(images, names, strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return folder


# ------------------------------------------------------------------------------------------------------- what is taken


def folder_of_pngs(tmp_path):
    return write_pngs(tmp_path / "pngs", IMAGES, [f"{row:02}.png" for row in range(30)])


DEPTHS = (("a/b/", ".png"), ("c/", ".pgm"), ("", ".png"))


def sub_folders(tmp_path):
    """Images at several depths, in order of their names."""
    names = [f"{folder}{row:02}{suffix}" for folder, suffix in DEPTHS for row in range(10)]
    order = np.argsort(names, kind="stable")
    folder = write_pngs(tmp_path / "deep", IMAGES, [names[place] for place in order])
    (folder / "notes.txt").write_text("no image")
    return folder


def zip_of_pngs(tmp_path):
    folder = folder_of_pngs(tmp_path)
    with zipfile.ZipFile(tmp_path / "pngs.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"inside/{path.name}")
    return tmp_path / "pngs.zip"


def npz(tmp_path):
    np.savez(tmp_path / "images.npz", images=IMAGES)
    return tmp_path / "images.npz"


def npy(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    return tmp_path / "images.npy"


SAME_IMAGES = {
    "array": lambda _: IMAGES,
    "array in Fortran's order": lambda _: np.asfortranarray(IMAGES),
    "tensor": lambda _: torch.from_numpy(IMAGES),
    "tensor, not contiguous": lambda _: torch.from_numpy(IMAGES.transpose(0, 2, 1).copy()).transpose(1, 2),
    "data frame": lambda _: pd.DataFrame(IMAGES.reshape(30, -1)),
    "list of arrays": lambda _: list(IMAGES),
    "list of tensors": lambda _: [torch.from_numpy(image) for image in IMAGES],
    "list of PIL images": lambda _: [Image.fromarray(image) for image in IMAGES],
    "list of images with labels": lambda _: [(image, 1) for image in IMAGES],
    "tensor dataset": lambda _: TensorDataset(torch.from_numpy(IMAGES), torch.arange(30)),
    "dataset of PIL images": lambda _: Labelled(IMAGES, lambda image: (Image.fromarray(image), 3)),
    "dataset of dicts": lambda _: Labelled(IMAGES, lambda image: {"label": 3, "image": image}),
    "dataset of dicts of another name": lambda _: Labelled(IMAGES, lambda image: {"pixels": image, "label": 3}),
    "dataset of dicts with targets": lambda _: Labelled(IMAGES, lambda image: ({"image": image}, {"label": 3})),
    "dataset of bare arrays": lambda _: Labelled(IMAGES, lambda image: image),
    "subset": lambda _: Subset(Labelled(IMAGES, lambda image: (image, 3)), range(30)),
    "iterable dataset": lambda _: Stream(),
    "dataset without a length": lambda _: Unending(),
    "folder": folder_of_pngs,
    "folder, as text": lambda tmp_path: str(folder_of_pngs(tmp_path)),
    "folder of folders": sub_folders,
    "zip": zip_of_pngs,
    "npz": npz,
    "npy": npy,
}


@pytest.mark.parametrize("form", SAME_IMAGES)
def test_images_in_every_form_are_the_same_points(form, tmp_path):
    """Bytes stay bytes, so each form has the same exact graph."""
    points = points_of(SAME_IMAGES[form](tmp_path))
    assert points.dtype == np.uint8
    np.testing.assert_array_equal(points, IMAGES.reshape(30, 30))


@pytest.mark.parametrize("kind", [torch.float16, torch.float32, torch.float64, torch.int16, torch.bool, torch.bfloat16])
def test_tensors_keep_their_values(kind):
    tensor = (torch.from_numpy(POINTS) * 4).to(kind)
    points = points_of(tensor)
    expected = tensor.double().numpy()
    np.testing.assert_array_equal(points.astype(np.float64), expected)
    if kind is not torch.bfloat16:  # numpy has no such type
        assert points.dtype == tensor.numpy().dtype


def test_a_tensor_with_a_gradient_is_read():
    tensor = torch.from_numpy(POINTS).requires_grad_()
    np.testing.assert_array_equal(points_of(tensor * 1), POINTS)


@pytest.mark.gpu
def test_a_tensor_on_a_gpu_has_the_same_graph():
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    on_gpu = neighbor_graph(torch.from_numpy(IMAGES).cuda(), 5, device="cuda")
    assert on_gpu.sha256 == neighbor_graph(IMAGES, 5).sha256


def test_numbers_in_lists_are_rows():
    np.testing.assert_array_equal(points_of([[1, 2.5], [3, 4]]), [[1, 2.5], [3, 4]])
    np.testing.assert_array_equal(points_of([(1, 2), (3, 4)]), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(points_of([(np.float64(1), 2.0), (np.float64(3), 4.0)]), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(points_of([5.0, 6.0]), [[5], [6]])
    np.testing.assert_array_equal(points_of(np.arange(3)), [[0], [1], [2]])
    np.testing.assert_array_equal(points_of(pd.Series([5.0, 6.0])), [[5], [6]])


def test_a_frame_with_missing_numbers_says_that_they_are_not_finite():
    frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64"), "b": [0.5, 1.5, 2.5]})
    np.testing.assert_array_equal(points_of(frame), [[1, 0.5], [np.nan, 1.5], [3, 2.5]])
    with pytest.raises(UserError, match="must be finite: there is a NaN"):
        estimate_dimension(frame, Answers)


def test_a_mapped_file_stays_mapped(tmp_path):
    mapped = np.load(npy(tmp_path), mmap_mode="r")
    for data in (mapped, tmp_path / "images.npy"):
        points = points_of(data)
        assert isinstance(points, np.memmap)
        assert points.shape == (30, 30)
    assert np.shares_memory(points_of(mapped), mapped)


def test_colour_and_depth_of_pil_images():
    transparent = [Image.fromarray(image).convert("RGBA") for image in COLOURED]
    np.testing.assert_array_equal(points_of(transparent), COLOURED.reshape(8, -1))
    black_and_white = points_of([Image.fromarray(image).convert("1", dither=0) for image in IMAGES])
    assert black_and_white.dtype == np.uint8
    assert set(np.unique(black_and_white)) == {0, 255}
    deep = IMAGES.astype(np.uint16) * 100
    np.testing.assert_array_equal(points_of([Image.fromarray(image) for image in deep]), deep.reshape(30, -1))


def test_a_palette_is_looked_up():
    """Numbers of a palette are names of colours: distances between them mean nothing."""
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.putpixel((1, 0), 1)
    np.testing.assert_array_equal(points_of([palette, palette]), [[0, 0, 0, 10, 20, 30]] * 2)


def test_a_card_names_its_training_images(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    points = points_of("digits")
    assert points.dtype == np.uint8
    np.testing.assert_array_equal(points, prepared(load_card("digits"), "train").pixels.reshape(-1, 64))
    write_pngs(tmp_path / "digits", IMAGES, [f"{row:02}.png" for row in range(30)])
    assert len(points_of("digits")) == 30  # a folder of that name goes first


# ----------------------------------------------------------------------------------------------------------- the graph


def test_the_graph_of_a_line():
    graph = neighbor_graph([[0.0], [1.0], [3.0], [7.0], [1.0]], k=2)
    np.testing.assert_array_equal(graph.distances, [[1, 3], [1, 2], [2, 3], [4, 6]])
    np.testing.assert_array_equal(graph.indices, [[1, 2], [0, 2], [1, 0], [2, 1]])
    assert (graph.kept.tolist(), graph.inverse.tolist(), graph.duplicates) == ([0, 1, 2, 3], [0, 1, 2, 3, 1], 1)
    assert graph.certified == 1


def test_the_graph_of_images_is_exact():
    flat = IMAGES.reshape(30, -1).astype(np.int64)
    squared = ((flat[:, None] - flat) ** 2).sum(axis=-1)
    np.fill_diagonal(squared, np.iinfo(np.int64).max)
    graph = neighbor_graph(IMAGES, 4, memory_bytes=1 << 20, threads=1)
    np.testing.assert_array_equal(graph.distances, np.sqrt(np.sort(squared, axis=1)[:, :4]))


def test_groups_are_passed_over():
    patients = ["a", "a", "b", "b"]
    graph = neighbor_graph([[0.0], [1.0], [3.0], [7.0]], k=1, groups=patients)
    assert graph.indices[:, 0].tolist() == [2, 2, 1, 1]
    asked = Answers()
    assert estimate_dimension([[0.0], [1.0], [3.0], [7.0]], asked, neighbors=1, groups=patients).neighbors == 1
    np.testing.assert_array_equal(asked.graph[0], graph.distances)


# -------------------------------------------------------------------------------------------------------- the estimate


def test_twonn_is_its_formula():
    graph = neighbor_graph(POINTS, 2)
    log_mu = np.sort(np.log(graph.distances[:, 1] / graph.distances[:, 0]))[:270]
    log_survival = np.log1p(-np.arange(1, 271) / 300)
    expected = -(log_mu @ log_survival) / (log_mu @ log_mu)
    estimate = estimate_dimension(POINTS)
    assert estimate.dimension == pytest.approx(expected, rel=1e-12)
    assert (estimate.estimator, estimate.neighbors, estimate.n, estimate.duplicates) == ("twonn", 2, 300, 0)
    assert float(estimate) == estimate.dimension


def test_maximum_likelihood_is_its_formula():
    distances = neighbor_graph(POINTS, 10).distances
    expected = 1 / np.log(distances[:, -1:] / distances[:, :-1]).mean()
    estimate = estimate_dimension(POINTS, "mle-k10")
    assert estimate.dimension == pytest.approx(expected, rel=1e-12)
    low, high = estimate.interval
    assert low < estimate.dimension < high
    assert estimate.pointwise.shape == (300,)
    assert estimate.certified == 1


@pytest.mark.parametrize(
    "row", ["twonn", "mle-k20", "ess-k50", "skdim-lpca-fo", "skdim-mom", "correlation-dimension", "random"]
)
def test_it_answers_what_the_sandbox_answers(row, tmp_path):
    """Same points, graph and seed: the same numbers, to the last bit."""
    [submission] = [found for found in find_submissions(REPOSITORY / "submissions") if found.name == row]
    graph = neighbor_graph(POINTS, 100)
    k = submission.neighbors
    write_sample(tmp_path / "sample", POINTS, 7, None if k is None else graph, k)
    with ProcessEngine().open(submission.program, Limits()) as worker:
        outcome = worker.ask(tmp_path / "sample")
    estimate = estimate_dimension(POINTS, row, graph=graph, seed=7)
    assert outcome.status == "ok"
    assert (estimate.dimension, estimate.interval) == (outcome.dimension, outcome.interval)
    assert (None if estimate.pointwise is None else tuple(estimate.pointwise)) == outcome.pointwise


def test_local_dimensions_come_back_on_the_rows_of_the_data():
    data = np.array([[4.0, 0], [9, 1], [4, 0], [2, 3], [9, 1]])
    estimate = estimate_dimension(data, Answers(pointwise="first column"))
    assert estimate.pointwise.tolist() == [4, 9, 4, 2, 9]
    assert (estimate.n, estimate.duplicates) == (3, 2)
    assert data[0, 0] == 4  # fit had a copy


@pytest.mark.parametrize("estimator", ["constant", PointsAlone, Answers], ids=str)
def test_without_neighbours_no_graph_is_made(estimator, monkeypatch):
    monkeypatch.setattr("benchmark.api.exact_graph", None)
    estimate = estimate_dimension([[0.0], [1.0], [1.0]], estimator)
    assert (estimate.neighbors, estimate.certified, estimate.n, estimate.duplicates) == (None, None, 2, 1)


def test_one_graph_serves_several(monkeypatch):
    graph = neighbor_graph(POINTS, 20)
    expected = [estimate_dimension(POINTS, row).dimension for row in ("twonn", "mle-k5", "mle-k20")]
    monkeypatch.setattr("benchmark.api.exact_graph", None)
    shared = [estimate_dimension(POINTS, row, graph=graph).dimension for row in ("twonn", "mle-k5", "mle-k20")]
    assert shared == expected


def test_an_object_is_given_the_graph_that_its_fit_takes():
    graph = neighbor_graph(IMAGES, 6)
    asked, found, alone = Answers(), Answers(), Answers()
    assert estimate_dimension(IMAGES, asked, neighbors=3).neighbors == 3
    assert estimate_dimension(IMAGES, found, graph=graph).neighbors == 6
    assert estimate_dimension(IMAGES, alone).neighbors is None
    np.testing.assert_array_equal(asked.graph[0], graph.distances[:, :3])
    np.testing.assert_array_equal(found.graph[1], graph.indices)
    assert alone.graph is None
    assert asked.X.dtype == np.float64
    assert float(estimate_dimension(IMAGES, NeedsGraph, neighbors=4)) == 4


def test_scikit_dimension_as_it_stands():
    with warnings.catch_warnings():  # its import silences all warnings
        from skdim.id import MLE, lPCA
    graph = neighbor_graph(POINTS, 20)
    by_class = estimate_dimension(POINTS, MLE, graph=graph)
    assert by_class.dimension == pytest.approx(estimate_dimension(POINTS, "skdim-mle").dimension, rel=1e-12)
    assert (by_class.estimator, by_class.neighbors) == ("MLE", 20)
    assert float(estimate_dimension(POINTS, lPCA(ver="FO"))) == 4
    assert (
        estimate_dimension(POINTS, lPCA, ver="ratio", alphaRatio=0.5).estimator == "lPCA(ver='ratio', alphaRatio=0.5)"
    )


def test_parameters_and_neighbours_in_place_of_the_rows():
    changed = estimate_dimension(POINTS, "twonn", discard_fraction=0.5)
    assert changed.dimension != estimate_dimension(POINTS, "twonn").dimension
    assert changed.estimator == "twonn(discard_fraction=0.5)"
    assert (
        estimate_dimension(POINTS, "mle-k20", neighbors=5).dimension == estimate_dimension(POINTS, "mle-k5").dimension
    )
    assert float(estimate_dimension(POINTS, Answers, dimension=3)) == 3


def test_a_seed_gives_one_answer_and_the_generators_go_on_as_if_nothing_had_been():
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state(), torch.get_num_threads()  # noqa: NPY002
    first, again, other = (float(estimate_dimension(POINTS, Draws, seed=seed, threads=1)) for seed in (1, 1, 2))
    assert first == again != other
    assert random.getstate() == states[0]
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])
    assert torch.get_num_threads() == states[3]


def write_submission(folder, name, value, extra=""):
    folder.mkdir()
    (folder / "submission.toml").write_text(
        f'name = "{name}"\ntrack = "estimators"\nentry = "estimator.py:Mine"\nauthors = ["me"]\nlicence = "MIT"\n'
        f'reference = ""\ndescription = "A test."\n{extra}'
    )
    (folder / "estimator.py").write_text(
        "from helper import VALUE\n\n\nclass Mine:\n    def fit(self, X):\n        import late\n\n"
        "        self.dimension_ = VALUE + late.MORE\n"
    )
    (folder / "helper.py").write_text(f"VALUE = {value}\n")
    (folder / "late.py").write_text(f"MORE = {value}\n")
    return folder


def test_folders_have_modules_of_their_own(tmp_path):
    before = set(sys.modules), list(sys.path)
    one, two = (write_submission(tmp_path / name, name, value) for name, value in (("one", 1), ("two", 2)))
    assert [float(estimate_dimension(POINTS, folder)) for folder in (one, str(two))] == [2, 4]
    assert {"helper", "late", "manifoldbench_submission"}.isdisjoint(set(sys.modules) - before[0])
    assert sys.path == before[1]


def test_a_folder_that_silences_warnings_silences_no_others(tmp_path):
    """Importing scikit-dimension does."""
    folder = write_submission(tmp_path / "one", "one", 1)
    (folder / "helper.py").write_text("import warnings\n\nwarnings.simplefilter('ignore')\nVALUE = 1\n")
    before = list(warnings.filters)
    estimate_dimension(POINTS, folder)
    assert warnings.filters == before


def test_a_folder_with_several_rows_gives_each_of_them(tmp_path):
    folder = write_submission(tmp_path / "one", "one", 1, "[variants.a]\n[variants.b]\n")
    with pytest.raises(UserError, match=r"one has the rows one-a, one-b: name one of them, or pass one of"):
        estimate_dimension(POINTS, folder)
    assert estimate_dimension(POINTS, load_submissions(folder)[1]).estimator == "one-b"


def test_what_an_estimator_raises_comes_through():
    with pytest.raises(ValueError, match="discard_fraction"):
        estimate_dimension(POINTS, "twonn", discard_fraction=2)
    with pytest.raises(TypeError, match="unheard_of"):
        estimate_dimension(POINTS, Answers, unheard_of=1)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"dimension": float("nan")}, "Answers: dimension_ is nan, not a finite number."),
        ({"dimension": -1}, "Answers: dimension_ is -1, not a positive number."),
        ({"dimension": "3"}, "Answers: dimension_ is the text '3', not a number: set it to a positive finite number."),
        ({"interval": (3, 2)}, "its low end is above its high end."),
        ({"pointwise": [1.0, 2.0]}, "Answers: dimension_pw_ has 2 values, and X has 300 rows: set one for each row."),
    ],
)
def test_an_answer_that_is_no_dimension_is_an_error(answer, sentence):
    with pytest.raises(ValueError, match="Answers") as raised:
        estimate_dimension(POINTS, Answers(**answer))
    assert str(raised.value).endswith(sentence)


def test_an_estimate_in_one_line():
    data = [[0.0], [1.0], [3.0], [3.0]]
    assert str(estimate_dimension(data, Answers)) == "Answers: dimension 2.5, n = 3, 1 copy removed"
    graph = neighbor_graph(data, 2)
    assert str(estimate_dimension(data, Answers(interval=(2, 3)), graph=graph)) == (
        "Answers: dimension 2.5 (95 % interval 2 to 3), n = 3, k = 2, 1 copy removed, 100 % of the rows certified exact"
    )
    assert "pointwise" not in repr(estimate_dimension(data, Answers(pointwise="first column")))


# -------------------------------------------------------------------------------------------------- published values


@pytest.mark.data
def test_breastmnist_has_the_dimensions_of_the_papers_code(data_root):
    reference = REFERENCE["breastmnist-train"]
    graph = neighbor_graph("breastmnist", 20)
    for k, expected in reference["mle_inverse"].items():
        estimate = estimate_dimension("breastmnist", f"papers-mle-k{k}", graph=graph)
        assert estimate.dimension == pytest.approx(expected, rel=PAPERS_CODE)
        pooled = estimate_dimension("breastmnist", "mle-k20", neighbors=int(k), graph=graph)
        assert pooled.dimension == pytest.approx(expected * (int(k) - 1) / (int(k) - 2), rel=PAPERS_CODE)
    assert float(estimate_dimension("breastmnist", "papers-twonn", graph=graph)) == pytest.approx(
        reference["twonn"], rel=PAPERS_CODE
    )


@pytest.mark.data
def test_an_npz_of_images(data_root):
    estimate = estimate_dimension(points_of(data_root / "folders/cifar10-4k.npz")[:2000], "papers-mle-k20")
    assert float(estimate) == pytest.approx(REFERENCE["cifar10-4k-first2000"]["mle_inverse"]["20"], rel=PAPERS_CODE)


@pytest.mark.data
def test_a_dataset_of_torchvision(data_root):
    from torchvision.datasets import MNIST

    mnist = Subset(MNIST(data_root / "torchvision"), range(2000))  # PIL images and labels
    estimate = estimate_dimension(mnist, "papers-twonn")
    assert estimate.dimension == pytest.approx(REFERENCE["mnist-train-first2000"]["twonn"], rel=PAPERS_CODE)


@pytest.mark.data
def test_a_copy_is_counted(data_root):
    """PneumoniaMNIST holds one pair of equal images; the values without the copy stand in the note of its entry."""
    with np.load(data_root / "medmnist/pneumoniamnist.npz") as arrays:
        images = arrays["train_images"][:2000]
    estimate = estimate_dimension(images, "papers-mle-k20")
    assert estimate.dimension == pytest.approx(13.2186, rel=PAPERS_CODE)
    assert (estimate.n, estimate.duplicates) == (1999, 1)


# ------------------------------------------------------------------------------------------------------------- errors


def empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def file_of(name, content=b"no array"):
    def write(tmp_path):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


ACCEPTED = "data must be a numpy array [N, ...], a torch tensor, a DataFrame of numbers, a list of arrays or images"

UNUSABLE = {
    "nothing": (lambda _: None, ACCEPTED),
    "a number": (lambda _: 3, ACCEPTED),
    "one number of numpy": (lambda _: np.float64(3), ACCEPTED),
    "a dict": (lambda _: {"images": IMAGES}, ACCEPTED),
    "bytes": (lambda _: b"abc", ACCEPTED),
    "a generator": (lambda _: (image for image in IMAGES), ACCEPTED),
    "one image": (lambda _: Image.fromarray(IMAGES[0]), "a Image is none of them"),
    "a loader": (lambda _: DataLoader(Labelled(IMAGES, lambda image: image)), "a DataLoader is none of them"),
    "a tensor of no dimension": (lambda _: torch.tensor(1.0), "at least one row of numbers, and its shape is []"),
    "no rows": (lambda _: np.empty((0, 3)), "its shape is [0, 3]"),
    "an empty list": (lambda _: [], "data holds no items"),
    "complex numbers": (lambda _: torch.ones(3, 2, dtype=torch.complex64), "not values of type complex64"),
    "texts": (lambda _: np.array([["a"], ["b"]]), "not values of type <U1"),
    "objects": (lambda _: np.array([[1], None], dtype=object), "not values of type object"),
    "a sparse tensor": (lambda _: torch.eye(3).to_sparse(), "call its to_dense() first"),
    "a masked array": (lambda _: np.ma.masked_equal(IMAGES, 0), "fill or drop what is masked"),
    "a frame with names": (
        lambda _: pd.DataFrame({"age": [1, 2], "name": ["a", "b"]}),
        "must hold numbers, and name does not",
    ),
    "items of two shapes": (
        lambda _: [IMAGES[0], IMAGES[1], IMAGES[2, 1:]],
        "row 0 is of shape [6, 5] (uint8) and row 2 of [5, 5] (uint8): all rows must be of one shape and type",
    ),
    "PIL images of two sizes": (
        lambda _: Labelled([IMAGES[0], IMAGES[1, 1:]], lambda image: (Image.fromarray(image), 0)),
        "row 0 is of shape [6, 5] (uint8) and row 1 of [5, 5] (uint8)",
    ),
    "items of two types": (lambda _: [IMAGES[0], IMAGES[1] / 255], "(uint8) and row 1 of [6, 5] (float64)"),
    "items that are no numbers": (
        lambda _: [object(), object()],
        "or a tuple or dict that begins with one, not a object",
    ),
    "texts in a list": (lambda _: ["a.png", "b.png"], "an item must be an array, a tensor, a PIL image or numbers"),
    "no such path": (
        lambda _: "breastmist",
        "breastmist: there is no such file or folder, and no dataset card of that name. Did you mean breastmnist",
    ),
    "no such folder": (lambda tmp_path: tmp_path / "mnist", "mnist: there is no such file or folder"),
    "an empty folder": (empty_folder, "empty: holds no images (.jpeg, .jpg, .pgm, .png)."),
    "a folder of two sizes": (
        lambda tmp_path: write_pngs(tmp_path / "two", [IMAGES[0], IMAGES[1, 1:]], ["a.png", "b.png"]),
        "b.png: is 5 x 5 pixels, and",
    ),
    "another file": (file_of("scan.dcm"), "scan.dcm: is no folder, .zip, .npz or .npy file."),
    "a damaged npy": (file_of("x.npy"), "x.npy: cannot be read as an .npy file"),
    "an empty npy": (file_of("x.npy", b""), "x.npy: cannot be read as an .npy file"),
    "a damaged zip": (file_of("x.zip"), "x.zip: cannot be read"),
    "a damaged npz": (file_of("x.npz"), "x.npz: cannot be read as an .npz file"),
}


@pytest.mark.parametrize("form", UNUSABLE)
def test_what_cannot_be_used_is_told_in_a_sentence(form, tmp_path):
    make, sentence = UNUSABLE[form]
    data = make(tmp_path)
    with pytest.raises(UserError) as raised:
        points_of(data)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


WRONG = {
    "no row": (lambda: estimate_dimension(POINTS, "mle-k30"), 'no row of .* is called "mle-k30".*: did you mean mle-k'),
    "no row at all": (lambda: estimate_dimension(POINTS, "?"), r'is called "\?".*: there are abid-'),
    "several rows": (lambda: estimate_dimension(POINTS, "mle"), "mle has the rows mle-k5, mle-k10, mle-k20: name one"),
    "no folder": (lambda: estimate_dimension(POINTS, Path("nowhere")), "nowhere is no folder with submission.toml"),
    "no estimator": (lambda: estimate_dimension(POINTS, 3), "a class or object with a method fit, not 3"),
    "a class without fit": (lambda: estimate_dimension(POINTS, dict), "with a method fit, not <class 'dict'>"),
    "an object with parameters": (
        lambda: estimate_dimension(POINTS, Answers(), dimension=3),
        "estimator is an object that is made already: set dimension when you make it",
    ),
    "neighbours for points alone": (
        lambda: estimate_dimension(POINTS, PointsAlone, neighbors=3),
        "the fit of PointsAlone takes no precomputed_knn_arrays: leave neighbors out",
    ),
    "neighbours for a row without": (
        lambda: estimate_dimension(POINTS, "constant", neighbors=3),
        "the fit of constant takes no precomputed_knn_arrays",
    ),
    "no neighbours": (lambda: estimate_dimension(POINTS, NeedsGraph), "NeedsGraph needs a graph: give k"),
    "k of no number": (lambda: estimate_dimension(POINTS, Answers, neighbors="3"), "at least 1, not '3'"),
    "too large a k": (
        lambda: estimate_dimension(POINTS[:5], "mle-k20"),
        "k must be from 1 to 4 for 5 different points",
    ),
    "all equal": (lambda: estimate_dimension(np.ones((4, 2)), "constant"), "all 4 rows are equal"),
    "infinity": (lambda: estimate_dimension([[1.0], [np.inf]], "constant"), "there is a NaN or an infinity"),
    "a seed of no number": (lambda: estimate_dimension(POINTS, "twonn", seed=None), "from 0 to 4294967295, not None"),
    "a negative seed": (lambda: estimate_dimension(POINTS, "twonn", seed=-1), "from 0 to 4294967295, not -1"),
    "groups of another length": (lambda: neighbor_graph(POINTS, 3, groups=[1]), r"groups must be of shape \[300\]"),
    "groups without neighbours": (
        lambda: estimate_dimension(POINTS, "constant", groups=range(300)),
        "groups only matter while neighbours are searched, and constant is given none",
    ),
    "groups beside a graph": (
        lambda: estimate_dimension(POINTS, "twonn", groups=range(300), graph=neighbor_graph(POINTS, 2)),
        "and graph holds them already: mask them in it",
    ),
    "too narrow a graph": (
        lambda: estimate_dimension(POINTS, "mle-k20", graph=neighbor_graph(POINTS, 5)),
        "graph holds 5 neighbours of each point, and mle-k20 takes 20: make it with k=20 or more",
    ),
    "a graph of other rows": (
        lambda: estimate_dimension(POINTS[:100], "twonn", graph=neighbor_graph(POINTS, 5)),
        "graph is of 300 rows, and data has 100: make it from the same data",
    ),
    "a graph of other data": (
        lambda: estimate_dimension(POINTS[::-1], "twonn", graph=neighbor_graph(POINTS, 5)),
        "graph is not of this data: it has rows 0 and",
    ),
}


@pytest.mark.parametrize("form", WRONG)
def test_a_wrong_call_is_told_in_a_sentence(form):
    call, sentence = WRONG[form]
    with pytest.raises(UserError, match=sentence) as raised:
        call()
    assert "\n" not in str(raised.value)


def test_without_a_folder_of_submissions(monkeypatch, tmp_path):
    """As in an installed wheel: names mean nothing, classes and folders do."""
    monkeypatch.setenv("MANIFOLDBENCH_SUBMISSIONS", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"no folder of submissions at .*none.*: set MANIFOLDBENCH_SUBMISSIONS to"):
        estimate_dimension(POINTS, "twonn")
    assert estimate_dimension(POINTS, str(REPOSITORY / "submissions" / "twonn")).estimator == "twonn"
    assert estimate_dimension(POINTS, Answers).dimension == 2.5


# ------------------------------------------------------------------------------------------------------------- import


@pytest.mark.parametrize("statement", ["import benchmark", "import benchmark; dir(benchmark)"])
def test_the_package_imports_nothing_heavy(statement):
    heavy = ("numpy", "torch", "numba", "pandas", "pydantic", "benchmark.api")
    code = f"{statement}\nimport sys\nprint([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_line_does_not_import_them():
    code = "import benchmark.cli, sys\nprint([name for name in ('benchmark.api', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_page_shows_what_its_lines_print(monkeypatch):
    """`python -m doctest docs/api.md`, from the top of the checkout."""
    monkeypatch.chdir(REPOSITORY)
    found = doctest.testfile(str(REPOSITORY / "docs" / "api.md"), module_relative=False)
    assert found.attempted > 10
    assert found.failed == 0


def test_the_package_says_what_it_has():
    assert {"estimate_dimension", "neighbor_graph"} <= set(dir(benchmark))
    with pytest.raises(AttributeError, match="module 'benchmark' has no attribute 'estimate'"):
        benchmark.estimate  # noqa: B018
