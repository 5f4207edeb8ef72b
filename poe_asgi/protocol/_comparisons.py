"""What a condition among parameter controls compares (reference: parameter controls)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from ..errors import ConfigurationError
from ._fields import InvalidFieldError, Number, Reader, WireValue, check, is_a, read, read_object
from ._strict import strict

Comparator: TypeAlias = Literal["eq", "ne", "gt", "ge", "lt", "le"]


@strict
@dataclass(frozen=True, slots=True)
class ParameterValue(WireValue):
    """An operand: the present value of the control with that parameter name."""

    parameter_name: str

    def __post_init__(self) -> None:
        check(self, str, "parameter_name")


@strict
@dataclass(frozen=True, slots=True)
class LiteralValue(WireValue):
    """An operand: a fixed value. True is not 1."""

    literal: str | Number | bool

    def __post_init__(self) -> None:
        if not any(is_a(self.literal, kind) for kind in (str, bool, float)):
            raise InvalidFieldError(
                self, "literal", f"must be a string, a finite number, or true or false, not {short(self.literal)}."
            )


def _read_operand(obj: Any, path: str) -> ParameterValue | LiteralValue:
    keys = [key for key, value in read_object(obj, path).items() if value is not None]
    if keys == ["parameter_name"]:
        return read(ParameterValue, obj, path)
    if keys == ["literal"]:
        return read(LiteralValue, obj, path)
    raise ConfigurationError(f"{path} must have exactly one key, 'parameter_name' or 'literal', not {keys}.")


@strict
@dataclass(frozen=True, slots=True)
class Comparison(WireValue):
    """``left`` compared with ``right``. The older ``equals`` is understood and sent as ``eq``."""

    _readers: ClassVar[Mapping[str, Reader]] = {"left": _read_operand, "right": _read_operand}
    comparator: Comparator | Literal["equals"]
    left: ParameterValue | LiteralValue
    right: ParameterValue | LiteralValue

    def __post_init__(self) -> None:
        if self.comparator == "equals":
            object.__setattr__(self, "comparator", "eq")
        if self.comparator not in get_args(Comparator):
            allowed = ", ".join(get_args(Comparator))
            raise InvalidFieldError(self, "comparator", f"must be one of {allowed}, not {short(self.comparator)}.")
        for name, operand in (("left", self.left), ("right", self.right)):
            if not isinstance(operand, (ParameterValue, LiteralValue)):
                raise InvalidFieldError(
                    self, name, f"must be ParameterValue(...) or LiteralValue(...), not {short(operand)}."
                )
