"""DANCo (Ceruti et al., Pattern Recognition 2014): distances and angles to the neighbours, against simulated balls.

Two things concentrate as the dimension grows: the ratio of the nearest distance to the (k + 1)-th, and the angles
between the directions to the k neighbours. A law is fitted to each: MiND's with parameter d, von Mises' with mean nu
and concentration tau. The dimension is that of the uniform ball, of as many points, whose laws are nearest to the
data's by Kullback-Leibler divergence: what few points and edges do to the data, they do to the ball too.

What differs from scikit-dimension's: the mean angle is taken by arctan2 (arctan makes a mean angle above 90 degrees
negative), tau is that of the mean resultant length (a mean of tau is infinite in one dimension), and balls are drawn
only where the minimum can be.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import binom, digamma, i0e, i1e

BLOCK = 512


class DANCo:
    """The dimension, an integer, of the ball with the most similar laws.

    k: neighbours whose angles count; the graph must hold k + 1. max_dimension: of the balls. repeats: balls drawn for
        each dimension, their laws averaged.
    """

    def __init__(self, k=10, max_dimension=200, repeats=2, random_state=None):
        self.k = k
        self.max_dimension = max_dimension
        self.repeats = repeats
        self.random_state = random_state

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, indices = precomputed_knn_arrays  # [n, K] ascending, self excluded; exact copies removed: none is 0
        if not 2 <= self.k < distances.shape[1]:
            raise ValueError(f"k must be from 2 to {distances.shape[1] - 1} (neighbors - 1), not {self.k!r}")
        generator = np.random.default_rng(self.random_state)
        data = laws(fewer_columns(X), distances, indices, self.k)

        def divergence(dimension):
            balls = [ball_laws(len(X), dimension, self.k, generator) for _ in range(self.repeats)]
            return kullback_leibler(data, np.mean(balls, axis=0), self.k)

        self.dimension_ = float(minimum(divergence, start=0.7 * data[0], highest=self.max_dimension))
        return self


def minimum(function, start, highest):
    """The integer from 1 to highest at which function, which has one valley but is noisy, is smallest.

    A scan in steps of an eighth, from start to both sides until the valley lies well inside; then every integer near.
    """
    values = {}

    def best():
        return min(values, key=values.get)

    def visit(place):
        place = int(np.clip(place, 1, highest))
        if place not in values:
            values[place] = function(place)

    visit(round(start))
    while max(values) < min(highest, 1.25 * best() + 4):
        visit(max(values) + max(1, max(values) // 8))
    while min(values) > 1 and best() < 1.25 * min(values) + 2:
        visit(min(values) - max(1, min(values) // 8))
    middle = best()
    step = max(1, middle // 8)
    for place in range(middle - step, middle + step + 1):
        visit(place)
    return best()


def laws(X, distances, indices, k):
    """The data's d, nu and tau: points X [n, D], their graph [n, at least k + 1]."""
    d = ratio_dimension(distances[:, 0] / distances[:, k], k)
    first, second = np.triu_indices(k, 1)
    mean_angles, resultants = [], []
    for start in range(0, len(X), BLOCK):
        block = slice(start, start + BLOCK)
        directions = (X[indices[block, :k]] - X[block, None]) / distances[block, :k, None]
        cosines = np.clip((directions @ np.swapaxes(directions, 1, 2))[:, first, second], -1, 1)
        sines = np.sqrt(1 - cosines**2)
        mean_angles.append(np.arctan2(sines.mean(axis=1), cosines.mean(axis=1)))
        resultants.append(np.hypot(sines.mean(axis=1), cosines.mean(axis=1)))
    tau = concentration(np.concatenate(resultants).mean())
    return np.array([d, np.concatenate(mean_angles).mean(), tau])


def concentration(resultant):
    """Tau with I1(tau) / I0(tau) = resultant, approximately (Best & Fisher, Communications in Statistics 1981)."""
    if resultant < 0.53:
        return 2 * resultant + resultant**3 + 5 * resultant**5 / 6
    if resultant < 0.85:
        return -0.4 + 1.39 * resultant + 0.43 / (1 - resultant)
    resultant = min(resultant, 1 - 1e-6)  # it is 1 if all angles are equal
    return 1 / (resultant**3 - 4 * resultant**2 + 3 * resultant)


def ratio_dimension(ratios, k):
    """The most likely d of ratios r_1 / r_(k+1), of density k d r^(d-1) (1 - r^d)^(k-1) (MiND, Rozza et al. 2012)."""
    logs = np.log(ratios[ratios < 1])
    if not len(logs):
        raise ValueError(f"each point has {k + 1} neighbours at one distance, so no ratio is below 1")

    def slope(d):
        return len(logs) / d + logs.sum() + (k - 1) * (logs / (1 - np.exp(-d * logs))).sum()

    with np.errstate(over="ignore"):
        return brentq(slope, 1e-3, 1e6)


def kullback_leibler(data, ball, k):
    """Divergence of the ball's laws from the data's (Ceruti et al., equations 11 and 12)."""
    (d, nu, tau), (ball_d, ball_nu, ball_tau) = data, ball
    quotient = ball_d / d
    i = np.arange(k + 1)
    sums = ((-1.0) ** i * binom(k, i) * digamma(1 + i / quotient)).sum()
    of_distances = quotient * (1 / i[1:]).sum() - 1 - (1 / i[1:k]).sum() - np.log(quotient) - (k - 1) * sums
    # The Bessel functions are scaled by exp(-tau), without which they overflow.
    of_angles = np.log(i0e(ball_tau) / i0e(tau)) + ball_tau - tau
    of_angles += i1e(tau) / i0e(tau) * (tau - ball_tau * np.cos(nu - ball_nu))
    return of_distances + of_angles


def ball_laws(n, dimension, k, generator):
    """d, nu and tau of n points drawn uniformly from a ball."""
    points = generator.standard_normal((n, dimension))
    points *= generator.random((n, 1)) ** (1 / dimension) / np.linalg.norm(points, axis=1, keepdims=True)
    # Which neighbours are nearest may be told in float32 here: points of a ball are not nearly equal.
    single = points.astype(np.float32)
    squares = np.einsum("ij,ij->i", single, single)
    distances, indices = np.empty((n, k + 1)), np.empty((n, k + 1), dtype=np.int64)
    for start in range(0, n, BLOCK):
        block = slice(start, min(start + BLOCK, n))
        squared = squares - 2 * single[block] @ single.T  # less the row's own square, which changes no order
        squared[np.arange(block.stop - start), np.arange(start, block.stop)] = np.inf
        near = np.argpartition(squared, k, axis=1)[:, : k + 1]
        exact = np.linalg.norm(points[near] - points[block, None], axis=2)
        order = np.argsort(exact, axis=1)
        distances[block] = np.take_along_axis(exact, order, axis=1)
        indices[block] = np.take_along_axis(near, order, axis=1)
    return laws(points, distances, indices, k)


def fewer_columns(X):
    """X [n, D] turned into the n dimensions that n points span if D > n: their distances stay as they are."""
    if X.shape[1] <= len(X):
        return X
    centred = X - X.mean(axis=0)
    squares, directions = np.linalg.eigh(centred @ centred.T)
    return directions * np.sqrt(np.maximum(squares, 0))
