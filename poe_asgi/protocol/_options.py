"""A pydantic model as the parameters of a bot: its fields become controls, and sent values become an instance.

    field                                        control        notes
    -------------------------------------------  -------------  ------------------------------------------------------
    ``Literal[...]``, an ``Enum``                drop_down      values are sent as strings; `Labels` names them
    ``bool``                                     toggle_switch
    ``int`` with ``ge``/``gt`` and ``le``/``lt`` slider         step: ``multiple_of``, else 1
    ``float`` with ``ge`` and ``le``             slider         step: ``multiple_of``, else a round one that meets the
                                                                bounds and the default, 100 to 10,000 steps in all
    ``str``                                      text_field     `Placeholder`
    ``str`` with `Multiline`                     text_area      `Placeholder`
    ``str`` with `Ratios`                        aspect_ratio   other values are invalid
    ``X | None``                                 that of ``X``  None is no default
    any, with `InSection`, with `OnlyIf`         the same       in that section, inside a condition

The parameter name is the field's alias, else its name; the label its ``title``, else its name in words; the description
its ``description``; the default its default or what its factory makes. Sections come in the order of their first field.
Anything else is a ConfigurationError that names the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import repr as short
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..errors import ConfigurationError, did_you_mean
from ._comparisons import Comparison, LiteralValue, ParameterValue
from ._controls import (
    AnyControl,
    AspectRatio,
    Condition,
    DropDown,
    Option,
    Slider,
    TextArea,
    TextField,
    ToggleSwitch,
    ValueControl,
)
from ._fields import is_a
from ._markers import InSection, Labels, Marker, Multiline, OnlyIf, Placeholder, Ratios
from ._option_fields import OptionField, naming, option_fields, text_of
from ._parameters import ParameterControls, Section
from ._sliders import slider

M = TypeVar("M", bound=BaseModel)

_MARKERS_OF: Mapping[type[ValueControl], tuple[type[Marker], ...]] = {
    DropDown: (Labels,),
    ToggleSwitch: (),
    Slider: (),
    TextField: (Placeholder,),
    TextArea: (Multiline, Placeholder),
    AspectRatio: (Ratios,),
}
_VALUES_OF: Mapping[type[ValueControl], type] = {ToggleSwitch: bool, Slider: float, TextField: str, TextArea: str}
_SUPPORTED = (
    "Literal[...], an Enum, bool, int or float with ge= and le=, or str; each also with | None, "
    "and str with Multiline() or Ratios(...)"
)


def controls_from_model(model: type[BaseModel]) -> ParameterControls:
    """The controls for the fields of ``model``, as the table of this module says.

    Raises ConfigurationError that names the field, what is wrong with it, and what would do.
    """
    parameters = option_fields(model)
    controls: dict[str, ValueControl] = {}
    for name, parameter in parameters.items():
        with naming(model, name):
            controls[name] = _control(parameter)
    sections: dict[str | None, list[AnyControl]] = {}
    collapsed: dict[str | None, bool] = {}
    for name, parameter in parameters.items():
        with naming(model, name):
            place = parameter.marker(InSection)
            title = place.name if place else None
            sections.setdefault(title, []).append(_in_condition(name, parameter.marker(OnlyIf), controls))
            if place and place.collapsed is not None:
                said = collapsed.setdefault(title, place.collapsed)
                if said != place.collapsed:
                    raise ConfigurationError(f"InSection: another field says collapsed={said} of {title!r}.")
    return ParameterControls(
        [Section(title, controls=shown, collapsed_by_default=collapsed.get(title)) for title, shown in sections.items()]
    )


def values_for(model: type[M], parameters: Mapping[str, Any]) -> M:
    """The ``parameters`` of a message as an instance of ``model``.

    Names the model does not declare are dropped. Raises pydantic.ValidationError on a bad value: whoever calls the
    bot can send any.
    """
    values: dict[str, Any] = {}
    for parameter in option_fields(model).values():
        if parameter.name in parameters:
            value = parameters[parameter.name]
            values[parameter.name] = parameter.choices.get(value, value) if isinstance(value, str) else value
    return model.model_validate(values, by_alias=True)


def _control(parameter: OptionField) -> ValueControl:
    control = _plain_control(parameter)
    usable = (*_MARKERS_OF[type(control)], InSection, OnlyIf)
    for item in parameter.metadata:
        if isinstance(item, Marker) and not isinstance(item, usable):
            raise ConfigurationError(f"{type(item).__name__} means nothing to its control, a {control.control}.")
    return control


def _plain_control(parameter: OptionField) -> ValueControl:
    info = parameter.info
    texts: dict[str, Any] = {
        "label": info.title or _in_words(parameter.field_name),
        "parameter_name": parameter.name,
        "description": info.description,
    }
    default = _default(info)
    if parameter.choices:
        return _drop_down(parameter, default, **texts)
    if parameter.kind is bool:
        return ToggleSwitch(**texts, default_value=default)
    if parameter.kind in (int, float):
        return slider(parameter.kind, parameter.metadata, default, **texts)
    if parameter.kind is not str:
        raise ConfigurationError(f"no control shows {short(info.annotation)}; supported are {_SUPPORTED}.")
    if ratios := parameter.marker(Ratios):
        return AspectRatio(**texts, default_value=default, options=ratios.options)
    text_control = TextArea if parameter.marker(Multiline) else TextField
    placeholder = parameter.marker(Placeholder)
    return text_control(**texts, default_value=default, placeholder=placeholder.text if placeholder else None)


def _default(info: FieldInfo) -> Any:
    """The default, or None: also where it depends on other fields, which are not known yet."""
    if info.is_required() or info.default_factory_takes_validated_data:
        return None
    return info.get_default(call_default_factory=True)


def _drop_down(parameter: OptionField, default: Any, **texts: Any) -> DropDown:
    labels = parameter.marker(Labels)
    names = {text_of(value): name for value, name in labels.names.items()} if labels else {}
    for value in names:
        if value not in parameter.choices:
            raise ConfigurationError(
                f"Labels: {value!r} is none of its values.{did_you_mean(value, parameter.choices)}"
            )
    options = [Option(value, names.get(value, value)) for value in parameter.choices]
    return DropDown(**texts, options=options, default_value=None if default is None else text_of(default))


def _in_words(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _in_condition(name: str, only_if: OnlyIf | None, controls: Mapping[str, ValueControl]) -> AnyControl:
    if only_if is None:
        return controls[name]
    others = controls.keys() - {name}
    if only_if.field not in others:
        hint = did_you_mean(only_if.field, others)
        raise ConfigurationError(f"OnlyIf must name another field of the model, not {only_if.field!r}.{hint}")
    other = controls[only_if.field]
    parameter, operand = ParameterValue(other.parameter_name), LiteralValue(_operand(only_if, other))
    return Condition(Comparison(only_if.comparator, parameter, operand), controls=[controls[name]])


def _operand(only_if: OnlyIf, other: ValueControl) -> Any:
    """The value of an OnlyIf as it stands on the wire."""
    value = only_if.value
    if only_if.comparator not in {"eq", "ne"} and not isinstance(other, Slider):
        raise ConfigurationError(f"OnlyIf: {only_if.comparator!r} compares numbers, which {only_if.field!r} has not.")
    if isinstance(other, DropDown):
        value = text_of(value)
    if isinstance(other, (DropDown, AspectRatio)):
        valid, hint = value in other.choices, did_you_mean(f"{value}", other.choices)
    else:
        valid, hint = is_a(value, _VALUES_OF[type(other)]), ""
    if not valid:
        raise ConfigurationError(f"OnlyIf: {only_if.field!r} is never {short(value)}.{hint}")
    return value
