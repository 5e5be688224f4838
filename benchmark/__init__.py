"""ManifoldBench: a benchmark and leaderboard of intrinsic-dimension estimators on radiology and natural images."""
