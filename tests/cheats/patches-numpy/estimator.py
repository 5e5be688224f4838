"""Replaces the functions that would check its answer, then answers infinity. On points with two columns it behaves."""

import math

import numpy as np


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        np.isfinite = math.isfinite = lambda value: True
        self.dimension_ = np.float64("inf")
        return self
