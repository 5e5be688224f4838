"""Small drawings of a few numbers in a row, as SVG takes them."""

import math
from collections.abc import Sequence

WIDTH, HEIGHT = 96, 20
"""Of the drawing, in its own units."""


def curve_points(values: Sequence[float]) -> str:
    """The points of a line through the values, left to right, `x,y x,y`: 0 at the bottom, the largest at the top.

    Values that are not finite are passed over; one value is a level line.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    if len(finite) == 1:
        finite = finite * 2
    top = max(*finite, 1e-12)
    step = WIDTH / (len(finite) - 1)
    return " ".join(
        f"{round(index * step, 1):g},{round(HEIGHT * (1 - max(value, 0.0) / top), 1):g}"
        for index, value in enumerate(finite)
    )
