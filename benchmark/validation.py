"""A file that does not fit its pydantic model: the first fault, told as one sentence."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

LONGEST = 60
"""Characters of a found value that a sentence shows."""

Schema = Mapping[str, Any]


def describe_validation_error(path: Path, error: ValidationError, model: type[BaseModel]) -> str:
    """The first fault of a validated file as one sentence: file, field, what was found, what is allowed.

    What is allowed is read off the model's JSON Schema, so a new field needs no sentence of its own.
    An unknown key comes first, since a misspelt key is often also a missing one.
    """
    faults = error.errors(include_url=False)
    fault = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    root = model.model_json_schema()
    loc = fault["loc"]
    if fault["type"] == "extra_forbidden":
        return f"{path}: {_unknown_key(root, loc)}"
    place, node = _walk(root, loc)
    if fault["type"] == "missing":
        meaning = _meaning(node)
        return f"{path}: {place} is missing{f': {meaning}' if meaning else ''}."
    if fault["type"] in ("value_error", "assertion_error"):
        message = fault["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ").removesuffix(".")
        if not place:
            return f"{path}: {message}."
        found = f", not {_found(fault['input'])}" if message.startswith("must ") else ""
        return f"{path}: {place}{'' if message.startswith('must ') else ':'} {message}{found}."
    found = _found(fault["input"])
    if allowed := _allowed(root, node):
        return f"{path}: {place or 'the file'} must be {allowed}, not {found}{_hint(node, fault['input'])}."
    return f"{path}: {place or 'the file'}: {fault['msg'][0].lower()}{fault['msg'][1:].removesuffix('.')}, not {found}."


def _unknown_key(root: Schema, loc: Sequence[str | int]) -> str:
    table, node = _walk(root, loc[:-1])
    key = str(loc[-1])
    known = list(node.get("properties", {}))
    near = difflib.get_close_matches(key, known, n=1)
    where = f" in {table}" if table else ""
    return f"unknown key {key}{where}{f' (did you mean {near[0]}?)' if near else ''}; allowed: {', '.join(known)}."


def _walk(root: Schema, loc: Sequence[str | int]) -> tuple[str, Schema]:
    """Follow a fault's location through the schema: how a person writes the place, and the schema there."""
    node = table = _resolve(root, root)
    place = ""
    for part in loc:
        if part == "[key]":  # the part before it was the key itself
            return f"the name {place}", _key(table)
        table = node
        for option in [_resolve(root, option) for option in node.get("anyOf", [node])]:
            below = _below(option, part)
            if below is not None:
                written = f"[{part}]" if isinstance(part, int) else f".{part}"
                node, place = _resolve(root, below), (place + written).removeprefix(".")
                break
        # A part that leads nowhere is pydantic's name for a member of a union, which no file spells.
    return place, node


def _below(node: Schema, part: str | int) -> Schema | None:
    """The schema of one part of a table or list; None if it has no such part."""
    if isinstance(part, int):
        below = node.get("items")
    else:
        below = node.get("properties", {}).get(part) or node.get("additionalProperties")
        below = below or next(iter(node.get("patternProperties", {}).values()), None)
    return below if isinstance(below, Mapping) else None


def _key(node: Schema) -> Schema:
    """The schema of a table's keys."""
    pattern = next(iter(node.get("patternProperties", {})), None)
    return {"type": "string", **({"pattern": pattern} if pattern else {}), **node.get("propertyNames", {})}


def _resolve(root: Schema, node: Schema) -> Schema:
    """The schema that a node stands for: references followed, `or null` dropped; a node's own words stay."""
    if "$ref" in node:
        target = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
        return _resolve(root, {**target, **{key: value for key, value in node.items() if key != "$ref"}})
    options = [option for option in node.get("anyOf", []) if option.get("type") != "null"]
    if len(options) == 1:
        return _resolve(root, {**options[0], **{key: value for key, value in node.items() if key != "anyOf"}})
    return {**node, "anyOf": options} if options else node


def _allowed(root: Schema, node: Schema) -> str:
    """What a schema allows, in words."""
    if "anyOf" in node:
        return " or ".join(dict.fromkeys(_allowed(root, _resolve(root, option)) for option in node["anyOf"]))
    if "enum" in node or "const" in node:
        return " or ".join(_found(value) for value in node.get("enum", [node.get("const")]))
    words = {
        "integer": f"a whole number{_range(node)}",
        "number": f"a number{_range(node)}",
        "boolean": "true or false",
        "string": _allowed_text(node),
        "array": _allowed_list(root, node),
        "object": "a table",
    }
    return words.get(node.get("type", ""), "")


def _allowed_list(root: Schema, node: Schema) -> str:
    entries = node.get("items")
    of_texts = isinstance(entries, Mapping) and _resolve(root, entries).get("type") == "string"
    least = f" with {node['minItems']} or more entries" if "minItems" in node else ""
    return f"a list{' of texts' if of_texts else ''}{least}"


def _allowed_text(node: Schema) -> str:
    if "pattern" in node:
        meaning = _meaning(node)
        longest = f", {node['maxLength']} characters at most" if "maxLength" in node else ""
        return f"a text of the form {node['pattern'].strip('^$')}{f' ({meaning}{longest})' if meaning else longest}"
    if "maxLength" in node:
        return f"a text of {node.get('minLength', 0)} to {node['maxLength']} characters"
    return "a text that is not empty" if node.get("minLength") else "a text"


def _range(node: Schema) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    limits = {
        "of {:g} or more": low,
        "of {:g} or less": high,
        "above {:g}": node.get("exclusiveMinimum"),
        "below {:g}": node.get("exclusiveMaximum"),
    }
    words = [words.format(limit) for words, limit in limits.items() if limit is not None]
    return f" {' and '.join(words)}" if words else ""


def _meaning(node: Schema) -> str:
    """A field's docstring, first sentence, to stand inside another sentence."""
    text = re.split(r"\.(?:\s|$)", str(node.get("description", "")).strip(), maxsplit=1)[0].replace("\n", " ")
    return text[0].lower() + text[1:] if len(text) > 1 and not text[1].isupper() else text


def _found(value: Any) -> str:
    """A value as the file spells it, cut short."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, datetime | date | time):
        return f"the date {value.isoformat()}"
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:
        text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _hint(node: Schema, value: Any) -> str:
    """What to do, where it is plain."""
    kind = node.get("type")
    if isinstance(value, str) and kind in ("integer", "number", "boolean"):
        spelled = r"true|false" if kind == "boolean" else r"[+-]?\d+" if kind == "integer" else r"[+-]?\d*\.?\d+"
        return ": remove the quotes" if re.fullmatch(spelled, value) else ""
    if kind == "string" and isinstance(value, int | float):
        return ": put it in quotes"
    if kind == "array" and not isinstance(value, list | dict):
        return ": put it in brackets"
    return ""
