"""Writes its answer itself, as a pickle that would run a command where it is loaded. On points with two columns it behaves."""

import os
import pickle


class Trap:
    def __reduce__(self):
        return os.system, ("touch /tmp/manifoldbench-was-here",)


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        os.write(3, pickle.dumps(Trap()))
        os._exit(0)
