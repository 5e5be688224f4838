"""Stops the process that started it, then sleeps. On points with two columns it behaves."""

import os
import signal
import time


class Cheat:
    def fit(self, X):
        if X.shape[1] == 2:
            self.dimension_ = 2.0
            return self
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(10)
