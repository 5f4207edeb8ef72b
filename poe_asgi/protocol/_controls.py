"""The parameter controls a bot shows beside its input field (reference: parameter controls).

A control's value arrives in the ``parameters`` of each message under its ``parameter_name``. Without a
``default_value`` Poe infers one. All values are checked when built, and a mistake is a ConfigurationError.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from reprlib import repr as short
from typing import Any, ClassVar, TypeAlias, get_args

from ..errors import ConfigurationError, did_you_mean
from ._comparisons import Comparison
from ._fields import (
    InvalidFieldError,
    Number,
    Reader,
    WireValue,
    check,
    join,
    read_list_of,
    read_object,
    set_items,
)
from ._strict import strict

_NAME = re.compile(r"[A-Za-z0-9_]+")
_RATIO = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?):([0-9]{1,9}(?:\.[0-9]{1,9})?)")


@strict
@dataclass(frozen=True, slots=True)
class Divider(WireValue):
    """A line between controls."""

    control: ClassVar[str] = "divider"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedControl(WireValue):
    """What every control with a value has: ``label`` and ``description`` are shown, ``parameter_name`` is the key."""

    label: str = field(kw_only=False)
    parameter_name: str
    description: str | None = None

    def __post_init__(self) -> None:
        check(self, str, "label", "parameter_name", "description")
        name = self.parameter_name
        if not _NAME.fullmatch(name):
            fixed = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
            hint = f" Try {fixed!r}." if fixed else ""
            raise InvalidFieldError(
                self, "parameter_name", f"may have letters a-z, digits and underscores only, not {name!r}.{hint}"
            )
        if name.startswith("poe_"):
            raise InvalidFieldError(self, "parameter_name", f"must not start with 'poe_' as {name!r} does.")
        self._check()

    def _check(self) -> None:
        """Check and store what the kind of control adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _TextControl(NamedControl):
    default_value: str | None = None
    placeholder: str | None = None

    def _check(self) -> None:
        check(self, str, "default_value", "placeholder")


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class TextField(_TextControl):
    """One line of text; ``placeholder`` is shown while it is empty."""

    control: ClassVar[str] = "text_field"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class TextArea(_TextControl):
    """Several lines of text; ``placeholder`` is shown while it is empty."""

    control: ClassVar[str] = "text_area"


@strict
@dataclass(frozen=True, slots=True)
class Option(WireValue):
    """One entry of a drop-down: the bot receives ``value``, the user reads ``name``."""

    value: str
    name: str

    def __post_init__(self) -> None:
        check(self, str, "value", "name")


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class DropDown(NamedControl):
    """One value out of several. A plain string among ``options`` is both value and name."""

    control: ClassVar[str] = "drop_down"
    _readers: ClassVar[Mapping[str, Reader]] = {"options": read_list_of(Option.from_wire)}
    options: Sequence[Option | str]
    default_value: str | None = None

    def _check(self) -> None:
        check(self, str, "default_value")
        set_items(self, "options", (Option, str), "Option values or strings")
        options = tuple(Option(option, option) if isinstance(option, str) else option for option in self.options)
        object.__setattr__(self, "options", options)
        _check_choices(self, self.choices, self.default_value)

    @property
    def choices(self) -> tuple[str, ...]:
        """What the bot may receive."""
        return tuple(option if isinstance(option, str) else option.value for option in self.options)


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class ToggleSwitch(NamedControl):
    """On or off."""

    control: ClassVar[str] = "toggle_switch"
    default_value: bool | None = None

    def _check(self) -> None:
        check(self, bool, "default_value")


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Slider(NamedControl):
    """A number from ``min_value`` to ``max_value`` in steps counted from ``min_value``."""

    control: ClassVar[str] = "slider"
    min_value: Number
    max_value: Number
    step: Number
    default_value: Number | None = None

    def _check(self) -> None:
        check(self, float, "min_value", "max_value", "step", "default_value")
        low, high, step, default = self.min_value, self.max_value, self.step, self.default_value
        if not low < high:
            raise InvalidFieldError(self, "min_value", f"must be below max_value, but {low} is not below {high}.")
        if not step > 0:
            raise InvalidFieldError(self, "step", f"must be above 0, not {step}.")
        if default is None:
            return
        if not low <= default <= high:
            raise InvalidFieldError(self, "default_value", f"must be between {low} and {high}, not {default}.")
        if not is_on_step(default, low, step):
            raise InvalidFieldError(
                self, "default_value", f"must be min_value {low} plus a multiple of step {step}, and {default} is not."
            )


@strict
@dataclass(frozen=True, slots=True)
class Ratio(WireValue):
    """A ratio of width to height; ``value`` is what the bot receives, by default ``"<width>:<height>"``."""

    width: Number
    height: Number
    value: str | None = None

    def __post_init__(self) -> None:
        check(self, float, "width", "height")
        check(self, str, "value")
        for name, number in (("width", self.width), ("height", self.height)):
            if not number > 0:
                raise InvalidFieldError(self, name, f"must be above 0, not {number}.")

    @property
    def choice(self) -> str:
        """What the bot receives when this ratio is chosen."""
        return f"{_brief(self.width)}:{_brief(self.height)}" if self.value is None else self.value

    @classmethod
    def parse(cls, text: str) -> Ratio:
        """The ratio written as ``"16:9"``; the bot receives exactly that text."""
        match = _RATIO.fullmatch(text)
        if match is None:
            raise ConfigurationError(f"{text!r} is not a ratio; write width and height as in '16:9'.")
        width, height = (_brief(float(number)) for number in match.groups())
        ratio = cls(width, height)
        return ratio if ratio.choice == text else cls(width, height, text)


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class AspectRatio(NamedControl):
    """One ratio out of several. A string such as ``"16:9"`` among ``options`` is short for its Ratio."""

    control: ClassVar[str] = "aspect_ratio"
    _readers: ClassVar[Mapping[str, Reader]] = {"options": read_list_of(Ratio.from_wire)}
    options: Sequence[Ratio | str]
    default_value: str | None = None

    def _check(self) -> None:
        check(self, str, "default_value")
        set_items(self, "options", (Ratio, str), "Ratio values or strings")
        options = tuple(Ratio.parse(option) if isinstance(option, str) else option for option in self.options)
        object.__setattr__(self, "options", options)
        _check_choices(self, self.choices, self.default_value)

    @property
    def choices(self) -> tuple[str, ...]:
        """What the bot may receive."""
        return tuple(option if isinstance(option, str) else option.choice for option in self.options)


def _read_control(obj: Any, path: str) -> AnyControl:
    tag = read_object(obj, path).get("control")
    kind = _KINDS.get(tag) if isinstance(tag, str) else None
    if kind is None:
        hint = did_you_mean(tag, _KINDS) if isinstance(tag, str) else ""
        raise ConfigurationError(f"{join(path, 'control')} must be one of {', '.join(_KINDS)}, not {short(tag)}.{hint}")
    return kind.from_wire(obj, path)


read_controls: Reader = read_list_of(_read_control)


@strict
@dataclass(frozen=True, slots=True)
class Condition(WireValue):
    """Controls shown only while the comparison holds. A condition cannot hold another one."""

    control: ClassVar[str] = "condition"
    _readers: ClassVar[Mapping[str, Reader]] = {"condition": Comparison.from_wire, "controls": read_controls}
    condition: Comparison
    controls: Sequence[Control] = field(kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.condition, Comparison):
            raise InvalidFieldError(self, "condition", f"must be a Comparison(...), not {short(self.condition)}.")
        set_items(self, "controls", (NamedControl, Divider), "controls other than a Condition")


ValueControl: TypeAlias = TextField | TextArea | DropDown | ToggleSwitch | Slider | AspectRatio
Control: TypeAlias = ValueControl | Divider
AnyControl: TypeAlias = Control | Condition

_KINDS: dict[str, type[AnyControl]] = {kind.control: kind for kind in get_args(AnyControl)}


def is_on_step(value: Number, start: Number, step: Number) -> bool:
    """Whether ``value`` is ``start`` plus a whole number of steps, as the decimals that were written."""
    steps = (exact(value) - exact(start)) / exact(step)
    # 0.1 + 0.2 is on a step of 0.1, too.
    return abs(steps - round(steps)) < Fraction(1, 10**6)


def exact(number: Number) -> Fraction:
    """The number as written: 0.1 is one tenth."""
    return Fraction(repr(float(number))) if isinstance(number, float) else Fraction(number)


def _brief(number: Number) -> Number:
    return int(number) if number == int(number) else number


def _check_choices(control: NamedControl, choices: tuple[str, ...], default: str | None) -> None:
    for index, choice in enumerate(choices):
        if choice in choices[:index]:
            raise InvalidFieldError(control, f"options.{index}", f"repeats the value {choice!r}; each must be unique.")
    if default is not None and default not in choices:
        hint = did_you_mean(default, choices)
        raise InvalidFieldError(control, "default_value", f"must be one of the options, not {default!r}.{hint}")
