"""TwoNN as the papers' code (ppope/dimensions, Pope et al., ICLR 2021) computes it."""

import numpy as np


class PapersTwoNN:
    """Slope through the origin of -ln(1 - i/n) on ln(r2 / r1); the largest ratio alone is dropped."""

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, _ = precomputed_knn_arrays  # [n, k] ascending, self excluded; no distance is 0
        n = len(distances)
        log_mu = np.sort(np.log(distances[:, 1] / distances[:, 0]))[:-1]
        if not log_mu.any():
            raise ValueError("the first and second neighbour are at the same distance, so no ratio is above 1")
        survival = -np.log1p(-np.arange(1, n) / n)
        self.dimension_ = float((log_mu @ survival) / (log_mu @ log_mu))
        return self
