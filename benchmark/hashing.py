"""Content hashes and seeds: the same in every process and on every machine."""

import ast
import hashlib
import io
import json
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def sha256_of(value: Any) -> str:
    """Hex sha256 of a JSON value in canonical form: sorted keys, so two fields can never run into each other."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_array(array: NDArray[Any]) -> str:
    """Hex sha256 of an array's type, shape and little-endian C-order bytes: the same on every machine."""
    digest = hashlib.sha256(f"{array.dtype.name}{list(array.shape)}".encode())
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    digest.update(np.ascontiguousarray(little).data)
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_program(path: Path) -> str:
    """Hex sha256 of a Python module's text without its comments, docstrings, empty lines and ends of lines.

    The text, not its syntax tree, which differs between versions of Python. Lines within strings count as others.
    Raises SyntaxError for a file that is not Python.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    for first, start, last, end in sorted(_remarks(lines), reverse=True):
        lines[first : last + 1] = [lines[first][:start] + lines[last][end:]]
    return hashlib.sha256("\n".join(filter(None, map(str.rstrip, lines))).encode()).hexdigest()


def _remarks(lines: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Of each comment, and each string that is a statement: first line and column, last line and the column after."""
    source = "\n".join(lines)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0] - 1, token.start[1], token.end[0] - 1, token.end[1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            first, last = node.lineno - 1, int(node.end_lineno or 0) - 1
            # ast counts bytes
            start = len(lines[first].encode()[: node.col_offset].decode())
            yield first, start, last, len(lines[last].encode()[: node.end_col_offset].decode())


def seed_from(**parts: str | int) -> int:
    """Seed in [0, 2**32) from named parts: the same in every process, which hash() is not."""
    return int(sha256_of(parts)[:8], 16)
