"""Phantoms: images whose dimension is known, in families of one module each."""

import importlib
from collections.abc import Mapping

from benchmark.synthetic.phantoms.family import Family, Phantom

# while families are still being written: those that exist
PHANTOMS: dict[str, Family] = {}
for _name in ("ellipses", "warp", "mr", "xray", "ct", "ultrasound", "periodic", "strata", "slices", "scene", "decoder"):
    try:
        PHANTOMS[_name] = importlib.import_module(f"benchmark.synthetic.phantoms.{_name}").FAMILY
    except (ImportError, AttributeError, SyntaxError, NameError):
        pass
from benchmark.synthetic.phantoms.sampling import PhantomImages, sample_phantom

__all__ = ["PHANTOMS", "Family", "Phantom", "PhantomImages", "sample_phantom"]
