"""The products that the graph is made of: integers without rounding, reals within the proven bound."""

import numpy as np
import pytest
import torch

from benchmark.neighbors import neighbor_graph, products
from benchmark.neighbors.bounds import EXACT_COLUMNS, INT32_COLUMNS, REAL_COLUMNS, lower_bound_terms
from benchmark.neighbors.products import by_float32, by_int8, fastest_int8_products, int8_products, real_products


@pytest.fixture
def fresh_choice():
    """The implementation is chosen anew in the test, and after it."""
    fastest_int8_products.cache_clear()
    yield
    fastest_int8_products.cache_clear()


def bytes_of(rows, columns, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-128, 128, (rows, columns), dtype=torch.int8, generator=generator)


@pytest.mark.parametrize("multiply", [by_int8, by_float32, int8_products])
@pytest.mark.parametrize("columns", [1, 2, 7, 8, 9, 100, EXACT_COLUMNS, EXACT_COLUMNS + 1, 5000])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 9), (5, 2), (64, 33)])
def test_of_bytes_are_those_of_int64(multiply, m, n, columns):
    left, right = bytes_of(m, columns), bytes_of(n, columns, 1)
    torch.testing.assert_close(multiply(left, right).long(), left.long() @ right.long().T, rtol=0, atol=0)


@pytest.mark.parametrize("multiply", [by_int8, by_float32])
def test_of_the_largest_bytes(multiply):
    """Sums of 128^2, which float32 holds up to 1,024 of, and one more."""
    for columns in (EXACT_COLUMNS, EXACT_COLUMNS + 1, INT32_COLUMNS):
        lowest = torch.full((2, columns), -128, dtype=torch.int8)
        assert multiply(lowest, lowest).tolist() == [[128**2 * columns] * 2] * 2
        highest = torch.full((2, columns), 127, dtype=torch.int8)
        assert multiply(lowest, highest).tolist() == [[-128 * 127 * columns] * 2] * 2


def test_of_more_columns_than_int32_holds():
    lowest = torch.full((2, 2 * INT32_COLUMNS + 5), -128, dtype=torch.int8)
    assert int8_products(lowest, lowest).tolist() == [[128**2 * (2 * INT32_COLUMNS + 5)] * 2] * 2


def _missing(*_, **__):
    raise AttributeError("no such function")


def _unsupported(*_, **__):
    raise RuntimeError("not for this device")


def _wrong(left, right, out=None):
    return torch.zeros((len(left), right.shape[1]), dtype=torch.int32)


@pytest.mark.parametrize("private", [_missing, _unsupported, _wrong])
def test_without_a_sound_private_function_the_graph_is_the_same(private, monkeypatch, fresh_choice):
    points = np.random.default_rng(0).integers(0, 256, (200, 1500), dtype=np.uint8)
    expected = neighbor_graph(points, 10).sha256
    fastest_int8_products.cache_clear()
    monkeypatch.setattr(torch, "_int_mm", private)
    assert neighbor_graph(points, 10).sha256 == expected
    assert fastest_int8_products("cpu") is by_float32


@pytest.mark.parametrize(("slow", "chosen"), [("by_int8", "by_float32"), ("by_float32", "by_int8")])
def test_the_faster_one_is_chosen(slow, chosen, monkeypatch, fresh_choice):
    real = products._seconds
    monkeypatch.setattr(products, "_seconds", lambda f, *args: real(f, *args) + (f.__name__ == slow))
    assert fastest_int8_products("cpu").__name__ == chosen


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("columns", [1, 3, 100, REAL_COLUMNS, 2 * REAL_COLUMNS + 3])
@pytest.mark.parametrize("kind", ["normal", "equal", "one sign", "tiny", "mixed"])
def test_the_bound_is_below_the_true_distance_and_near_it(kind, columns, dtype):
    """Rows as the search makes them, in [-1, 1]; the truth is computed in extended precision from before rounding."""
    generator = np.random.default_rng(columns)
    exact = generator.standard_normal((60, columns)) / 4
    if kind == "equal":
        exact = exact[:1] + 1e-9 * exact
    elif kind == "one sign":
        exact = np.abs(exact)
    elif kind == "tiny":
        exact *= 1e-38 if dtype == torch.float32 else 1e-300
    elif kind == "mixed":
        exact[::3] *= 1e-20
    exact = np.clip(exact, -1, 1)
    rows = torch.from_numpy(exact).to(dtype)
    norms = np.einsum("ij,ij->i", rows.numpy(), rows.numpy(), dtype=np.float64)
    base = lower_bound_terms(norms, columns, np.float32 if dtype == torch.float32 else np.float64)
    computed = (base[:, None] + base - 2 * real_products(rows, rows).numpy()).astype(np.float64)
    wide = exact.astype(np.longdouble)
    true = np.array([((wide - row) ** 2).sum(axis=1) for row in wide])
    assert (computed <= true).all()
    working = torch.finfo(dtype)
    largest = 4 * working.eps * (columns + 40) * (norms[:, None] + norms) + 64 * columns * working.tiny
    assert (true - computed <= largest).all()
