"""scikit-dimension's MOM, as it stands, with the shared graph."""

from skdim.id import MOM

__all__ = ["MOM"]
