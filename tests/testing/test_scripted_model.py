"""`ScriptedModel`: a model whose answers a test writes."""

from __future__ import annotations

import pytest

from poe_asgi import Answer, Bot, PoeClient, QueryContext
from poe_asgi.chat import ChatModel
from poe_asgi.errors import ConfigurationError, OverloadedError, TruncatedStreamError
from poe_asgi.local import Call, Cut, Script, Thought, ToolCall, fingerprint, http_error
from poe_asgi.testing import PoeTester, ScriptedModel

pytestmark = pytest.mark.asyncio


def summarizer(model: ChatModel) -> Bot:
    """A bot as its author writes it: the model is given to it."""
    bot = Bot("Summarizer")

    @bot.query
    async def summarize(ctx: QueryContext) -> Answer:
        yield model.stream([{"role": "system", "content": "Summarize."}, *ctx.prompt()], temperature=0).answer()

    return bot


async def test_a_handler_that_asks_for_a_model_is_tested_without_poe(poe_tester: PoeTester) -> None:
    model = ScriptedModel("In short: yes.")
    reply = await poe_tester(summarizer(model)).ask("A long text")
    assert (reply.text, reply.error) == ("In short: yes.", None)
    (call,) = model.calls
    assert (call.text, call.body["temperature"]) == ("A long text", 0)
    assert [each["role"] for each in call.body["messages"]] == ["system", "user"]
    assert poe_tester.poe.calls == []


async def test_answers_come_one_after_the_other_and_the_last_one_stays() -> None:
    model = ScriptedModel("one", "two")
    assert [(await model.invoke("hi")).text for _ in range(3)] == ["one", "two", "two"]
    assert [call.number for call in model.calls] == [1, 2, 3]


async def test_an_answer_may_be_all_that_a_script_can_be() -> None:
    def echo(call: Call) -> str:
        return call.text.upper()

    model = ScriptedModel(Script(Thought("Hm."), "Hello", finish_reason="length"), echo)
    result = await model.stream("hi").read()
    assert (result.text, result.thoughts, result.finish_reason) == ("Hello", "Hm.", "length")
    assert (await model.invoke("hi")).text == "HI"


async def test_tools_are_really_run() -> None:
    ran = []

    def note(text: str) -> None:
        ran.append(text)

    model = ScriptedModel(ToolCall("note", {"text": "a"}), "Noted.")
    assert (await model.invoke("hi", tools=[note])).text == "Noted."
    assert ran == ["a"]


async def test_structured_output_is_really_parsed() -> None:
    model = ScriptedModel("What?", '{"a": 1}')
    assert (await model.parse("hi", dict[str, int])).parsed == {"a": 1}
    assert len(model.calls) == 2


async def test_what_goes_wrong_goes_wrong_at_once() -> None:
    model = ScriptedModel(http_error(529), Script("Hel", Cut()), "fine")
    with pytest.raises(OverloadedError):
        await model.invoke("hi")
    with pytest.raises(TruncatedStreamError):
        await model.stream("hi").read()
    assert (await model.invoke("hi")).text == "fine"
    assert len(model.calls) == 3


async def test_it_needs_no_key_and_holds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_API_KEY", "real-key")
    model = ScriptedModel("Hello")
    await model.invoke("hi")
    assert model.calls[0].key != fingerprint("real-key")
    assert "real-key" not in repr(model.calls) + repr(model)


async def test_two_of_them_know_nothing_of_each_other() -> None:
    one, other = ScriptedModel("one", model="m"), ScriptedModel("other", model="m")
    async with one:
        assert ((await one.invoke("hi")).text, (await other.invoke("hi")).text) == ("one", "other")
    assert (len(one.calls), len(other.calls), one.model) == (1, 1, "m")
    assert (await one.invoke("hi")).text == "one"


async def test_options_of_the_model_are_sent() -> None:
    model = ScriptedModel("Hello", model_options={"maxTokens": 5})
    await model.invoke("hi")
    assert model.calls[0].body["max_tokens"] == 5


async def test_without_an_answer_there_is_none() -> None:
    with pytest.raises(ConfigurationError, match="at least one answer"):
        ScriptedModel()


async def test_what_is_no_answer_is_a_mistake_at_once() -> None:
    with pytest.raises(ConfigurationError):
        ScriptedModel(5)  # type: ignore[arg-type]


async def test_it_may_be_the_dependency_of_a_bot_beside_its_own_calls(poe_tester: PoeTester) -> None:
    poe_tester.poe.bot("X", "from X")
    model = ScriptedModel("from the script")
    bot = Bot("Bot")
    bot.uses("X")

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        yield (await model.invoke(ctx.prompt())).text + ", "
        assert isinstance(ctx.poe, PoeClient)
        yield (await ctx.poe.model("X").invoke(ctx.prompt())).text

    assert (await poe_tester(bot).ask("hi")).text == "from the script, from X"
