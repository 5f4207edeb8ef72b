"""The examples that call Poe, each offline against a local one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from examples import charging, chat_model, compare, fallback, images, library, relay, structured, tools
from poe_asgi import File, PoeClient, create_app
from poe_asgi.local import FakePoe, Script, Thought, ToolCall, fingerprint
from poe_asgi.protocol import Data, ErrorEvent

from .support import KEY, Exchange, query

pytestmark = pytest.mark.asyncio


@pytest.fixture
def poe(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePoe]:
    """A local Poe, and the key that an app started without one signs its calls with."""
    monkeypatch.delenv("POE_ACCESS_KEY", raising=False)
    monkeypatch.setenv("POE_API_KEY", "k" * 32)
    with FakePoe().installed() as poe:
        yield poe


async def asked(module: Any, text: str = "hello", **fields: Any) -> Exchange:
    exchange = await Exchange().run(module.app, query(text, **fields), key=None)
    assert exchange.status == 200
    assert exchange.reader.clean, exchange.reader.violations
    return exchange


async def test_relay_passes_on_the_answer_and_the_conversation(poe: FakePoe) -> None:
    poe.declare({"Claude-Sonnet-4.6": 1})
    poe.bot("Claude-Sonnet-4.6", Script("The sky ", "is blue."))
    assert (await asked(relay, "Why?", message_id="m-1")).text == "The sky is blue."
    (call,) = poe.calls
    assert [(message.role, message.content) for message in call.request.query] == [
        ("system", "Answer in one paragraph."),
        ("user", "Why?"),
    ]
    assert call.request.message_id == "m-1"


async def test_fallback_lets_the_second_answer_when_the_first_fails(poe: FakePoe) -> None:
    poe.bot("Claude-Sonnet-4.6", Script("I beg", ErrorEvent(text="Overloaded.", allow_retry=False)))
    poe.bot("GPT-5-mini", "Here I am.")
    assert (await asked(fallback)).text == "Here I am."
    poe.bot("Claude-Sonnet-4.6", "First.")
    assert (await asked(fallback)).text == "First."


async def test_compare_shows_all_answers_even_if_one_fails(poe: FakePoe) -> None:
    poe.bot("Claude-Sonnet-4.6", "One.")
    poe.bot("GPT-5-mini", ErrorEvent(text="No.", allow_retry=False))
    poe.bot("Gemini-3-Flash", "Three.")
    text = (await asked(compare)).text
    assert text.startswith("**Claude-Sonnet-4.6**\n\nOne.")
    assert "**GPT-5-mini**\n\n*GPT-5-mini gave no answer.*" in text
    assert "**Gemini-3-Flash**\n\nThree." in text


async def test_tools_are_run_and_their_results_go_back_to_the_model(poe: FakePoe) -> None:
    call = ToolCall("time_in", {"utc_offset_hours": 2})
    poe.bot("GPT-5-mini", [Script("Let me see. ", call), "It is late."])
    assert (await asked(tools, "What time is it in Cairo?")).text == "Let me see. \n\nIt is late."
    first, second = poe.calls
    (definition,) = first.request.tools
    assert definition["function"]["name"] == "time_in"
    assert "utc_offset_hours" in definition["function"]["parameters"]["properties"]
    calls, results = second.request.query[-2:]
    assert (calls.role, calls.message_type, results.role) == ("bot", "function_call", "tool")
    assert json.loads(results.content)[0]["content"].count(":") == 1


async def test_images_come_in_and_go_out_inline(poe: FakePoe) -> None:
    url = await _hosted(poe, b"\x89PNG" + bytes(1996))
    attachment = {"url": url, "name": "cat.png", "content_type": "image/png"}
    exchange = await asked(images, "paint", message={"attachments": [attachment]})
    (picture,) = exchange.reader.files
    assert picture.inline_ref is not None
    assert exchange.text == f"cat.png has 2,000 bytes.\n\n![gradient.png][{picture.inline_ref}]"
    upload = poe.uploads[-1]
    assert (upload.name, upload.content[:4]) == ("gradient.png", b"\x89PNG")


async def _hosted(poe: FakePoe, data: bytes) -> str:
    """The URL of a file at the local Poe."""
    file: File = await PoeClient(api_key="x").upload(data, name="cat.png")
    assert poe.uploads
    return file.url


async def test_charging_authorises_before_and_captures_after(poe: FakePoe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charging, "app", create_app(charging.bot, access_key=KEY))
    exchange = await Exchange().run(charging.app, query("one two three", bot_query_id="b-1"))
    assert exchange.text == "I counted 3 words."
    assert [(charge.kind, charge.milli_cents) for charge in poe.charges] == [("authorize", 5000), ("capture", 60)]
    poe.insufficient_funds()
    exchange = await Exchange().run(charging.app, query("one two three", bot_query_id="b-2"))
    assert exchange.reader.error is not None
    assert exchange.reader.error.error_type == "insufficient_fund"


async def test_chat_model_quotes_the_thoughts_and_answers_the_conversation(poe: FakePoe) -> None:
    poe.bot("Claude-Sonnet-4.6", Script(Thought("The air\nscatters."), "Because of ", "the air."))
    assert (await asked(chat_model, "Why?")).text == "> The air\n> scatters.\n\nBecause of the air."
    (call,) = poe.calls
    assert (call.surface, call.key) == ("chat", fingerprint("k" * 32))
    assert call.body["messages"] == [
        {"role": "system", "content": "Answer in one paragraph."},
        {"role": "user", "content": "Why?"},
    ]
    assert (call.body["max_tokens"], call.body["thinking_budget"]) == (4_000, 1_024)


async def test_chat_model_says_when_the_answer_is_as_long_as_it_may_be(poe: FakePoe) -> None:
    poe.bot("Claude-Sonnet-4.6", Script("Because", finish_reason="length"))
    assert (await asked(chat_model, "Why?")).text == "Because\n\n*(That is as much as I may say.)*"


async def test_structured_reads_a_list_and_has_what_does_not_fit_repaired(poe: FakePoe) -> None:
    poe.declare({"GPT-5-mini": 3})
    wrong, right = '{"items": [{"name": "tea", "amount": 0}]}', '{"items": [{"name": "tea", "amount": 2}]}'
    poe.bot("GPT-5-mini", [f"Here you are: {wrong}", f"Sorry!\n```json\n{right}\n```"])
    assert (await asked(structured, "two packets of tea")).text == "- tea: 2\n\n2 things in all."
    first, second = poe.calls
    assert {call.surface for call in poe.calls} == {"bot"}
    assert (first.text, first.request.temperature) == ("two packets of tea", 0)
    assert "items.0.amount" in second.text


async def test_structured_says_so_when_nothing_fits(poe: FakePoe) -> None:
    poe.bot("GPT-5-mini", "What do you mean?")
    exchange = await asked(structured, "hm")
    assert exchange.reader.error == ErrorEvent(
        text="I do not see what you want to buy. Please name the things.", allow_retry=False
    )
    assert len(poe.calls) == 3


async def test_library_keeps_what_its_tools_found_for_the_next_question(poe: FakePoe) -> None:
    poe.bot("GPT-5-mini", [Script(ToolCall("titles", {"shelf": "tea"}, id="call_1")), "One.", "A Leaf in Water."])
    async with library.app.router.lifespan_context(library.app):
        first = await asked(library, "How many books on tea?")
        assert first.text == "One."
        (data,) = [event for event in first.events if isinstance(event, Data)]
        history = [
            {"role": "user", "content": "How many books on tea?"},
            {"role": "bot", "content": "One.", "metadata": data.metadata},
            {"role": "user", "content": "Which?"},
        ]
        assert (await asked(library, query=history)).text == "A Leaf in Water."
    sent = poe.calls[-1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "assistant", "user"]
    assert (sent[2]["tool_call_id"], sent[2]["content"]) == ("call_1", '["A Leaf in Water"]')


async def test_library_tells_the_model_which_shelves_there_are(poe: FakePoe) -> None:
    poe.bot("GPT-5-mini", [ToolCall("titles", {"shelf": "coffee"}), "None."])
    async with library.app.router.lifespan_context(library.app):
        assert (await asked(library, "What on coffee?")).text == "None."
    assert poe.calls[-1].body["messages"][-1]["content"].endswith("There are: lighthouses, tea.")
