"""Settings and parameter controls from outside, and the values that users set.

Property: reading settings raises ConfigurationError alone, in a line that prints; settings that were read are written
and read again as the same. `values_for` raises pydantic's ValidationError alone, whatever the values. What the
playground makes of any answer to a settings request can be shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from poe_asgi.errors import ConfigurationError
from poe_asgi.playground._settings import BotSettings
from poe_asgi.protocol import InSection, Multiline, OnlyIf, Ratios, Settings, controls_from_model, values_for

from ._support import dump, in_time, loads, split


class Size(Enum):
    SMALL = 1
    LARGE = 2


class Options(BaseModel):
    """One field of each kind."""

    mode: Literal["fast", "expert"] = "fast"
    size: Size = Size.SMALL
    loud: bool = False
    steps: Annotated[int, Field(ge=1, le=50)] = 20
    scale: Annotated[float, Field(ge=0, le=2)] | None = None
    style: str = ""
    long: Annotated[str, Multiline(), InSection("More")] = ""
    ratio: Annotated[str, Ratios("16:9", "1:1"), OnlyIf("mode", "eq", "expert")] = "1:1"


SETTINGS = {
    **Settings(
        introduction_message="# Hi", server_bot_dependencies={"A": 3}, rate_card="[usd_milli_cents=1]"
    ).to_wire(),
    "parameter_controls": controls_from_model(Options).to_wire(),
    "new_key": {"a": [1]},
}
CONDITION = {
    "control": "condition",
    "condition": {
        "comparator": "eq",
        "left": {"parameter_name": "a"},
        "right": {"literal": True},
    },
    "controls": [{"control": "toggle_switch", "label": "A", "parameter_name": "a", "default_value": True}],
}
JSON_AFTER = 1  # bytes
SEEDS = [
    b"\0" + dump(SETTINGS),
    b"\0" + dump({"response_version": 0, "allow_attachments": None, "context_clear_window_secs": 0}),
    b"\0" + dump({"response_version": 2, "server_bot_dependencies": {"a": 60, "b": 60}}),
    b"\0"
    + dump(
        {
            "response_version": 2,
            "parameter_controls": {
                "api_version": "2",
                "sections": [
                    {"name": "s", "tabs": [{"name": "t", "controls": [{"control": "divider"}, CONDITION]}]},
                    {
                        "controls": [
                            {
                                "control": "slider",
                                "label": "l",
                                "parameter_name": "n",
                                "min_value": 0.1,
                                "max_value": 1e300,
                                "step": 0.1,
                                "default_value": 0.3,
                            },
                            {
                                "control": "aspect_ratio",
                                "label": "l",
                                "parameter_name": "r",
                                "options": [{"width": 16, "height": 9.5}, {"width": 1, "height": 1, "value": "x"}],
                            },
                            {
                                "control": "drop_down",
                                "label": "l",
                                "parameter_name": "d",
                                "options": [{"value": "v", "name": "n"}],
                                "default_value": "v",
                            },
                            {"control": "text_area", "label": "l", "parameter_name": "t", "placeholder": "p"},
                        ]
                    },
                ],
            },
        }
    ),
    b"\1"
    + dump(
        {
            "mode": "expert",
            "size": "2",
            "loud": True,
            "steps": 3.0,
            "scale": "1.5",
            "style": None,
            "long": "\ud800",
            "ratio": "16:9",
        }
    ),
    b"\1" + dump({"mode": 1, "steps": 1e300, "scale": [], "ratio": {}}),
]


def check(data: bytes) -> None:
    choice, rest = split(data)
    with in_time():
        if choice % 2:
            _check_values(loads(rest))
        else:
            _check_settings(rest)


def _check_values(values: Any) -> None:
    if not isinstance(values, Mapping):
        return
    try:
        read = values_for(Options, values)
    except ValidationError:
        return
    assert read.ratio in {"16:9", "1:1"}
    assert 1 <= read.steps <= 50


def _check_settings(raw: bytes) -> None:
    shown = BotSettings.read(raw)
    json.dumps(shown.to_page([]), allow_nan=False).encode("ascii")
    assert all(problem.isprintable() for problem in shown.problems)
    value = loads(raw)
    try:
        settings = Settings.from_wire(value)
    except ConfigurationError as exc:
        assert str(exc).isprintable()
        return
    except RecursionError:
        return  # `json` reads what is nested deeper than `parse_json_object` lets in
    wire = settings.to_wire()
    assert Settings.from_wire(json.loads(json.dumps(wire, allow_nan=False))) == settings
    assert Settings.from_wire(wire).to_wire() == wire
