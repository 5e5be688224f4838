"""Axes of the drawings: from a value to a place, and ticks at round numbers."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`; what lies outside is drawn at the edge, and told apart by an arrow."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value lies, 0 (left) to 100 (right)."""
        low, high, inside = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, inside = math.log(low), math.log(high), math.log(inside)
        return round(100 * (inside - low) / (high - low), 2)

    def beyond(self, value: float) -> bool:
        """Whether a value lies to the right of the axis."""
        return value > self.high


def linear_scale(values: Iterable[float]) -> Scale:
    """An axis from 0 that holds the lower three quarters of the values well: one that is far off must not hide them."""
    finite = sorted(value for value in values if math.isfinite(value))
    reach = 1.5 * finite[(3 * len(finite)) // 4] if finite else 1.0
    reach = min(reach, finite[-1]) if finite else reach
    step = _round_up(max(reach, 1e-9) / 4)
    number = max(1, math.ceil(reach / step - 1e-9))
    return Scale(0.0, number * step, tuple(round(step * tick, 10) for tick in range(number + 1)))


def log_scale(values: Iterable[float]) -> Scale:
    """A logarithmic axis over all positive values, with ticks at 1, 2, 5 times powers of ten."""
    positive = [value for value in values if math.isfinite(value) and value > 0] or [1.0, 10.0]
    steps = [mantissa * 10.0**power for power in range(-9, 13) for mantissa in (1, 2, 5)]
    low = max(step for step in steps if step <= max(min(positive), steps[0]))
    high = min((step for step in steps if step >= max(positive) and step > low), default=steps[-1])
    return Scale(low, high, tuple(step for step in steps if low <= step <= high), logarithmic=True)


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(mantissa * power for mantissa in (1, 2, 5, 10) if mantissa * power >= value * (1 - 1e-9))
