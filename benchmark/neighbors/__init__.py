"""The exact nearest-neighbour graph."""

from benchmark.neighbors.cache import cached_neighbor_graph
from benchmark.neighbors.graph import NeighborGraph, first_copies, neighbor_graph, restore_copies

__all__ = ["NeighborGraph", "cached_neighbor_graph", "first_copies", "neighbor_graph", "restore_copies"]
