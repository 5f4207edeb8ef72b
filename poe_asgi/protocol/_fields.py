"""What settings and parameter controls share: checked when built, written to and read from plain JSON values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from reprlib import repr as short
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

from ..errors import ConfigurationError, did_you_mean

Number: TypeAlias = int | float
Reader: TypeAlias = Callable[[Any, str], Any]
V = TypeVar("V", bound="WireValue")

_KINDS = {str: "a string", bool: "true or false", int: "a whole number", float: "a finite number"}


class InvalidFieldError(ConfigurationError):
    """A field holds what may not stand there.

    ``field`` is its name or a dotted path from the object, ``reason`` what follows that name in a sentence; so the
    same error can be told of a value in Python and of a place in a JSON document.
    """

    def __init__(self, owner: object, field: str, reason: str) -> None:
        name = getattr(owner, "parameter_name", None) or getattr(owner, "name", None)
        title = type(owner).__name__ if name is None else f"{type(owner).__name__} {short(name)}"
        super().__init__(f"{title}: {field} {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class WireValue:
    """A value whose fields carry the wire's names; a field that is None is not set and not sent.

    A class with a ``control`` is tagged with it on the wire. ``_readers`` read the fields that are not plain values.
    """

    _readers: ClassVar[Mapping[str, Reader]] = {}

    def to_wire(self) -> dict[str, Any]:
        """New plain JSON values, for `json.dumps`."""
        tag = _tag(type(self))
        wire: dict[str, Any] = {"control": tag} if tag else {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                wire[field.name] = plain(value)
        return wire

    @classmethod
    def from_wire(cls, obj: Any, path: str = "") -> Self:
        """Read what `to_wire` writes, as strictly as Poe does; a null counts as not set.

        Raises ConfigurationError that names the place below ``path``, as in ``sections.0.controls.2.min_value``.
        """
        return read(cls, obj, path)


def read(cls: type[V], obj: Any, path: str) -> V:
    """Build ``cls`` from the JSON object ``obj``: no unknown key, no missing key, every rule of the class."""
    given = dict(read_object(obj, path or cls.__name__))
    tag = _tag(cls)
    if tag and given.pop("control", None) != tag:
        raise ConfigurationError(f"{join(path, 'control')} must be {tag!r}.")
    known = {field.name: field.default is MISSING and field.default_factory is MISSING for field in fields(cls)}
    for key in given:
        if key not in known:
            raise ConfigurationError(f"{join(path, shown(key))} is not a known key.{did_you_mean(str(key), known)}")
    for key, required in known.items():
        if required and given.get(key) is None:
            raise ConfigurationError(f"{join(path, key)} is missing.")
    values = {
        key: cls._readers[key](value, join(path, key)) if key in cls._readers else value
        for key, value in given.items()
        if value is not None
    }
    try:
        return cls(**values)
    except InvalidFieldError as error:
        raise ConfigurationError(f"{join(path, error.field)} {error.reason}") from None


def _tag(cls: type[WireValue]) -> str | None:
    return getattr(cls, "control", None)


def read_object(obj: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(obj, Mapping):
        raise ConfigurationError(f"{path} must be an object, not {short(obj)}.")
    return obj


def read_list_of(reader: Reader) -> Reader:
    """A reader of JSON arrays whose items ``reader`` reads."""

    def read_list(obj: Any, path: str) -> list[Any]:
        if not isinstance(obj, list):
            raise ConfigurationError(f"{path} must be an array, not {short(obj)}.")
        return [reader(item, join(path, index)) for index, item in enumerate(obj)]

    return read_list


def join(path: str, name: str | int) -> str:
    """``name`` below ``path``; the root is ``""``."""
    return f"{path}.{name}" if path else f"{name}"


def shown(key: Any) -> str:
    """A key that anybody may have written, as a part of a path in one line."""
    return key if isinstance(key, str) and len(key) <= 80 and key.isprintable() else short(key)


def plain(value: Any) -> Any:
    """A copy made of dicts and lists."""
    if isinstance(value, WireValue):
        return value.to_wire()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def is_a(value: Any, kind: type) -> bool:
    """`isinstance` as JSON sees it: a bool is no number, ``float`` is any finite number."""
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is float:
        return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return isinstance(value, kind)


def check(owner: WireValue, kind: type, *names: str) -> None:
    """Refuse a field among ``names`` that is not of ``kind``; None is fine where it is the field's default."""
    optional = {field.name for field in fields(owner) if field.default is None}
    for name in names:
        value = getattr(owner, name)
        if not (is_a(value, kind) or (value is None and name in optional)):
            raise InvalidFieldError(owner, name, f"must be {_KINDS[kind]}, not {short(value)}.")


def set_items(owner: WireValue, name: str, kinds: tuple[type, ...], expected: str) -> None:
    """Store the list or tuple in the field ``name`` as a tuple; it must not be empty and hold only ``kinds``."""
    value = getattr(owner, name)
    if not isinstance(value, (list, tuple)):
        raise InvalidFieldError(owner, name, f"must be a list of {expected}, not {short(value)}.")
    if not value:
        raise InvalidFieldError(owner, name, f"must not be empty: give a list of {expected}.")
    for index, item in enumerate(value):
        if not isinstance(item, kinds):
            raise InvalidFieldError(owner, f"{name}.{index}", f"is {short(item)}; only {expected} may stand there.")
    object.__setattr__(owner, name, tuple(value))
