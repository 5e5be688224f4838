"""A submission that uses CUDA runs in the fork of a worker that has imported torch but started nothing on the GPU."""

import numpy as np
import pytest

from benchmark.sandbox.engine import Limits, Program
from benchmark.sandbox.process import ProcessEngine
from benchmark.sandbox.samples import write_sample

SOURCE = """
import torch


class OnTheGpu:
    def fit(self, X, y=None):
        points = torch.from_numpy(X).cuda()
        self.dimension_ = float(torch.linalg.matrix_rank(points))
        return self
"""


@pytest.mark.gpu
def test_a_forked_sample_can_use_the_gpu(tmp_path):
    (tmp_path / "estimator.py").write_text(SOURCE)
    points = np.random.default_rng(0).normal(size=(50, 3)) @ np.eye(3, 8)
    for name in ("first", "second"):
        write_sample(tmp_path / name, points, 1, None, None)
    with ProcessEngine().open(Program(tmp_path, "estimator.py:OnTheGpu"), Limits()) as worker:
        for name in ("first", "second"):
            outcome = worker.ask(tmp_path / name)
            assert (outcome.status, outcome.dimension) == ("ok", 3.0), outcome.reason
