"""scikit-dimension's MLE, as it stands: with the shared graph it pools the points' inverse dimensions."""

from skdim.id import MLE

__all__ = ["MLE"]
