"""The baselines' own formulas: against scikit-dimension, against values worked out by hand, and at their limits."""

from dataclasses import dataclass

import numpy as np
import pytest
import skdim.id
import torch
from scipy.integrate import quad
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist
from scipy.special import i0e, i1e
from scipy.stats import vonmises

from benchmark.paths import REPOSITORY
from submitted import load_submitted


@pytest.fixture(scope="module")
def curved(cloud):
    """500 points of a curved 3-dimensional surface in 12 dimensions."""
    latents = np.random.default_rng(3).uniform(-1, 1, (500, 3))
    axes = np.random.default_rng(4).standard_normal((9, 12))
    return cloud(np.hstack([latents, latents**2, np.sin(2 * latents)]) @ axes)


@dataclass(frozen=True)
class Given:
    """Distances [n, k] given by hand; points and indices do not matter then."""

    distances: list[list[float]]

    @property
    def points(self):
        return np.zeros((len(self.distances), 2))

    def graph(self, k):
        n = len(self.distances)
        indices = (np.arange(n)[:, None] + np.arange(1, k + 1)) % n
        distances = np.array(self.distances, dtype=float)[:, :k]
        return distances, indices[:, : distances.shape[1]]


# --- against scikit-dimension ---


@pytest.mark.parametrize("k", [5, 10, 20])
def test_pooled_likelihood_is_scikit_dimensions(k, fit, curved):
    reference = skdim.id.MLE().fit(curved.points, n_neighbors=k, comb="mle")
    assert fit(f"mle-k{k}", curved).dimension_ == pytest.approx(reference.dimension_, rel=1e-9)


def test_wrapped_mle_uses_the_graph_it_is_given(fit, curved):
    reference = skdim.id.MLE().fit(curved.points, n_neighbors=20)
    assert fit("skdim-mle", curved).dimension_ == pytest.approx(reference.dimension_, rel=1e-9)


def test_levina_bickel_averages_scikit_dimensions_unbiased_pointwise_values(fit, curved):
    pointwise = [skdim.id.MLE(unbiased=True).fit(curved.points, n_neighbors=k).dimension_pw_ for k in range(10, 21)]
    answer = fit("levina-bickel", curved)
    np.testing.assert_allclose(answer.dimension_pw_, np.mean(pointwise, axis=0), rtol=1e-9)
    assert answer.dimension_ == pytest.approx(np.mean(pointwise), rel=1e-9)


def test_twonn_is_scikit_dimensions(fit, curved):
    reference = skdim.id.TwoNN(discard_fraction=0.1).fit(curved.points).dimension_
    assert fit("twonn", curved).dimension_ == pytest.approx(reference, rel=1e-9)
    assert fit("skdim-twonn-linear", curved).dimension_ == pytest.approx(reference, rel=1e-9)


def test_twonn_likelihood_is_scikit_dimensions_with_all_ratios(fit, curved):
    with np.errstate(divide="ignore"):  # it computes the fit's survival function too: its last value is 0
        reference = skdim.id.TwoNN(discard_fraction=0, method="mle").fit(curved.points).dimension_
    assert fit("twonn-ml", curved).dimension_ == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize("n1", [1, 2, 4, 8, 16])
def test_gride_is_scikit_dimensions_but_for_its_n_minus_1(n1, fit, curved):
    """scikit-dimension puts (n - 1) ln d into the likelihood, and drops extreme ratios: here there are none."""
    reference = skdim.id.GRIDE(n1=n1).fit(curved.points)
    assert fit(f"gride-{n1}-{2 * n1}", curved).dimension_ == pytest.approx(reference.dimension_, rel=3e-3)


def test_mada_of_the_graph_is_mada_of_all_distances(fit, curved):
    reference = skdim.id.MADA().fit(curved.points, n_neighbors=20)
    answer = fit("skdim-mada", curved)
    np.testing.assert_allclose(answer.dimension_pw_, reference.dimension_pw_, rtol=1e-6)


@pytest.mark.parametrize(("row", "k"), [("mind-mlk", 20), ("mind-mlk-k10", 10)])
@pytest.mark.parametrize("points", ["ball5", "curved", "wide"])
def test_mind_is_scikit_dimensions(points, row, k, fit, request):
    data = request.getfixturevalue(points)
    reference = skdim.id.MiND_ML(k=k, D=200).fit(data.points).dimension_
    assert fit(row, data).dimension_ == pytest.approx(reference, rel=1e-6)


@pytest.mark.parametrize("columns", [2, 3, 6, 12, 30])
def test_mind_in_whole_numbers_is_scikit_dimensions(columns, fit, cloud):
    data = cloud(np.random.default_rng(columns).standard_normal((200, columns)))
    for highest in (4, 200):
        reference = skdim.id.MiND_ML(k=20, D=highest, ver="MLi").fit(data.points).dimension_
        assert fit("mind-mli", data, integers_up_to=highest).dimension_ == reference


def test_wrapped_mom_uses_the_graph_it_is_given(fit, curved):
    reference = skdim.id.MOM().fit(curved.points, n_neighbors=100)
    np.testing.assert_allclose(fit("skdim-mom", curved).dimension_pw_, reference.dimension_pw_, rtol=1e-9)


def test_tle_is_scikit_dimensions_in_the_datas_own_unit(fit, curved):
    unit = np.median(curved.distances[:, 19])
    reference = skdim.id.TLE()
    with np.errstate(all="ignore"):
        reference.fit(curved.points / unit, n_neighbors=20)
    np.testing.assert_allclose(fit("skdim-tle", curved).dimension_pw_, reference.dimension_pw_, rtol=1e-6)


def test_skewness_is_scikit_dimensions(fit, curved):
    """Pairs of 100 neighbours are 4950, fewer than the 5000 that scikit-dimension samples, so nothing is random."""
    answer = fit("ess-k100", curved).dimension_pw_
    for i in range(0, 500, 125):
        reference = skdim.id.ESS(random_state=0).fit_once(curved.points[curved.indices[i]])
        assert answer[i] == pytest.approx(reference.dimension_, rel=1e-6)


@pytest.mark.parametrize("columns", ["few", "many"])
@pytest.mark.parametrize(
    ("row", "parameters"),
    [
        ("local-pca-fukunaga-olsen", {"ver": "FO", "alphaFO": 0.05}),
        ("local-pca-variance", {"ver": "ratio", "alphaRatio": 0.95}),
        ("local-pca-participation", {"ver": "participation_ratio"}),
    ],
)
def test_local_pca_is_scikit_dimensions_pointwise(row, parameters, columns, fit, curved, cloud):
    data = curved
    if columns == "many":
        data = cloud(np.random.default_rng(5).standard_normal((80, 6)) @ np.random.default_rng(6).random((6, 90)))
    reference = skdim.id.lPCA(**parameters).fit_pw(data.points, data.indices[:, :50], n_neighbors=50)
    np.testing.assert_allclose(fit(row, data).dimension_pw_, reference.dimension_pw_, rtol=1e-6)


@pytest.mark.parametrize("ver", ["FO", "ratio", "participation_ratio", "Kaiser", "Fan"])
def test_lpca_of_the_eigenvalues_is_lpca_of_the_points(ver, fit, curved, wide):
    row = {"FO": "fo", "participation_ratio": "participation-ratio"}.get(ver, ver.lower())
    for data in (curved, wide):
        with np.errstate(all="ignore"):
            reference = skdim.id.lPCA(ver=ver, alphaRatio=0.95).fit(data.points).dimension_
        assert fit(f"skdim-lpca-{row}", data).dimension_ == pytest.approx(reference, rel=1e-9)


@pytest.mark.parametrize("row", ["skdim-fishers", "skdim-dancofit", "danco"])
def test_points_moved_into_their_span_give_the_same(row, fit, wide, cloud):
    points = wide.points - wide.points.mean(axis=0)
    axes = np.linalg.svd(points, full_matrices=False)[2][:3]
    few = fit(row, cloud(np.pad(points @ axes.T, ((0, 0), (0, 97)))))  # padded: DANCo looks no further than D
    assert fit(row, wide).dimension_ == pytest.approx(few.dimension_, rel=1e-5)


# --- DANCo's parts ---


def module_of(name):
    return load_submitted(REPOSITORY / "submissions" / name / "estimator.py")


@pytest.fixture(scope="module")
def danco():
    return module_of("danco")


@pytest.fixture(scope="module")
def abid():
    return module_of("abid")


def test_danco_divergence_is_that_of_the_laws(danco):
    """Against the two integrals: of MiND's density over (0, 1), of von Mises' over the circle."""
    k, (d, nu, tau), (d2, nu2, tau2) = 10, (4.0, 1.4, 2.0), (6.5, 1.3, 3.0)

    def ratio(r, d):
        return k * d * r ** (d - 1) * (1 - r**d) ** (k - 1)

    distances = quad(lambda r: ratio(r, d) * np.log(ratio(r, d) / ratio(r, d2)), 0, 1)[0]
    angles = quad(lambda a: vonmises.pdf(a, tau, nu) * vonmises.logpdf(a, tau, nu), nu - np.pi, nu + np.pi)[0]
    angles -= quad(lambda a: vonmises.pdf(a, tau, nu) * vonmises.logpdf(a, tau2, nu2), nu - np.pi, nu + np.pi)[0]
    assert danco.kullback_leibler((d, nu, tau), (d2, nu2, tau2), k) == pytest.approx(distances + angles, rel=1e-6)
    assert danco.kullback_leibler((d, nu, tau), (d, nu, tau), k) == pytest.approx(0, abs=1e-9)


def test_danco_most_likely_dimension_of_ratios_is_mind_mls(danco, ball5):
    """scikit-dimension reads MiND_ML's ratios the same way, at k + 1 neighbours."""
    reference = skdim.id.MiND_ML(k=10, D=30, ver="MLk").fit(ball5.points).dimension_
    ratios = ball5.distances[:, 0] / ball5.distances[:, 10]
    assert danco.ratio_dimension(ratios, 10) == pytest.approx(reference, rel=1e-4)


@pytest.mark.parametrize("resultant", [0.05, 0.3, 0.52, 0.7, 0.84, 0.95, 0.999])
def test_danco_concentration_inverts_the_mean_resultant_length(danco, resultant):
    tau = danco.concentration(resultant)
    assert i1e(tau) / i0e(tau) == pytest.approx(resultant, abs=5e-3)


@pytest.mark.parametrize("place", [1, 2, 7, 40, 143, 199, 200])
@pytest.mark.parametrize("start", [0.3, 5.0, 60.0, 250.0])
def test_danco_finds_the_bottom_of_the_valley(danco, place, start):
    calls = []

    def valley(d):
        calls.append(d)
        return abs(np.log(d / place))

    assert danco.minimum(valley, start, 200) == place
    assert len(set(calls)) == len(calls)
    assert set(calls) <= set(range(1, 201))


# --- worked out by hand ---


def test_the_papers_likelihood_by_hand(fit):
    """T = (1, 2, 4) at one point, (1, 1, 2) at the other: sum of ln(T3 / Tj) is ln 4 + ln 2 + ln 2 + ln 2 = 5 ln 2."""
    answer = fit("papers-mle-k3", Given([[1, 2, 4], [1, 1, 2]]))
    assert answer.dimension_ == pytest.approx((3 - 2) * 2 / (5 * np.log(2)), rel=1e-14)
    pooled = fit("mle-k5", Given([[1, 2, 4], [1, 1, 2], [1, 1, 2]])).dimension_
    assert pooled == pytest.approx((3 - 1) * 3 / (7 * np.log(2)), rel=1e-14)


def test_the_papers_twonn_by_hand(fit):
    """Ratios 2, 4 and 8: the last is dropped, x = (ln 2, ln 4), y = (-ln(2/3), -ln(1/3))."""
    answer = fit("papers-twonn", Given([[1, 4], [1, 2], [1, 8]]))
    x, y = np.log([2, 4]), -np.log([2 / 3, 1 / 3])
    assert answer.dimension_ == pytest.approx((x @ y) / (x @ x), rel=1e-14)


def test_twonn_likelihood_by_hand(fit):
    answer = fit("twonn-ml", Given([[1, 4], [1, 2], [1, 8]]))
    assert answer.dimension_ == pytest.approx(2 / np.log(64), rel=1e-14)


def test_gride_of_the_two_nearest_is_the_likelihood_of_twonn(fit, curved):
    n = len(curved.points)
    assert fit("gride-1-2", curved).dimension_ * (n - 1) / n == pytest.approx(fit("twonn-ml", curved).dimension_)


def test_abid_of_right_angles_by_hand(fit, cloud):
    """The corners of a square see each other at 45 and 90 degrees: cos^2 is 1/2, 1/2 and 0 over three pairs."""
    square = cloud(np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]]))
    assert fit("abid-regularised", square).dimension_ == pytest.approx(3)
    assert fit("abid-published", square).dimension_ == pytest.approx(9 / (3 + 2 * (1 / 2 + 1 / 2 + 0)))


@pytest.mark.parametrize("points", ["real", "pixels", "column", "wide", "wide pixels"])
def test_abid_is_its_formula_in_each_of_its_forms(points, fit, cloud, ball5, wide):
    """Against SciPy's cosines; 8-bit values are taken as whole numbers, and few points by all their products."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (300, 5)) @ generator.integers(0, 3, (5, 40)) // 10  # up to 255
    data = {
        "real": ball5,
        "pixels": cloud(pixels),
        "column": cloud(generator.permutation(256)[:, None]),
        "wide": wide,
        "wide pixels": cloud(generator.integers(0, 256, (70, 90))),
    }[points]
    directions = data.points[data.indices[:, :50]] - data.points[:, None]
    cosines2 = np.array([(1 - pdist(own, "cosine")) ** 2 for own in directions])
    regularised = 1 / cosines2.mean(axis=1)
    published = 50**2 / (50 + 2 * cosines2.sum(axis=1))
    np.testing.assert_allclose(fit("abid-regularised", data).dimension_pw_, regularised, rtol=1e-11)
    np.testing.assert_allclose(fit("abid-published", data).dimension_pw_, published, rtol=1e-11)
    assert fit("abid-regularised", data).dimension_ == pytest.approx(regularised.mean(), rel=1e-11)
    assert fit("abid-published", data).dimension_ == pytest.approx(published.mean(), rel=1e-11)


@pytest.mark.parametrize("columns", [64, 1088])
def test_abid_multiplies_whole_numbers_without_rounding(columns, abid):
    """Extremes too; the products that stand in for torch's give the same."""
    for values in ([-128], [-128, 127], np.arange(-128, 128)):
        sets = np.random.default_rng(0).choice(np.array(values, dtype=np.int8), (3, 5, columns))
        expected = sets.astype(np.int64) @ sets.astype(np.int64).swapaxes(1, 2)
        np.testing.assert_array_equal(abid.exact_products(5, columns)(sets), expected)
        np.testing.assert_array_equal(abid.by_float32(sets), expected)


@pytest.mark.parametrize("broken", ["missing", "wrong"])
def test_abid_does_without_torchs_private_product(broken, monkeypatch, fit, cloud):
    data = cloud(np.random.default_rng(0).integers(0, 256, (120, 7)))
    answer = fit("abid-regularised", data).dimension_pw_
    if broken == "missing":
        monkeypatch.delattr(torch, "_int_mm")
    else:
        monkeypatch.setattr(torch, "_int_mm", lambda left, right, out: out.fill_(7))
    np.testing.assert_array_equal(fit("abid-regularised", data).dimension_pw_, answer)


def test_abid_leaves_torchs_threads_as_they_were(fit, cloud):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        fit("abid-regularised", cloud(np.random.default_rng(0).integers(0, 256, (60, 7))))
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)


def test_mind_of_the_two_nearest_by_hand(fit):
    """With k = 1 the density is d r^(d-1): d = n / sum ln(r_2 / r_1)."""
    answer = fit("mind-mlk", Given([[1, 4], [1, 2], [1, 8]]))
    assert answer.dimension_ == pytest.approx(3 / np.log(64), rel=1e-12)


@pytest.mark.parametrize(
    ("distances", "dimension"),
    [
        # k = 2 and ratio 1/2: the likelihood, but for factors without d, is d (1/2)^d (1 - (1/2)^d):
        # 1/4, 3/8, 21/64 at 1, 2, 3
        ([[1, 1, 2]], 2),
        # a tie is the limit of ratios near 1, where the likelihood is d^2: 1/4, 3/2, 2.95, 3.75, 3.78, 3.32
        ([[1, 1, 2], [1, 1, 1]], 5),
        # ratio 1/4: d (1/4)^d (1 - (1/4)^d) is 3/16 at 1 and 15/128 at 2
        ([[1, 1, 4]], 1),
    ],
)
def test_mind_in_whole_numbers_by_hand(distances, dimension, fit):
    assert fit("mind-mli", Given(distances)).dimension_ == dimension
    assert fit("mind-mlk", Given(distances)).dimension_ == pytest.approx(dimension, abs=1)


def test_correlation_dimension_by_hand(fit, cloud):
    """Points 0, 1, 3, 7 on a line: the closest 4 pairs are 1, 2, 3, 4 apart."""
    answer = fit("correlation-dimension", cloud(np.array([[0.0, 0], [1, 0], [3, 0], [7, 0]])), pairs_per_point=1.0)
    assert answer.dimension_ == pytest.approx(3 / np.log([4, 2, 4 / 3]).sum())


# --- intervals ---


@pytest.mark.parametrize(
    "row", ["mle-k5", "mle-k10", "gride-1-2", "gride-2-4", "gride-4-8", "twonn-ml", "mind-mlk-k10"]
)
def test_intervals_cover_a_space_without_boundary(row, fit, curved):
    """Uniform points of a flat 3-torus, where the likelihood is exact: 95 % of the intervals should hold 3."""
    generator = np.random.default_rng(0)
    covered = []
    for _ in range(150):
        points = generator.random((300, 3))
        distances, indices = cKDTree(points, boxsize=1).query(points, 21)
        low, high = fit(row, type(curved)(points, distances[:, 1:], indices[:, 1:])).dimension_interval_
        covered.append(low <= 3 <= high)
    assert np.mean(covered) >= 0.90


# --- at their limits ---


RATIOS = ["mle-k5", "levina-bickel", "gride-1-2", "gride-4-8", "twonn", "twonn-ml", "papers-mle-k3", "papers-twonn"]
RATIOS += ["mind-mlk", "mind-mlk-k10", "mind-mli"]


@pytest.mark.parametrize("row", [*RATIOS, "danco", "geomle", "skdim-mada", "skdim-twonn-linear"])
def test_neighbours_at_one_distance_are_a_sentence_and_not_nan(row, fit):
    with pytest.raises(ValueError, match=r"distance"):
        fit(row, Given(np.ones((120, 100))))


@pytest.mark.parametrize(
    "row",
    ["mle-k5", "mle-k20", "levina-bickel", "gride-2-4", "geomle", "abid-published", "ess-k50", "mind-mlk", "mind-mli"],
)
def test_lattices_with_many_ties_give_numbers(row, fit, cloud):
    """Whole coordinates, as 8-bit images have: many neighbours at equal distances."""
    points = np.unique(np.random.default_rng(0).integers(0, 12, (400, 3)), axis=0)
    answer = fit(row, cloud(points))
    assert np.isfinite(answer.dimension_)
    assert answer.dimension_ > 0
    assert np.isfinite(getattr(answer, "dimension_pw_", 0)).all()


def test_right_angles_alone_are_a_sentence(fit, cloud):
    """At the corner of a right-angled triangle the two neighbours have no cosine to divide by."""
    with pytest.raises(ValueError, match="right angles"):
        fit("abid-regularised", cloud(np.array([[0, 0], [1, 0], [0, 1]])))


def test_separable_points_are_a_sentence(fit, cloud):
    with pytest.raises(ValueError, match="too small for its dimension"):
        fit("skdim-fishers", cloud(np.random.default_rng(0).standard_normal((120, 119))))


@pytest.mark.parametrize(
    ("row", "parameters", "message"),
    [
        ("twonn", {"discard_fraction": 1.0}, r"discard_fraction must be in \(0, 1\), not 1.0"),
        ("levina-bickel", {"k1": 2}, "k1 must be from 3 to 20"),
        ("gride-2-4", {"n1": 3}, "n1 must be from 1 to half of the 4 neighbors, not 3"),
        ("geomle", {"k2": 101}, "k1 < k2 must be from 3 to 100"),
        ("local-pca-variance", {"rule": "half"}, "rule must be one of fukunaga-olsen, variance, participation"),
        ("local-pca-variance", {"threshold": 1.5}, r"threshold must be in \(0, 1\) for variance, not 1.5"),
        ("correlation-dimension", {"pairs_per_point": 1e6}, "pairs_per_point must be in"),
        ("skdim-knn", {"fractions": [0.001, 0.5]}, "fractions must give sample sizes"),
        ("mind-mli", {"integers_up_to": 0}, "integers_up_to must be a whole number from 1, not 0"),
        ("danco", {"k": 11}, "k must be from 2 to 10"),
        ("skdim-mada", {"k": 21}, "k must be from 2 to neighbors - 1 = 20, not 21"),
    ],
)
def test_a_wrong_parameter_is_a_sentence(row, parameters, message, fit, curved):
    with pytest.raises(ValueError, match=message):
        fit(row, curved, **parameters)
