"""The arguments of a function: their JSON schema, and the way from a model's JSON to values the function takes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema

from ..errors import ConfigurationError, ToolError

_MAX_PROBLEMS = 10


class _Schema(GenerateJsonSchema):
    """Without the titles, which tell a model nothing, and silent about defaults that JSON cannot hold."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def generate(self, schema: CoreSchema, mode: Any = "validation") -> dict[str, Any]:
        made = super().generate(schema, mode)
        made.pop("title", None)
        return made


@dataclass(frozen=True, slots=True)
class Arguments:
    """``model`` has fields ``p0``, ``p1``, …, so that no name of a parameter can be wrong for it.

    ``parameters`` maps these to the names of the function's parameters.
    """

    model: type[BaseModel]
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, function: Callable[..., Any], *, typed: bool) -> Arguments:
        """The arguments of this function. With ``typed`` each of them must have a type hint.

        What a `functools.partial` binds by name is not among them. Raises ConfigurationError.
        """
        what = describe(function)
        try:
            hints = get_type_hints(hinted(function), include_extras=True)
            signature = inspect.signature(function)
        except (NameError, TypeError, ValueError) as exc:
            raise ConfigurationError(
                f"{what} has hints that cannot be read ({exc}); a type in a hint must be known in the module."
            ) from None
        bound = function.keywords if isinstance(function, functools.partial) else {}
        fields: dict[str, Any] = {}
        names: dict[str, str] = {}
        extra = False
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                extra = True
            elif parameter.kind in {parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL}:
                if typed or parameter.kind is parameter.POSITIONAL_ONLY:
                    raise ConfigurationError(
                        f"{what} takes {parameter} by position, and a model names its arguments; make it a parameter "
                        "with a name (and a decorator around it use functools.wraps)."
                    )
            elif parameter.name not in bound:
                if typed and parameter.name not in hints:
                    raise ConfigurationError(f"{what}: the parameter {parameter.name!r} needs a type hint.")
                default = ... if parameter.default is parameter.empty else parameter.default
                name = f"p{len(names)}"
                names[name] = parameter.name
                fields[name] = (_described(hints.get(parameter.name, Any)), default)
        config = ConfigDict(extra="allow" if extra else "forbid", alias_generator=names.__getitem__)
        try:
            return cls(create_model("Arguments", __config__=config, **fields), names)
        except (PydanticUserError, TypeError) as exc:
            raise _unusable(what, exc) from None

    def schema(self, what: str, descriptions: Mapping[str, str]) -> dict[str, Any]:
        """The JSON schema; ``descriptions`` stand where the hints have none. Raises ConfigurationError."""
        try:
            schema = self.model.model_json_schema(schema_generator=_Schema)
        except (PydanticUserError, TypeError) as exc:
            raise _unusable(what, exc) from None
        properties = schema.setdefault("properties", {})
        for name, text in descriptions.items():
            if name in properties:
                properties[name].setdefault("description", text)
        return schema

    def read(self, text: str) -> dict[str, Any]:
        """Keyword arguments from a model's JSON; an empty text is none. Raises ToolError that tells what is wrong."""
        text = text.strip()
        try:
            values = self.model.model_validate_json("{}" if text in {"", "null"} else text)
        except ValidationError as exc:
            raise ToolError(_problems(exc)) from None
        return {**(values.model_extra or {}), **{name: getattr(values, p) for p, name in self.parameters.items()}}


def hinted(function: Callable[..., Any]) -> Any:
    """What holds the hints, the docstring and the code of a callable."""
    while isinstance(function, functools.partial):
        function = function.func
    return function if inspect.isroutine(function) or inspect.isclass(function) else type(function).__call__


def name_of(function: Callable[..., Any]) -> str:
    """The name a callable was given, or ``""``: a lambda and an object that can be called have none."""
    name: str = getattr(hinted(function), "__name__", "")
    return name if name.isidentifier() and name != "__call__" else ""


def describe(function: Callable[..., Any]) -> str:
    """The callable in a message."""
    return f"The tool {name_of(function) or repr(function)}"


def _described(hint: Any) -> Any:
    """``Annotated[str, "The city."]`` as a hint with a description."""
    if get_origin(hint) is not Annotated:
        return hint
    base, *metadata = get_args(hint)
    return Annotated[(base, *(Field(description=each) if isinstance(each, str) else each for each in metadata))]


def _unusable(what: str, exc: Exception) -> ConfigurationError:
    reason = str(exc).partition("\n")[0]
    return ConfigurationError(f"{what} cannot be described to a model: {reason}")


def _problems(exc: ValidationError) -> str:
    problems = []
    for each in exc.errors(include_url=False, include_context=False, include_input=False)[:_MAX_PROBLEMS]:
        where = ".".join(map(str, each["loc"]))
        problems.append(f"{where}: {each['msg']}" if where else each["msg"])
    return f"the arguments do not fit ({'; '.join(problems)}). Call again with a JSON object that fits the schema."
