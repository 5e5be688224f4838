"""Answers an array. On points with two columns it behaves."""

import numpy as np


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        self.dimension_ = np.ones(3)
        return self
