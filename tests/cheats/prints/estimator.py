"""Prints 1 GB. On points with two columns it behaves."""


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        for _ in range(1024):
            print("x" * (1 << 20))
        self.dimension_ = 2.0
        return self
