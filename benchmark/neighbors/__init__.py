"""The exact nearest-neighbour graph."""

from benchmark.neighbors.copies import first_copies, restore_copies
from benchmark.neighbors.graph import NeighborGraph, NeighborShard, merge_shards, neighbor_graph, neighbor_shard

__all__ = [
    "NeighborGraph",
    "NeighborShard",
    "first_copies",
    "merge_shards",
    "neighbor_graph",
    "neighbor_shard",
    "restore_copies",
]
