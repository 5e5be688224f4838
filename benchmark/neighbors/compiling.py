"""Compile with numba; the machine code is kept on disk where there is a place for it."""

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """numba.njit without the interpreter's lock; cached, unless no folder can be written (a read-only container)."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no folder for its cache
        return njit(nogil=True)(function)
