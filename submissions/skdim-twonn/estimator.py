"""scikit-dimension's TwoNN, given the two nearest distances of the shared graph (`dist=True`)."""

import skdim.id


class TwoNN:
    """discard_fraction, method: as in scikit-dimension; `mle` treats the discarded ratios as censored."""

    def __init__(self, discard_fraction=0.1, method="linear"):
        self.discard_fraction = discard_fraction
        self.method = method

    def fit(self, X, y=None, precomputed_knn_arrays=None):
        distances, _ = precomputed_knn_arrays  # [n, k] ascending, self excluded
        if (distances[:, 0] == distances[:, 1]).all():
            raise ValueError("the first and second neighbour are at the same distance, so no ratio is above 1")
        inner = skdim.id.TwoNN(discard_fraction=self.discard_fraction, dist=True, method=self.method)
        self.dimension_ = float(inner.fit(distances[:, :2]).dimension_)
        return self
