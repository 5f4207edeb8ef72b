"""The parameter controls of a bot as a whole: sections, tabs, and the rules between controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from ..errors import ConfigurationError, did_you_mean
from ._comparisons import ParameterValue
from ._controls import AnyControl, Condition, Divider, NamedControl, read_controls
from ._fields import InvalidFieldError, Reader, WireValue, check, join, read, read_list_of, read_object, set_items
from ._strict import strict

API_VERSION = "2"


@strict
@dataclass(frozen=True, slots=True)
class Tab(WireValue):
    """One tab of a section: a name, and at least one control."""

    _readers: ClassVar[Mapping[str, Reader]] = {"controls": read_controls}
    name: str
    controls: Sequence[AnyControl]

    def __post_init__(self) -> None:
        check(self, str, "name")
        if not self.name:
            raise InvalidFieldError(self, "name", "must not be empty: it is all the user sees of a closed tab.")
        set_items(self, "controls", (NamedControl, Divider, Condition), "controls")


@strict
@dataclass(frozen=True, slots=True)
class Section(WireValue):
    """A group of controls, or of tabs: exactly one of the two. ``name`` is the header."""

    _readers: ClassVar[Mapping[str, Reader]] = {"controls": read_controls, "tabs": read_list_of(Tab.from_wire)}
    name: str | None = None
    controls: Sequence[AnyControl] | None = field(default=None, kw_only=True)
    tabs: Sequence[Tab] | None = field(default=None, kw_only=True)
    collapsed_by_default: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check(self, str, "name")
        check(self, bool, "collapsed_by_default")
        if self.controls is not None and self.tabs is not None:
            raise InvalidFieldError(self, "tabs", "cannot stand beside controls: give one of the two.")
        if self.tabs is not None:
            set_items(self, "tabs", (Tab,), "Tab values")
        elif self.controls is not None:
            set_items(self, "controls", (NamedControl, Divider, Condition), "controls")
        else:
            raise InvalidFieldError(self, "controls", "and tabs are both missing: give one of the two.")

    def walk(self) -> Iterator[tuple[str, AnyControl]]:
        """Each control with its path in this section (``controls.2``), a condition before what it holds."""
        tabs = [(f"tabs.{index}.controls", tab.controls) for index, tab in enumerate(self.tabs or ())]
        for group, controls in [("controls", self.controls or ()), *tabs]:
            for index, control in enumerate(controls):
                path = f"{group}.{index}"
                yield path, control
                if isinstance(control, Condition):
                    for inner, child in enumerate(control.controls):
                        yield f"{path}.controls.{inner}", child


@strict
@dataclass(frozen=True, slots=True)
class ParameterControls(WireValue):
    """All controls of a bot, for `Settings.parameter_controls`.

    Controls may share a parameter name if they share the default; a condition refers to a parameter that exists here.
    """

    _readers: ClassVar[Mapping[str, Reader]] = {"sections": read_list_of(Section.from_wire)}
    sections: Sequence[Section]
    api_version: str = field(default=API_VERSION, kw_only=True)

    def __post_init__(self) -> None:
        check(self, str, "api_version")
        if self.api_version != API_VERSION:
            raise InvalidFieldError(
                self, "api_version", f"must be {API_VERSION!r}, the only version there is, not {self.api_version!r}."
            )
        set_items(self, "sections", (Section,), "Section values")
        self._check_defaults()
        self._check_conditions()

    @classmethod
    def from_wire(cls, obj: Any, path: str = "") -> Self:
        """As every value's `from_wire`; ``api_version`` must be stated."""
        if read_object(obj, path or cls.__name__).get("api_version") is None:
            raise ConfigurationError(f"{join(path, 'api_version')} is missing; it must be {API_VERSION!r}.")
        return read(cls, obj, path)

    def walk(self) -> Iterator[tuple[str, AnyControl]]:
        """Each control with its path (``sections.0.controls.2``), a condition before what it holds."""
        for index, section in enumerate(self.sections):
            for path, control in section.walk():
                yield f"sections.{index}.{path}", control

    def _check_defaults(self) -> None:
        first: dict[str, Any] = {}
        for path, control in self.walk():
            if isinstance(control, (Divider, Condition)):
                continue
            name, default = control.parameter_name, control.default_value
            other = first.setdefault(name, default)
            # True == 1 in Python, but not in JSON.
            if other != default or isinstance(other, bool) is not isinstance(default, bool):
                reason = f"must be {other!r}, as in the other control named {name!r}, not {default!r}."
                raise InvalidFieldError(self, f"{path}.default_value", reason)

    def _check_conditions(self) -> None:
        names = {control.parameter_name for _, control in self.walk() if isinstance(control, NamedControl)}
        for path, control in self.walk():
            if not isinstance(control, Condition):
                continue
            for side, operand in (("left", control.condition.left), ("right", control.condition.right)):
                if isinstance(operand, ParameterValue) and operand.parameter_name not in names:
                    name = operand.parameter_name
                    reason = f"is {name!r}, and no control has that parameter name.{did_you_mean(name, names)}"
                    raise InvalidFieldError(self, f"{path}.condition.{side}.parameter_name", reason)
