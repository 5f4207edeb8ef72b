"""Reading objects of which nothing is certain: what is missing or of another type counts as not there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""


def number(raw: Mapping[str, Any], name: str) -> int | None:
    value = raw.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def strings(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = raw.get(name)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def objects(raw: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    value = raw.get(name)
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def within(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def decimal(value: Any) -> Decimal | None:
    """A decimal number that came as a string, or as a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        read = Decimal(str(value))
    except InvalidOperation:
        return None
    return read if read.is_finite() else None


def moment(value: Any) -> datetime | None:
    """A time since the epoch in UTC. Poe counts in seconds, milliseconds or microseconds; the size tells which."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e17:
        return None
    unit = 1_000_000 if value < 1e11 else 1_000 if value < 1e14 else 1
    return _EPOCH + timedelta(microseconds=int(value * unit))
