"""Phantoms: images whose dimension is known, in families of one module each."""

from collections.abc import Mapping

from benchmark.synthetic.phantoms import (
    ct,
    decoder,
    ellipses,
    mr,
    periodic,
    scene,
    slices,
    strata,
    ultrasound,
    warp,
    xray,
)
from benchmark.synthetic.phantoms.family import Family, Phantom
from benchmark.synthetic.phantoms.sampling import PhantomImages, channels_of, sample_phantom

__all__ = ["PHANTOMS", "Family", "Phantom", "PhantomImages", "channels_of", "sample_phantom"]

PHANTOMS: Mapping[str, Family] = {
    module.FAMILY.name: module.FAMILY
    for module in (ellipses, warp, mr, xray, ct, ultrasound, periodic, strata, slices, scene, decoder)
}
"""Every family by name."""
