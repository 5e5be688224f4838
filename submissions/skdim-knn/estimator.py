"""scikit-dimension's KNN (Costa & Hero; Carter et al. 2010), with sample sizes that the method needs."""

import numpy as np
import skdim.id


class KNN:
    """How the total length of the graph of k neighbours grows with the size of a sample.

    fractions: sample sizes, as fractions of the number of points. samples: of each size.
    """

    def __init__(self, k=5, fractions=(0.1, 0.2, 0.3, 0.4, 0.5), samples=4, gamma=1.0, random_state=None):
        self.k = k
        self.fractions = fractions
        self.samples = samples
        self.gamma = gamma
        self.random_state = random_state

    def fit(self, X, y=None):
        sizes = np.unique((np.asarray(self.fractions) * len(X)).astype(int))
        if len(sizes) < 2 or sizes[0] <= self.k or sizes[-1] > len(X):
            raise ValueError(f"fractions must give sample sizes from k + 1 = {self.k + 1} to {len(X)}, not {sizes}")
        inner = skdim.id.KNN(
            k=self.k, ps=sizes, M=self.samples, gamma=self.gamma, random_state=WithoutReplacement(self.random_state)
        )
        self.dimension_ = float(inner.fit(fewer_columns(X)).dimension_)
        return self


class WithoutReplacement(np.random.RandomState):
    """Draws each point at most once: KNN draws with replacement, and a copy is a neighbour at distance 0."""

    def randint(self, low, high=None, size=None, dtype=int):
        return low + self.permutation(high - low)[:size].astype(dtype)


def fewer_columns(X):
    """X [n, D] turned into the n dimensions that n points span if D > n: their distances stay as they are."""
    if X.shape[1] <= len(X):
        return X
    centred = X - X.mean(axis=0)
    squares, directions = np.linalg.eigh(centred @ centred.T)
    return directions * np.sqrt(np.maximum(squares, 0))
