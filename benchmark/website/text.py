"""How values read on a page: sensible digits, units, safe text and safe addresses."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from benchmark.hashing import sha256_of

NONE = "–"
"""Stands where there is no value; the templates give it a name for screen readers."""

UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters: not allowed in a page
    "\u202a-\u202e\u2066-\u2069"  # direction overrides: text would read as other text
    "\ud800-\udfff\ufffe\uffff]"  # not characters
)


def clean(value: Any) -> Any:
    """Replace characters that a page must not hold; everything but plain text passes unchanged."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return UNSAFE.sub("\ufffd", value)
    return value


def slug(name: str) -> str:
    """A name as a folder or file name: unchanged if it is harmless, else made so and told apart by a hash."""
    harmless = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    if harmless == name and name:
        return name
    return f"{harmless.strip('-')}-{sha256_of(clean(name))[:8]}".lstrip("-")


def is_address(text: str) -> bool:
    """Whether a text is a web address as a whole, and so may be a link."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and not re.search(r"\s", text)


def is_missing(value: Any) -> bool:
    """Whether there is no value: None, or not a number."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def fixed(decimals: int) -> Callable[[Any], str]:
    """A formatter with a fixed number of decimals, so that a column lines up."""

    def show(value: Any) -> str:
        if is_missing(value):
            return NONE
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        return f"{value:z,.{decimals}f}".replace(",", "\u202f").replace("-", "−")

    return show


def count(value: Any) -> str:
    """A whole number, thousands apart."""
    return fixed(0)(value)


def seconds(value: Any) -> str:
    """Seconds to about three digits."""
    if is_missing(value):
        return NONE
    return fixed(2 if value < 10 else 1 if value < 100 else 0)(value)


def mebibytes(value: Any) -> str:
    """Bytes in MiB."""
    return NONE if is_missing(value) else fixed(0 if value >= 10 * 2**20 else 1)(value / 2**20)


def short_hash(value: Any) -> str:
    """The first 12 digits of a hash; the downloads hold all of them."""
    return NONE if is_missing(value) else str(value)[:12]


def plain(value: Any) -> str:
    """A text as it is."""
    return NONE if is_missing(value) or value == "" else str(value)


def statuses(value: Mapping[str, int]) -> str:
    """`2 timeout, 1 failed`."""
    return ", ".join(f"{number} {status}" for status, number in value.items())


def millions(value: Any) -> str:
    """A number in millions, to about three digits."""
    if is_missing(value):
        return NONE
    return fixed(1 if value >= 1e6 else 3)(value / 1e6)


def significant(value: Any) -> str:
    """A number to two significant digits: `0.0003`, `4.1e−08`."""
    return NONE if is_missing(value) else f"{value:.2g}".replace("-", "−")
