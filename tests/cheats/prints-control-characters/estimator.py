"""Prints terminal codes and bytes that are no text, then answers. On points with two columns it behaves."""

import os


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        os.write(1, b"\x1b[2J\x1b]0;owned\x07\xff\xfe\x00 visible\n")
        self.dimension_ = 2.0
        return self
