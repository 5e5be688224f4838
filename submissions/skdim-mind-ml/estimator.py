"""scikit-dimension's MiND_ML, as it stands; its manifest raises D, the largest dimension it can answer."""

from skdim.id import MiND_ML

__all__ = ["MiND_ML"]
