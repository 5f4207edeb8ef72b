"""The slider for a number field of an options model, from its bounds and its default."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ..errors import ConfigurationError
from ._controls import Slider, exact
from ._fields import Number, is_a


def slider(kind: type[int | float], metadata: Sequence[object], default: Any, **texts: Any) -> Slider:
    """A slider for a field of type ``kind``; ``metadata`` is where pydantic keeps the field's bounds."""
    bounds = {name: _found(name, metadata) for name in ("ge", "gt", "le", "lt", "multiple_of")}
    low, high = _whole_range(bounds) if kind is int else _range(bounds)
    if kind is int or bounds["multiple_of"]:
        step = max(bounds["multiple_of"], default=Fraction(1))
        # A slider counts from its lower end, a multiple from zero.
        low, high = math.ceil(low / step) * step, math.floor(high / step) * step
    else:
        step = _round_step(low, high, default)
    return Slider(**texts, default_value=default, min_value=_number(low), max_value=_number(high), step=_number(step))


def _found(name: str, metadata: Sequence[object]) -> list[Fraction]:
    values: list[Any] = [getattr(item, name, None) for item in metadata]
    return [exact(value) for value in values if is_a(value, float)]


def _whole_range(bounds: dict[str, list[Fraction]]) -> tuple[Fraction, Fraction]:
    lows = [*bounds["ge"], *(bound + 1 for bound in bounds["gt"])]
    highs = [*bounds["le"], *(bound - 1 for bound in bounds["lt"])]
    if not (lows and highs):
        raise ConfigurationError("a slider needs both bounds of an int: write Field(ge=..., le=...).")
    return max(lows), min(highs)


def _range(bounds: dict[str, list[Fraction]]) -> tuple[Fraction, Fraction]:
    if bounds["gt"] or bounds["lt"]:
        raise ConfigurationError("a slider includes its ends: write ge= and le= for the gt= and lt= of a float.")
    if not (bounds["ge"] and bounds["le"]):
        raise ConfigurationError("a slider needs both bounds of a float: write Field(ge=..., le=...).")
    return max(bounds["ge"]), min(bounds["le"])


def _round_step(low: Fraction, high: Fraction, default: Any) -> Fraction:
    """The largest step of the form 1, 2 or 5 times a power of ten that makes 100 to 10,000 steps and meets default."""
    span = high - low
    if span <= 0:
        return Fraction(1)  # Slider refuses the range
    points = [high]
    if is_a(default, float) and low <= exact(default) <= high:
        points.append(exact(default))
    power = math.floor(math.log10(span))
    for candidate in (Fraction(10) ** n * digit for n in range(power - 1, power - 6, -1) for digit in (5, 2, 1)):
        if 100 <= span / candidate <= 10_000 and all((point - low) % candidate == 0 for point in points):
            return candidate
    raise ConfigurationError("no round step meets the bounds and the default: give the step as multiple_of=.")


def _number(value: Fraction) -> Number:
    return int(value) if value.denominator == 1 else float(value)
