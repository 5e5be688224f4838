"""The exact nearest-neighbour graph."""

from benchmark.neighbors.graph import NeighborGraph, first_copies, neighbor_graph, restore_copies

__all__ = ["NeighborGraph", "first_copies", "neighbor_graph", "restore_copies"]
