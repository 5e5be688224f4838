"""TwoNN (Facco, d'Errico, Rodriguez & Laio, Scientific Reports 2017): the dimension from the two nearest neighbours."""

import numpy as np


class TwoNN:
    """Slope through the origin of -ln(1 - F) on ln(r2 / r1), F = i / n, without the largest ratios."""

    def __init__(self, discard_fraction=0.1):
        self.discard_fraction = discard_fraction

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        if not 0 < self.discard_fraction < 1:
            raise ValueError(f"discard_fraction must be in (0, 1), not {self.discard_fraction!r}")
        distances, _ = precomputed_knn_arrays  # [n, k] ascending, self excluded; exact copies removed: r1 > 0
        n = len(distances)
        kept = int(n * (1 - self.discard_fraction))
        log_mu = np.sort(np.log(distances[:, 1] / distances[:, 0]))[:kept]
        if not log_mu.any():
            raise ValueError("the first and second neighbour are at the same distance, so no ratio is above 1")
        survival = -np.log1p(-np.arange(1, kept + 1) / n)
        self.dimension_ = float((log_mu @ survival) / (log_mu @ log_mu))
        return self
