"""Sends itself a signal. On points with two columns it behaves."""

import os
import signal
import time


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(10)
