"""Markers for `Annotated` that say how a field of an options model is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from reprlib import repr as short
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

from pydantic import AfterValidator

from ..errors import ConfigurationError
from ._comparisons import Comparator
from ._controls import Ratio
from ._strict import strict

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class Marker:
    """The root of all markers."""

    __slots__ = ()


@strict
@dataclass(frozen=True, slots=True)
class Multiline(Marker):
    """A `str` field is shown as a text area."""


@strict
@dataclass(frozen=True, slots=True)
class Placeholder(Marker):
    """What an empty text field or text area shows."""

    text: str


@dataclass(frozen=True, slots=True, init=False)
class Ratios(Marker):
    """A `str` field is shown as a choice of aspect ratios, and no other value is valid: ``Ratios("16:9", "1:1")``."""

    options: tuple[Ratio, ...]

    def __init__(self, *options: Ratio | str) -> None:
        ratios = tuple(Ratio.parse(option) if isinstance(option, str) else option for option in options)
        object.__setattr__(self, "options", ratios)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return AfterValidator(self._one_of_the_options).__get_pydantic_core_schema__(source, handler)

    def _one_of_the_options(self, value: str | None) -> str | None:
        choices = [ratio.choice for ratio in self.options]
        if value is not None and value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value


@strict
@dataclass(frozen=True, slots=True)
class Labels(Marker):
    """What the user reads instead of the values of a drop-down: ``Labels({"hd": "High definition"})``."""

    names: Mapping[Any, str] = field(hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.names, Mapping):
            raise ConfigurationError(f"Labels: give a dict of values and what is shown, not {short(self.names)}.")
        object.__setattr__(self, "names", MappingProxyType(dict(self.names)))


@strict
@dataclass(frozen=True, slots=True)
class InSection(Marker):
    """The field stands in the section of that name; ``collapsed`` may be said on any one of its fields."""

    name: str
    collapsed: bool | None = field(default=None, kw_only=True)


# Compared by identity: typing hands out the same Annotated for equal markers, and 1 == True.
@strict
@dataclass(frozen=True, slots=True, eq=False)
class OnlyIf(Marker):
    """The field is shown only while another field of the model compares so: ``OnlyIf("mode", "eq", "expert")``."""

    field: str
    comparator: Comparator
    value: Any

    def __post_init__(self) -> None:
        if self.comparator not in get_args(Comparator):
            allowed = ", ".join(get_args(Comparator))
            raise ConfigurationError(f"OnlyIf: the comparator must be one of {allowed}, not {short(self.comparator)}.")
