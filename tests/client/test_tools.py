"""Tools from functions and from definitions: what the model is told, and what a call of it does."""

from __future__ import annotations

import contextvars
import functools
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from poe_asgi.client import Tool, Toolbox
from poe_asgi.errors import ConfigurationError, ToolError
from poe_asgi.protocol import wire_name


class Place(BaseModel):
    """A place on a map."""

    title: str
    height: int = 0


@dataclass
class Weather:
    degrees: float
    day: date


class Unit(Enum):
    CELSIUS = "celsius"


def parameters_of(function: Callable[..., Any]) -> Any:
    return Tool.of(function).definition["function"]["parameters"]


def get_weather(city: str, unit: Literal["c", "f"] = "c") -> str:
    """Gives the weather."""
    return f"{city} 21 {unit}"


def test_a_typed_function_is_a_definition() -> None:
    assert Tool.of(get_weather).to_wire() == {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Gives the weather.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
                },
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }


def test_a_function_without_parameters_or_docstring_still_has_all_members() -> None:
    def ping() -> None: ...

    assert Tool.of(ping).definition["function"] == {
        "name": "ping",
        "description": "",
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    }


def test_descriptions_come_from_annotations_and_then_from_the_docstring() -> None:
    def search(
        query: Annotated[str, Field(description="What to look for.", min_length=2)],
        place: Annotated[str, "Where."],
        limit: int = Field(5, description="How many.", le=10),
        since: date | None = None,
        until: date | None = None,
        query_not_there: str = "",
    ) -> None:
        """Searches.

        Slowly.

        Args:
            query: not this one
            since (date): Not before
                this day.
            *until: Not after: this day.
            nobody: knows it

        Returns:
            Places.
        """

    definition = Tool.of(search).definition["function"]
    assert definition["description"] == "Searches.\n\nSlowly.\n\n    nobody: knows it\n\nReturns:\n    Places."
    properties = definition["parameters"]["properties"]
    assert {name: each.get("description") for name, each in properties.items()} == {
        "query": "What to look for.",
        "place": "Where.",
        "limit": "How many.",
        "since": "Not before this day.",
        "until": "Not after: this day.",
        "query_not_there": None,
    }
    assert (properties["query"]["minLength"], properties["limit"]["maximum"]) == (2, 10)


def test_param_lines_describe_parameters_too() -> None:
    def search(query: str, limit: int) -> None:
        """Searches.

        :param query: What to
            look for.
        :param int limit: How many.
        :returns: Places.
        """

    definition = Tool.of(search).definition["function"]
    assert definition["description"] == "Searches.\n\n:returns: Places."
    described = {name: each["description"] for name, each in definition["parameters"]["properties"].items()}
    assert described == {"query": "What to look for.", "limit": "How many."}


def test_the_name_and_the_description_can_be_given() -> None:
    tool = Tool.of(lambda: "x", name="constant", description="Always x.")
    assert (tool.name, tool.definition["function"]["description"]) == ("constant", "Always x.")


def test_models_are_referenced_and_titles_are_left_out() -> None:
    def go(place: Place, title: str, via: list[Place] | None = None) -> None: ...

    schema = parameters_of(go)
    assert set(schema["$defs"]) == {"Place"}
    assert schema["properties"]["place"] == {"$ref": "#/$defs/Place"}
    assert schema["properties"]["title"] == {"type": "string"}
    assert set(schema["$defs"]["Place"]["properties"]) == {"title", "height"}
    assert "title" not in schema


@pytest.mark.asyncio
async def test_no_name_of_a_parameter_is_wrong() -> None:
    def odd(_private: int, model_config: int, schema: int, self: int, p0: int = 4) -> list[int]:
        return [_private, model_config, schema, self, p0]

    assert list(parameters_of(odd)["properties"]) == ["_private", "model_config", "schema", "self", "p0"]
    assert await Tool.of(odd).run('{"_private": 1, "model_config": 2, "schema": 3, "self": 0}') == "[1, 2, 3, 0, 4]"


@pytest.mark.asyncio
async def test_a_default_that_json_cannot_hold_is_left_out_and_used() -> None:
    nothing = object()

    def f(x: Any = nothing) -> bool:
        return x is nothing

    assert parameters_of(f)["properties"] == {"x": {}}
    assert await Tool.of(f).run("") == "true"


@pytest.mark.asyncio
async def test_arguments_become_the_types_of_the_hints() -> None:
    async def f(day: date, place: Place, unit: Unit, *, n: int = Field(7)) -> str:
        assert isinstance(place, Place)
        return f"{day:%A} {place.height} {unit.name} {n}"

    text = '{"day": "2025-01-06", "place": {"title": "", "height": "3"}, "unit": "celsius"}'
    assert await Tool.of(f).run(text) == "Monday 3 CELSIUS 7"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("{", "Invalid JSON"),
        ("[]", "object"),
        ("7", "object"),
        ("", "city: Field required"),
        ("null", "city: Field required"),
        ('{"unit": "k"}', "city: Field required; unit: Input should be 'c' or 'f'"),
        ('{"city": {"name": "Oslo"}}', "city: Input should be a valid string"),
        ('{"city": "Oslo", "p0": 1}', "p0: Extra inputs"),
        ('{"city": "\\ud800"}', "Invalid JSON"),
        ("[" * 100_000, "Invalid JSON"),
    ],
)
@pytest.mark.asyncio
async def test_arguments_that_do_not_fit_are_told(arguments: str, told: str) -> None:
    with pytest.raises(ToolError) as raised:
        await Tool.of(get_weather).run(arguments)
    assert told in str(raised.value)
    assert "http" not in str(raised.value)  # no link to a page on the error
    assert raised.value.__cause__ is None


@pytest.mark.asyncio
async def test_an_error_inside_the_function_is_not_taken_for_wrong_arguments() -> None:
    def f(x: int) -> None:
        Place.model_validate({})

    with pytest.raises(ValueError, match="title"):
        await Tool.of(f).run('{"x": 1}')


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("as it is, \ud800 too", "as it is, \ud800 too"),
        (None, "null"),
        ({"ä": [1, 2.5, True]}, '{"ä": [1, 2.5, true]}'),
        (Place(title="K2", height=8611), '{"title": "K2", "height": 8611}'),
        ([Weather(21.5, date(2025, 1, 6))], '[{"degrees": 21.5, "day": "2025-01-06"}]'),
        (date(2025, 1, 6), "2025-01-06"),
        (Unit.CELSIUS, "celsius"),
        ({"x": float("nan"), "y": float("inf")}, '{"x": null, "y": null}'),
        ({"s": "\ud800"}, '{"s": "\ud800"}'),
    ],
)
@pytest.mark.asyncio
async def test_results_are_text_or_json(value: Any, content: str) -> None:
    async def f() -> Any:
        return value

    assert await Tool.of(f).run("{}") == content


@pytest.mark.asyncio
async def test_a_plain_function_runs_in_a_thread_with_the_context_of_the_call() -> None:
    here: contextvars.ContextVar[str] = contextvars.ContextVar("here")
    here.set("of the handler")

    def f() -> list[Any]:
        return [here.get(), threading.current_thread() is threading.main_thread()]

    assert json.loads(await Tool.of(f).run("")) == ["of the handler", False]


@pytest.mark.asyncio
async def test_every_kind_of_callable_will_do() -> None:
    class Service:
        def bound(self, x: int) -> int:
            return x + 1

        async def __call__(self, x: int) -> int:
            """Adds two."""
            return x + 2

    async def three(index: dict[str, int], x: int) -> int:
        """Looks up."""
        return index["plus"] + x

    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    partial = Tool.of(functools.partial(three, index={"plus": 3}))
    assert (partial.name, partial.definition["function"]["description"]) == ("three", "Looks up.")
    assert list(partial.definition["function"]["parameters"]["properties"]) == ["x"]
    called = Tool.of(Service(), name="service")
    assert called.definition["function"]["description"] == "Adds two."
    tools = [
        Tool.of(Service().bound),
        called,
        partial,
        Tool.of(functools.partial(logged(three), {"plus": 4})),
    ]
    assert [await tool.run('{"x": 10}') for tool in tools] == ["11", "12", "13", "14"]


def untyped(city) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001


def by_position(city: str, /) -> None: ...


def many(*cities: str) -> None: ...


def no_schema(callback: Callable[[], None]) -> None: ...


def no_type(lock: threading.Lock) -> None: ...


def unknown_type(city: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def yields() -> Iterator[str]:
    yield ""


async def yields_too() -> AsyncIterator[str]:
    yield ""


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (untyped, "'city' needs a type hint"),
        (by_position, "by position"),
        (many, r"\*cities"),
        (no_schema, "no_schema cannot be described"),
        (no_type, "no_type cannot be described"),
        (unknown_type, "Nowhere"),
        (yields, "returns its result"),
        (yields_too, "returns its result"),
        (lambda: None, "name="),
        (Place, "function or a Tool"),
        ("get_weather", "function or a Tool"),
        ({"type": "function"}, "function or a Tool"),
    ],
)
def test_a_function_that_a_model_could_not_call_is_refused(function: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Tool.of(function)
    with pytest.raises(ConfigurationError, match=named):
        Toolbox([function])


RAW = {
    "type": "function",
    "function": {
        "name": "look-up now",
        "strict": True,
        "parameters": {"$defs": {"X": {}}, "properties": {"x": {"$ref": "#/$defs/X"}}, "additionalProperties": False},
    },
    "cache_control": {"type": "ephemeral"},
}


def test_a_definition_is_sent_as_it_is_but_for_a_name_that_providers_refuse() -> None:
    sent = Tool(RAW).to_wire()
    assert sent["function"].pop("name") == "look_up_now"
    expected = json.loads(json.dumps(RAW))
    del expected["function"]["name"]
    assert sent == expected
    assert Tool(RAW).name == "look-up now"


@pytest.mark.asyncio
async def test_a_function_of_a_definition_takes_what_it_declares_or_everything() -> None:
    def loose(x, **rest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003
        return [x, rest]

    async def typed(x: int) -> int:
        return x

    assert await Tool(RAW, loose).run('{"x": {"y": 1}, "z": 2}') == '[{"y": 1}, {"z": 2}]'
    with pytest.raises(ToolError, match="x: Input should be a valid integer"):
        await Tool(RAW, typed).run('{"x": "one"}')
    with pytest.raises(ConfigurationError, match="no function to run"):
        await Tool(RAW).run("{}")


@pytest.mark.parametrize(
    "definition",
    [
        {},
        [],
        {"name": "f", "parameters": {}},
        {"function": {"name": ""}},
        {"function": {"name": 7}},
        {"function": {"name": "f", "parameters": {"x": object()}}},
    ],
)
def test_a_definition_that_cannot_be_sent_is_refused(definition: Any) -> None:
    with pytest.raises(ConfigurationError):
        Tool(definition)


def test_two_tools_of_one_name_are_refused_and_so_is_a_function_without_a_list() -> None:
    with pytest.raises(ConfigurationError, match="Two tools are called 'get_weather'"):
        Toolbox([get_weather, Tool({"function": {"name": "get-weather"}})])
    with pytest.raises(ConfigurationError, match=r"tools=\[get_weather\]"):
        Toolbox(get_weather)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "wire"), [("f", "f"), ("a.b-c d", "a_b_c_d"), ("größe", "gr__e"), ("", "_"), ("x" * 99, "x" * 64)]
)
def test_names_on_the_wire_are_such_as_every_provider_accepts(name: str, wire: str) -> None:
    assert wire_name(name) == wire_name(wire) == wire
