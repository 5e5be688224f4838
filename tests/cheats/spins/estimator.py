"""Computes past the CPU limit, in two processes. On points with two columns it behaves."""

import os


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        os.fork()
        while True:
            pass
