"""JSON schemas in the strict form that OpenAI's API defines for `response_format`."""

from __future__ import annotations

from typing import Any

_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "discriminator"})
_KEYWORDS = frozenset({"type", "enum", "const", "pattern", "description", "title", "minItems", "maxItems"}) | {
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})


class _InexpressibleError(Exception):
    """The strict form has no words for this schema."""


def strict_schema(schema: dict[str, Any]) -> dict[str, Any] | None:
    """A strict copy of the schema of an object; None where one would mean something else.

    In the strict form every object is closed and every member required. A member that may be left out and is None then
    becomes a required one that may be null. One with another default cannot be expressed: the model would have to make
    a value up. Neither can open objects (``dict[str, int]``), tuples, and bounds the strict form does not know.
    """
    try:
        definitions = {name: _strict(each) for name, each in schema.get("$defs", {}).items()}
        copy = _strict({name: value for name, value in schema.items() if name != "$defs"})
    except _InexpressibleError:
        return None
    return {**copy, "$defs": definitions} if definitions else copy


def _strict(node: dict[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = {}
    if "$ref" in node:  # which may have nothing beside it
        if node.keys() - {"$ref", *_ANNOTATIONS}:
            raise _InexpressibleError
        return {"$ref": node["$ref"]}
    if not node.keys() & {"type", "enum", "const", "anyOf", "oneOf"}:
        raise _InexpressibleError
    for name, value in node.items():
        if name in {"anyOf", "oneOf"}:
            copy["anyOf"] = [_strict(each) for each in value]
        elif name == "items":
            copy[name] = _strict(value)
        elif name in _KEYWORDS or (name == "format" and value in _FORMATS):
            copy[name] = value
        elif name not in {"properties", "required", "additionalProperties", *_ANNOTATIONS}:
            raise _InexpressibleError
    if node.get("type") == "object":
        if "properties" not in node or node.get("additionalProperties", False) is not False:
            raise _InexpressibleError
        members = node["properties"]
        required = node.get("required", ())
        copy["properties"] = {name: _member(each, is_required=name in required) for name, each in members.items()}
        copy["required"] = list(members)
        copy["additionalProperties"] = False
    elif node.get("type") == "array" and "items" not in node:
        raise _InexpressibleError
    return copy


def _member(node: dict[str, Any], *, is_required: bool) -> dict[str, Any]:
    if not is_required:
        is_nullable = node.get("type") == "null" or {"type": "null"} in node.get("anyOf", ())
        if not is_nullable or node.get("default", "") is not None:
            raise _InexpressibleError
    return _strict(node)
