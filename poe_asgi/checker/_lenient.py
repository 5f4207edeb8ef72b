"""Parameter controls without what Poe does not check, to tell its rules from good advice."""

from __future__ import annotations

from typing import Any

_DEFAULTS: dict[str, tuple[type, ...]] = {
    "text_field": (str,),
    "text_area": (str,),
    "drop_down": (str,),
    "aspect_ratio": (str,),
    "toggle_switch": (bool,),
    "slider": (int, float),
}


def lenient(value: Any) -> Any:
    """A copy in which defaults of the right type are gone, options differ, and conditions and tabs are complete.

    What is left wrong in it is against the form that Poe documents; what is mended was only unwise.
    """
    if isinstance(value, list):
        return [lenient(each) for each in value]
    if not isinstance(value, dict):
        return value
    copy = {key: lenient(each) for key, each in value.items()}
    _mend_default(copy)
    if isinstance(copy.get("options"), list):
        copy["options"] = _different(copy["options"])
    if isinstance(copy.get("condition"), dict):
        copy["condition"] = {key: _without_name(each) for key, each in copy["condition"].items()}
    if isinstance(copy.get("tabs"), list):
        copy["tabs"] = [_named(each) for each in copy["tabs"]]
    return copy


def _mend_default(control: dict[str, Any]) -> None:
    kinds = _DEFAULTS.get(str(control.get("control")), ())
    default = control.get("default_value")
    if isinstance(default, kinds) and (bool in kinds or not isinstance(default, bool)):
        del control["default_value"]


def _different(options: list[Any]) -> list[Any]:
    seen: list[Any] = []
    for each in options:
        if each not in seen:
            seen.append(each)
    values = [each.get("value") for each in seen if isinstance(each, dict)]
    return [
        {**each, "value": f"{each['value']}\x00{index}"}
        if isinstance(each, dict) and isinstance(each.get("value"), str) and values.count(each["value"]) > 1
        else each
        for index, each in enumerate(seen)
    ]


def _without_name(operand: Any) -> Any:
    named = isinstance(operand, dict) and set(operand) == {"parameter_name"}
    return {"literal": ""} if named and isinstance(operand["parameter_name"], str) else operand


def _named(tab: Any) -> Any:
    return {**tab, "name": "tab"} if isinstance(tab, dict) and tab.get("name") in {None, ""} else tab
