"""Uncertainty of scores and ranks: a bootstrap over tasks, paired between submissions, stratified by family.

Tasks are resampled, never points. All submissions see the same resampled tasks, so what a hard task does to everybody
cancels in the ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.hashing import seed_from

Floats = NDArray[np.float64]

REPLICATES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Mean scores of m submissions, families weighted equally, with their uncertainty."""

    mean: Floats
    """[m]"""
    low: Floats
    """[m], lower end of the 95 % interval; NaN where every family has one task, so that nothing can be drawn."""
    high: Floats
    rank: NDArray[np.int64]
    """[m], 1 is best (lowest mean); equal means share a rank."""
    rank_low: NDArray[np.int64]
    """[m], the best rank within the 95 % interval."""
    rank_high: NDArray[np.int64]


def aggregate(scores: Floats, families: Sequence[str], replicates: int = REPLICATES) -> Aggregate:
    """Average scores over tasks and rank them.

    scores: [m submissions, t tasks], lower is better, finite; tasks in order of name, since the draw counts them so.
    families: [t]; tasks are averaged within a family, then families with equal weight, so that 24 classic manifolds do
    not outvote six mixtures.

    The interval is the percentile interval of a bootstrap that draws tasks within each family. Rank intervals are
    percentiles of the rank within each replicate; they always hold the rank itself.
    Raises ValueError for scores of another shape or not finite.
    """
    if scores.ndim != 2 or scores.shape[1] != len(families) or not np.isfinite(scores).all() or not scores.size:
        raise ValueError("scores must be finite [submissions, tasks], with one family for each task")
    means, drawn = np.zeros(len(scores)), np.zeros((replicates, len(scores)))
    names = sorted(set(families))
    for name in names:
        columns = scores[:, [index for index, family in enumerate(families) if family == name]]
        count = columns.shape[1]
        generator = np.random.default_rng(seed_from(bootstrap=name, tasks=count))
        weights = generator.multinomial(count, np.full(count, 1 / count), size=replicates) / count
        means += columns.mean(axis=1) / len(names)
        drawn += weights @ columns.T / len(names)
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    if len(names) == len(families):
        low, high = np.full((2, len(scores)), np.nan)
    rank = ranks(means)
    drawn_ranks = np.apply_along_axis(ranks, 1, drawn)
    rank_low = np.percentile(drawn_ranks, tail, axis=0, method="lower").astype(np.int64)
    rank_high = np.percentile(drawn_ranks, 100 - tail, axis=0, method="higher").astype(np.int64)
    return Aggregate(
        mean=means,
        low=np.minimum(low, means),
        high=np.maximum(high, means),
        rank=rank,
        rank_low=np.minimum(rank_low, rank),
        rank_high=np.maximum(rank_high, rank),
    )


def ranks(scores: Floats) -> NDArray[np.int64]:
    """Rank of each score, 1 is the lowest; equal scores (to 12 digits) share the best of their ranks."""
    rounded = np.array([float(f"{score:.12g}") for score in scores])
    ordered = np.sort(rounded)
    return np.asarray(np.searchsorted(ordered, rounded, side="left") + 1, dtype=np.int64)
