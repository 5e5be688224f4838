"""The memory a graph takes stays within what it may, whatever the number of rows."""

import os
import subprocess
import sys

import numpy as np
import pytest

# glibc gives back at once what is freed: else it keeps as much again, more or less of it in each run.
EXACT = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(1 << 16)}
BUDGET = 8 << 20
K = 20

MEASURE = """
import sys, threading
import numpy as np
from benchmark.neighbors import neighbor_graph

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))

points = np.load(sys.argv[1], mmap_mode="r")
neighbor_graph(points[:2000], int(sys.argv[2]), memory_bytes=int(sys.argv[3]))
before, peak, done = anonymous(), [0], threading.Event()

def watch():
    while not done.wait(0.002):
        peak[0] = max(peak[0], anonymous())

watcher = threading.Thread(target=watch)
watcher.start()
graph = neighbor_graph(points, int(sys.argv[2]), memory_bytes=int(sys.argv[3]), threads=2)
done.set()
watcher.join()
print(peak[0] - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_peak_is_within_the_budget_and_the_lists(dtype, tmp_path):
    """From 10,000 rows to 60,000: rows alone would be 24 and 96 MB. Lists, hashes and the answer grow with n."""
    columns = 400
    points = np.lib.format.open_memmap(tmp_path / "points.npy", mode="w+", dtype=dtype, shape=(60_000, columns))
    generator = np.random.default_rng(0)
    for start in range(0, 60_000, 5_000):
        points[start : start + 5_000] = generator.integers(0, 256, (5_000, columns), dtype=np.uint8)
    points.flush()
    del points
    for n in (10_000, 60_000):
        part = tmp_path / f"{n}.npy"
        np.save(part, np.load(tmp_path / "points.npy", mmap_mode="r")[:n])
        command = [sys.executable, "-c", MEASURE, str(part), str(K), str(BUDGET)]
        taken = int(subprocess.run(command, env=EXACT, capture_output=True, text=True, check=True).stdout)
        of_rows = n * (200 + 6 * 8 * (K + 16))  # lists, candidates, distances, indices, hashes
        assert taken < BUDGET + of_rows, (n, taken >> 20)
