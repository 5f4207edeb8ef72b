"""`parse`: an answer as a value, whatever the model makes of the schema."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from poe_asgi import ConfigurationError, UpstreamError, assistant, system, user
from poe_asgi.chat import Messages, ParsedResult
from poe_asgi.errors import ForbiddenError, StructuredOutputError
from poe_asgi.local import Call, HttpAnswer, Script, Thought, ToolCall, http_error
from poe_asgi.testing import ScriptedModel


class Recipe(BaseModel):
    name: str
    minutes: int


GOOD = '{"name": "Banana smoothie", "minutes": 5}'
RECIPE = Recipe(name="Banana smoothie", minutes=5)


def roles(call: Call) -> list[str]:
    return [message["role"] for message in call.body["messages"]]


@pytest.mark.asyncio
async def test_an_answer_becomes_a_value() -> None:
    model = ScriptedModel(Script(Thought("Easy."), GOOD, usage={"prompt_tokens": 9, "completion_tokens": 7}))
    result = await model.parse("A banana smoothie, please.", Recipe)
    assert isinstance(result, ParsedResult)
    assert result.parsed == RECIPE
    assert (result.text, result.thoughts, result.model) == (GOOD, "Easy.", "scripted")
    assert (result.usage.input_tokens, result.usage.output_tokens) == (9, 7)


@pytest.mark.asyncio
async def test_the_schema_goes_in_the_prompt_and_as_response_format() -> None:
    model = ScriptedModel(GOOD)
    await model.parse("A banana smoothie, please.", Recipe)
    [call] = model.calls
    assert call.body["response_format"]["json_schema"]["schema"]["properties"].keys() == {"name", "minutes"}
    assert roles(call) == ["system", "user"]
    assert '"minutes"' in call.body["messages"][0]["content"]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([system("Be terse."), user("Hi")], ["system", "system", "user"]),
        ([{"role": "developer", "content": "Be terse."}, user("Hi")], ["developer", "system", "user"]),
        (user("Hi"), ["system", "user"]),
        ({"role": "user", "content": "Hi"}, ["system", "user"]),
        (
            [user("Hi"), assistant("Hello"), system("Later."), user("Go on")],
            ["system", "user", "assistant", "system", "user"],
        ),
    ],
)
@pytest.mark.asyncio
async def test_the_schema_comes_after_the_system_messages_at_the_start(messages: Messages, expected: list[str]) -> None:
    model = ScriptedModel(GOOD)
    await model.parse(messages, Recipe)
    assert roles(model.calls[0]) == expected


@pytest.mark.asyncio
async def test_an_answer_that_does_not_fit_is_repaired_and_the_usage_is_added_up() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 4}
    model = ScriptedModel(Script('{"name": "Smoothie", "minutes": "a few"}', usage=usage), Script(GOOD, usage=usage))
    result = await model.parse("A banana smoothie, please.", Recipe)
    assert result.parsed == RECIPE
    assert (result.usage.input_tokens, result.usage.output_tokens) == (20, 8)
    asked, repaired = model.calls
    assert roles(repaired) == [*roles(asked), "assistant", "user"]
    assert "minutes" in repaired.body["messages"][-1]["content"]
    assert repaired.body["messages"][-2]["content"] == '{"name": "Smoothie", "minutes": "a few"}'


@pytest.mark.asyncio
async def test_repairs_are_bounded() -> None:
    model = ScriptedModel("I would rather not.")
    with pytest.raises(StructuredOutputError, match="None of 3 answers fits") as caught:
        await model.parse("A banana smoothie, please.", Recipe)
    assert caught.value.text == "I would rather not."
    assert len(model.calls) == 3


@pytest.mark.asyncio
async def test_no_repairs_is_one_request() -> None:
    model = ScriptedModel("No.")
    with pytest.raises(StructuredOutputError):
        await model.parse("A recipe.", Recipe, repairs=0)
    assert len(model.calls) == 1


@pytest.mark.parametrize("repairs", [-1, 1.5, True, "2"])
@pytest.mark.asyncio
async def test_what_is_no_number_of_repairs_is_refused(repairs: Any) -> None:
    with pytest.raises(ConfigurationError, match="repairs is a number from 0"):
        await ScriptedModel(GOOD).parse("A recipe.", Recipe, repairs=repairs)


@pytest.mark.asyncio
async def test_a_stream_cannot_be_parsed() -> None:
    with pytest.raises(ConfigurationError, match="leave streaming= out"):
        await ScriptedModel(GOOD).parse("A recipe.", Recipe, streaming=True)


@pytest.mark.asyncio
async def test_a_model_that_refuses_the_format_is_asked_without_it() -> None:
    refusal: HttpAnswer = http_error(400, "response_format is not supported by this model.", shape="C")
    model = ScriptedModel(refusal, "Sorry?", GOOD)
    result = await model.parse("A banana smoothie, please.", Recipe)
    assert result.parsed == RECIPE
    assert ["response_format" in call.body for call in model.calls] == [True, False, False]


@pytest.mark.asyncio
async def test_another_error_is_raised_as_it_is() -> None:
    model = ScriptedModel(http_error(403, "Moderated."), GOOD)
    with pytest.raises(ForbiddenError):
        await model.parse("A recipe.", Recipe)


@pytest.mark.asyncio
async def test_a_format_of_the_callers_own_goes_as_it_is() -> None:
    model = ScriptedModel(GOOD)
    await model.parse("A recipe.", Recipe, response_format={"type": "json_object"}, temperature=0)
    assert model.calls[0].body["response_format"] == {"type": "json_object"}
    assert model.calls[0].body["temperature"] == 0


@pytest.mark.asyncio
async def test_a_list_is_no_object_and_is_asked_for_in_the_prompt_alone() -> None:
    model = ScriptedModel(f"Here you are:\n```json\n[{GOOD}]\n```")
    result = await model.parse("Recipes.", list[Recipe])
    assert result.parsed == [RECIPE]
    assert "response_format" not in model.calls[0].body


@pytest.mark.asyncio
async def test_tools_are_run_on_the_way_to_a_value() -> None:
    def minutes_for(dish: str) -> int:
        """How long a dish takes."""
        assert dish == "smoothie"
        return 5

    model = ScriptedModel(Script(ToolCall("minutes_for", {"dish": "smoothie"})), GOOD)
    result = await model.parse("A banana smoothie, please.", Recipe, tools=[minutes_for])
    assert result.parsed == RECIPE
    assert [each.results[0].content for each in result.tool_rounds] == ["5"]


@pytest.mark.asyncio
async def test_what_fails_is_an_upstream_error_for_those_who_catch_all() -> None:
    with pytest.raises(UpstreamError):
        await ScriptedModel("No.").parse("A recipe.", Recipe)
