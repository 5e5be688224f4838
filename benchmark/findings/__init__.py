"""Findings: claims of the papers, re-tested from the results on hand, for every estimator of the board.

* `fits`        statistics for few datasets: numbers in, numbers out
* `published`   what the papers published, with where it stands
* `dimensions`, `trainings`, `sharpness`   one number a dataset, from the boards
* `claims`      what the papers claim
* `judging`     each claim in one setting
* `retest`      all claims in all settings
* `summary`     for how many estimators a claim holds, and what changes it
* `report`      the same as text and as plain values
"""

from benchmark.findings.claims import CLAIMS, Claim
from benchmark.findings.judging import Finding
from benchmark.findings.retest import Retest, load_retest, retest

__all__ = ["CLAIMS", "Claim", "Finding", "Retest", "load_retest", "retest"]
