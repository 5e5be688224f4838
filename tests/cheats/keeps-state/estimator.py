"""Counts its calls in its module, in numpy, in its home and in shared memory, and answers the count."""

import os

import numpy as np

calls = 0


class Cheat:
    def fit(self, X):
        global calls
        calls += 1
        np.calls = getattr(np, "calls", 0) + 1
        written = []
        for folder in (os.environ["HOME"], "/dev/shm"):
            with open(os.path.join(folder, f"manifoldbench-test-calls-{os.getppid()}"), "a+") as stream:
                stream.write("x")
                stream.seek(0)
                written.append(len(stream.read()))
        self.dimension_ = float(max(calls, np.calls, *written))
        return self
