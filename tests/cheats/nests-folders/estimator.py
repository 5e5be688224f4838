"""Nests folders deeper than Python's stack. On points with two columns it behaves."""

import os


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        for _ in range(3000):
            os.mkdir("f")
            os.chdir("f")
        self.dimension_ = 2.0
        return self
