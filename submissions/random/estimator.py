"""Control: a random dimension."""

import numpy as np


class Random:
    """Answers a dimension drawn log-uniformly from low..high, whatever the data."""

    def __init__(self, low=1.0, high=100.0):
        self.low = low
        self.high = high

    def fit(self, X, y=None):
        # The global generator, which the harness seeds for each task
        self.dimension_ = float(np.exp(np.random.uniform(np.log(self.low), np.log(self.high))))  # noqa: NPY002
        return self
