"""The fields of an options model: type, markers, parameter name, and the values of a choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from reprlib import repr as short
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic.errors import PydanticUndefinedAnnotation
from pydantic.fields import FieldInfo

from ..errors import ConfigurationError
from ._markers import Marker

K = TypeVar("K", bound=Marker)


@dataclass(frozen=True, slots=True)
class OptionField:
    """A field of a model: ``kind`` is its type without Annotated and None, ``choices`` its values by their text."""

    field_name: str
    name: str
    kind: Any
    metadata: tuple[Any, ...]
    choices: Mapping[str, Any]
    info: FieldInfo

    def marker(self, kind: type[K]) -> K | None:
        return next((item for item in self.metadata if isinstance(item, kind)), None)


def option_fields(model: type[BaseModel]) -> dict[str, OptionField]:
    """The fields of the model, by field name."""
    given: object = model
    if not (isinstance(given, type) and issubclass(given, BaseModel)) or issubclass(given, RootModel):
        raise ConfigurationError(f"parameters must be a class of kind pydantic.BaseModel, not {short(given)}.")
    try:
        model.model_rebuild()
    except PydanticUndefinedAnnotation as error:
        raise ConfigurationError(f"{model.__name__} uses {error.name!r}, which is not defined.") from None
    if not model.model_fields:
        raise ConfigurationError(f"{model.__name__} has no fields; a model of parameters needs at least one.")
    found: dict[str, OptionField] = {}
    for name, info in model.model_fields.items():
        with naming(model, name):
            kind, metadata = _unwrap(info.annotation, tuple(info.metadata))
            _check_markers(metadata)
            found[name] = OptionField(name, _wire_name(name, info), kind, metadata, _choices(kind), info)
    return found


@contextmanager
def naming(model: type[BaseModel], field_name: str) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{model.__name__}.{field_name}: {error}") from None


def _unwrap(kind: Any, metadata: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The type inside Annotated, ``| None`` and type aliases, and the metadata met on the way."""
    kind = getattr(kind, "__value__", kind)
    if get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        flat = [part for item in more for part in (item.metadata if isinstance(item, FieldInfo) else [item])]
        return _unwrap(inner, (*flat, *metadata))
    if get_origin(kind) in {Union, UnionType}:
        rest = [part for part in get_args(kind) if part is not NoneType]
        if len(rest) == 1:
            return _unwrap(rest[0], metadata)
    return kind, metadata


def _check_markers(metadata: tuple[Any, ...]) -> None:
    seen: set[type] = set()
    for item in metadata:
        if isinstance(item, type) and issubclass(item, Marker):
            raise ConfigurationError(f"write {item.__name__}(...), with parentheses.")
        if isinstance(item, Marker):
            if type(item) in seen:
                raise ConfigurationError(f"{type(item).__name__} is given twice.")
            seen.add(type(item))


def _wire_name(field_name: str, info: FieldInfo) -> str:
    alias = info.validation_alias or info.alias or field_name
    if not isinstance(alias, str):
        raise ConfigurationError("its alias is the parameter's name and must be one string.")
    return alias


def _choices(kind: Any) -> dict[str, Any]:
    """The members of a Literal or an Enum by the text that stands for them on the wire; empty for other types."""
    if get_origin(kind) is Literal:
        members = [member for member in get_args(kind) if member is not None]
    elif isinstance(kind, type) and issubclass(kind, Enum):
        members = list(kind)
    else:
        return {}
    choices = {text_of(member): member for member in members}
    if len(choices) < len(members):
        raise ConfigurationError("two of its values are the same as strings, and a drop-down sends strings.")
    return choices


def text_of(member: Any) -> str:
    value = member.value if isinstance(member, Enum) else member
    if not isinstance(value, (str, int, float)):
        raise ConfigurationError(f"a drop-down sends strings and numbers, and {short(value)} is neither.")
    return str(value)
