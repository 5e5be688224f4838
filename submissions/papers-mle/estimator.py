"""The maximum-likelihood dimension of Konz et al. (MICCAI 2022, ICLR 2024), as their code computes it.

The code (ppope/dimensions, Pope et al., ICLR 2021) divides by k - 2, which makes one point's value unbiased, and then
averages the inverses, for which k - 1 would be right. Its value is (k-2)/(k-1) times the pooled one.
"""

import numpy as np


class PapersMLE:
    """(k - 2) n / sum_i sum_{j<k} ln(T_k / T_j); k is the graph's."""

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, _ = precomputed_knn_arrays  # [n, k] ascending, self excluded; no distance is 0
        n, k = distances.shape
        if k < 3:
            raise ValueError(f"neighbors must be at least 3, not {k}")
        total = np.log(distances[:, -1:] / distances[:, :-1]).sum()
        if total == 0:
            raise ValueError("each point's neighbours are all at the same distance, so their ratios hold no dimension")
        self.dimension_ = float((k - 2) * n / total)
        return self
