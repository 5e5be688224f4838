"""Reads address 0. On points with two columns it behaves."""

import ctypes


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        ctypes.string_at(0)
