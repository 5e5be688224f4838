"""Allocates memory in children, a little in each. On points with two columns it behaves."""

import os
import time

import numpy as np


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        for _ in range(6):
            if os.fork() == 0:
                break
        held = np.ones(10 << 20)
        time.sleep(3600)
