"""Allocates memory without end. On points with two columns it behaves."""

import numpy as np


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        held = []
        while True:
            held.append(np.ones(1 << 20))
