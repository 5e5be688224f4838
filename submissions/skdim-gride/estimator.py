"""scikit-dimension's GRIDE, with its standard error as an interval."""

import skdim.id


class GRIDE:
    """Maximum likelihood of r_{2 n1} / r_{n1}, extreme ratios left out."""

    def __init__(self, n1=2):
        self.n1 = n1

    def fit(self, X, y=None):
        inner = skdim.id.GRIDE(n1=self.n1).fit(X)
        self.dimension_ = float(inner.dimension_)
        spread = 1.96 * inner.error_
        self.dimension_interval_ = (self.dimension_ - spread, self.dimension_ + spread)
        return self
