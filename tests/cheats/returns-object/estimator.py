"""Answers an object that raises when it is looked at. On points with two columns it behaves."""


class Trap:
    def __repr__(self):
        raise RuntimeError("do not look")

    __str__ = __float__ = __repr__


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        self.dimension_ = Trap()
        return self
