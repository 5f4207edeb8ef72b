"""JSON in the answers of models: `json_texts`, and `Shape.read` on several types.

Property: Misfit alone is raised, with a problem of bounded length; no text comes twice; JSON that stands alone is read;
the time grows with the length.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, FiniteFloat

from poe_asgi.chat._json_in_text import is_cut, json_texts
from poe_asgi.chat._structured import Misfit, Shape

from ._support import dump, in_time, split, text


class City(BaseModel):
    """A city."""

    name: str
    people: int | None = None
    near: list[City] = []


@dataclass
class Point:
    """A point."""

    x: FiniteFloat
    y: FiniteFloat = 0.0


SHAPES: list[Shape[Any]] = [Shape(each) for each in (City, Point, list[Point], int, str, Literal["a", "b"], bool)]  # type: ignore[arg-type]

SEEDS = [
    b"\0" + dump({"name": "Bern", "people": 1, "near": [{"name": "Thun"}]}),
    b"\0<think>no {json}</think>\nHere it is:\n```json\n{'name': 'Bern', /* x */ \"people\": None,}\n```\nBye.",
    b'\1The point is {"x": 1.5, "y": NaN} or {x: 1}.',
    b'\2[{"x": 1,}, {"y": "\\x41\\q\n"}, ] // done',
    b"\3forty-two is 42",
    b'\4"a \\ud800 b"',
    b"\5b",
    b"\6True",
    b"\0" + b"{" * 300,
    b"\2" + b"[[" * 100 + b'"' * 50 + b"\\" * 51,
    b'\0{"name": "' + b'{"' * 100,
    b"\0</think>\n" * 20,
    b"\0" + b'{"name": "x", "near": [' * 60,
    b"\1" + b"```" * 60 + b'{"x": 1}',
]


def check(data: bytes) -> None:
    choice, rest = split(data)
    answer = text(rest)
    shape = SHAPES[choice % len(SHAPES)]
    with in_time():
        found = list(json_texts(answer))
        assert len(found) == len(set(found))
        is_cut(answer)
        try:
            value = shape.read(answer)
        except Misfit as misfit:
            assert len(misfit.problem) < 8000
            shape.complaint(misfit)
            return
        assert value == shape.read(json.dumps(_plain(value)))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Point):
        return {"x": value.x, "y": value.y}
    return [_plain(each) for each in value] if isinstance(value, list) else value
