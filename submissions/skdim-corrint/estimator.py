"""scikit-dimension's CorrInt, as it stands."""

from skdim.id import CorrInt

__all__ = ["CorrInt"]
