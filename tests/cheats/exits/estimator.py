"""Calls sys.exit. On points with two columns it behaves."""

import sys


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        sys.exit(3)
