"""Sleeps past the wall-clock limit. On points with two columns it behaves."""

import time


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        time.sleep(3600)
