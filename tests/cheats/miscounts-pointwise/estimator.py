"""Answers too few local dimensions. On points with two columns it behaves."""

import numpy as np


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        self.dimension_ = 2.0
        self.dimension_pw_ = np.ones(len(X) - 1)
        return self
