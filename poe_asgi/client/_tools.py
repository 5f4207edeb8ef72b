"""`Tool`: something a model may call, with or without a function to run for it."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias

from pydantic_core import to_jsonable_python

from ..errors import ConfigurationError
from ..protocol import wire_name
from ._docstrings import parse_docstring
from ._tool_arguments import Arguments, describe, hinted, name_of

_FORM = '{"type": "function", "function": {"name": …, "description": …, "parameters": {…}}}'


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool from its JSON definition: ``Tool({"type": "function", "function": {"name": …}}, run)``.

    The definition is sent as it is, only the name is cleaned where a provider would refuse it. ``function`` is called
    with the model's arguments by name, checked against its type hints where it has any; without a function the calls
    are the caller's affair. `Tool.of` makes the definition from a function. Raises ConfigurationError.
    """

    definition: Mapping[str, Any] = field(hash=False)
    function: Callable[..., Any] | None = None
    _: KW_ONLY
    _arguments: Arguments | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        inner = self.definition.get("function") if isinstance(self.definition, Mapping) else None
        name = inner.get("name") if isinstance(inner, Mapping) else None
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f"A tool is defined by {_FORM}, or by a function: Tool.of(function).")
        try:
            json.dumps(self.definition)
        except (TypeError, ValueError) as exc:
            raise ConfigurationError(f"The definition of the tool {name!r} is not JSON: {exc}.") from None
        if self.function is not None and self._arguments is None:
            object.__setattr__(self, "_arguments", _arguments(self.function, typed=False))

    @classmethod
    def of(cls, function: Callable[..., Any], *, name: str | None = None, description: str | None = None) -> Tool:
        """A tool from a typed function.

        The schema of its parameters comes from the type hints and defaults, their descriptions from
        ``Annotated[str, Field(description=…)]`` or the docstring (an ``Args:`` section, or ``:param city:`` lines).
        The rest of the docstring describes the tool. Raises ConfigurationError when a model could not call it.
        """
        arguments = _arguments(function, typed=True)
        called = name or name_of(function)
        if not called:
            raise ConfigurationError(f"{describe(function)} has no name to call it by: Tool.of(…, name=…).")
        said, parameters = parse_docstring(inspect.getdoc(hinted(function)) or "", arguments.parameters.values())
        inner = {
            "name": called,
            "description": said if description is None else description,
            "parameters": arguments.schema(describe(function), parameters),
        }
        return cls({"type": "function", "function": inner}, function, _arguments=arguments)

    @property
    def name(self) -> str:
        """The name in the definition."""
        name: str = self.definition["function"]["name"]
        return name

    def to_wire(self) -> dict[str, Any]:
        """The definition as it is sent."""
        function = {**self.definition["function"], "name": wire_name(self.name)}
        return {"type": "function", **self.definition, "function": function}

    async def run(self, arguments: str) -> str:
        """Call the function with a model's JSON, and give its result as the model gets it: text, or JSON.

        A plain function runs in a thread of its own, and to its end even where nobody waits for it any more. Raises
        ToolError for arguments that do not fit, and whatever the function raises.
        """
        if self.function is None or self._arguments is None:
            raise ConfigurationError(f"The tool {self.name!r} has no function to run: Tool(definition, function).")
        values = self._arguments.read(arguments)
        if inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(hinted(self.function)):
            result = await self.function(**values)
        else:
            result = await asyncio.to_thread(_call, self.function, values)
            if inspect.isawaitable(result):
                result = await result
        return _encoded(result)


AnyTool: TypeAlias = Tool | Callable[..., Any]


def _arguments(function: Callable[..., Any], *, typed: bool) -> Arguments:
    if not callable(function) or inspect.isclass(function):
        raise ConfigurationError(f"A tool is a function or a Tool, not {function!r}.")
    if inspect.isgeneratorfunction(hinted(function)) or inspect.isasyncgenfunction(hinted(function)):
        raise ConfigurationError(f"{describe(function)} yields; a tool returns its result.")
    return Arguments.of(function, typed=typed)


def _call(function: Callable[..., Any], values: dict[str, Any]) -> Any:
    try:
        return function(**values)
    except StopIteration as exc:  # a future cannot hold it: the caller would wait for ever
        raise RuntimeError("StopIteration") from exc


def _encoded(value: Any) -> str:
    plain = to_jsonable_python(value, inf_nan_mode="null")
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
