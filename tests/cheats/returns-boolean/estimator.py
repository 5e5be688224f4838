"""Answers a boolean. On points with two columns it behaves."""


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        self.dimension_ = True
        return self
