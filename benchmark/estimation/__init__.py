"""The estimator track: what is asked, and how it is scored."""
