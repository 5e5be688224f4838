"""GeoMLE (Gomtsyan, Mokrov, Panov & Yanovich, AIST 2019): maximum likelihood extrapolated to radius 0.

Curvature and density change the maximum-likelihood dimension by a polynomial in the radius of the neighbourhood. At
each point it is computed for k = k1..k2 in bootstrap samples, and a ridge regression on the radius and its square,
weighted by the inverse spread over the samples, gives the value at radius 0. Radii are divided by their mean, so that
the penalty does not depend on the unit of the data.
"""

import numpy as np


class GeoMLE:
    """Mean over the points of the dimension at radius 0.

    k1, k2: neighbourhoods used, in a bootstrap sample (which holds 63 % of the points, so the graph must be larger).
    bootstraps: number of samples, each with its copies removed. penalty: of the ridge regression.
    """

    def __init__(self, k1=10, k2=40, bootstraps=20, penalty=5e-3, random_state=None):
        self.k1 = k1
        self.k2 = k2
        self.bootstraps = bootstraps
        self.penalty = penalty
        self.random_state = random_state

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, indices = precomputed_knn_arrays  # [n, K] ascending, self excluded; exact copies removed
        if not 3 <= self.k1 < self.k2 <= distances.shape[1]:
            raise ValueError(
                f"k1 < k2 must be from 3 to {distances.shape[1]} (neighbors), not {self.k1!r}, {self.k2!r}"
            )
        n = len(distances)
        generator = np.random.default_rng(self.random_state)
        radii, dimensions = [], []
        for _ in range(self.bootstraps):
            sampled = np.zeros(n, dtype=bool)
            sampled[generator.integers(n, size=n)] = True
            nearest = neighbors_in_sample(distances, sampled[indices], self.k2)
            radii.append(nearest[:, self.k1 - 1 :])
            dimensions.append(pointwise_mle(nearest, self.k1))
        radius, dimension = nan_mean(np.array(radii)), nan_mean(np.array(dimensions))
        spread = np.sqrt(nan_mean((np.array(dimensions) - dimension) ** 2))
        usable = (np.isfinite(dimension) & np.isfinite(radius) & (spread > 0)).all(axis=1)
        if not usable.any():
            raise ValueError("no point has neighbours at enough different distances in the bootstrap samples")
        radius = radius[usable] / radius[usable].mean()
        pointwise = at_radius_zero(radius, dimension[usable], 1 / spread[usable], self.penalty)
        self.dimension_ = float(pointwise.mean())
        return self


def neighbors_in_sample(distances, in_sample, k):
    """Distances [n, k] of each point's k nearest neighbours in the sample, NaN where the graph holds fewer."""
    order = np.argsort(~in_sample, axis=1, kind="stable")[:, :k]  # those of the sample first, still ascending
    nearest = np.take_along_axis(distances, order, axis=1)
    nearest[~np.take_along_axis(in_sample, order, axis=1)] = np.nan
    return nearest


def pointwise_mle(nearest, k1):
    """Dimensions [n, K - k1 + 1]: (k - 2) / sum_{j<k} ln(T_k / T_j) for k = k1..K, NaN where neighbours tie."""
    logs = np.log(nearest)
    k = np.arange(k1, nearest.shape[1] + 1)
    sums = (k - 1) * logs[:, k - 1] - np.cumsum(logs, axis=1)[:, k - 2]
    return (k - 2) / np.where(sums > 0, sums, np.nan)


def nan_mean(values):
    """Mean over the first axis of what is there; NaN where nothing is."""
    there = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0).sum(axis=0) / there.sum(axis=0)


def at_radius_zero(radius, dimension, weights, penalty):
    """Intercepts [n] of the weighted ridge regressions of dimension [n, m] on radius and radius^2."""
    design = np.stack([np.ones_like(radius), radius, radius**2], axis=2)
    weighted = design * weights[:, :, None]
    normal = np.swapaxes(weighted, 1, 2) @ design + penalty * np.diag([0.0, 1.0, 1.0])
    moments = np.einsum("nmp,nm->np", weighted, dimension)
    return np.linalg.solve(normal, moments[:, :, None])[:, 0, 0]
