"""The official SDK's client and our bots, our client and its bots, and both with a Poe that is played here.

What it cannot serve: the tool calls of a `PartialResponse` leave its server as an empty text. Its bots of these tests
yield them as the events they are on the wire, which it lets through.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sse_starlette import ServerSentEvent

from poe_asgi import (
    Answer,
    AnswerError,
    Bot,
    Data,
    File,
    InsufficientFundError,
    Meta,
    QueryContext,
    ReplaceResponse,
    SuggestedReply,
    Text,
    UserMessageTooLongError,
    assistant,
    create_app,
    user,
)
from poe_asgi.client import PoeClient, Retry, Tool, ToolForm
from poe_asgi.errors import BotError, InvalidKeyError, UnknownBotError
from poe_asgi.local import FakePoe, Script, ToolCall
from poe_asgi.protocol import Attachment, QueryRequest
from tests.interop.official import (
    DEPRECATED_CALLS,
    fp,
    partials,
    request,
    serving_theirs,
    session,
    stream_request_base,
)
from tests.server.serving import serving
from tests.support import KEY

pytestmark = [pytest.mark.asyncio, *DEPRECATED_CALLS]

HOSTILE = '\r\n\r\n \u2028\u2029\u0085 event: done\ndata: {}\n\n \ufeff \U0001f600 "\\/ \x00\x1b\x7f'
FILE = File(url="https://files.test/a%20b.png", name="a b.png", content_type="image/png", inline_ref="ref")
THEIR_FILE = fp.Attachment(url=FILE.url, name=FILE.name, content_type=FILE.content_type, inline_ref="ref")


WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def get_weather(city: str) -> dict[str, str]:
    """The weather in a city."""
    return {"city": city, "sky": "grey"}


@contextmanager
def serving_ours(handler: Callable[[QueryContext], Answer], **declared: Any) -> Iterator[str]:
    """A bot of ours behind uvicorn; gives the base URL of the Poe that has it."""
    bot = Bot("Bot", **declared)
    bot.query(handler)
    with serving(create_app({"/bot/Bot": bot}, access_key=KEY)) as port:
        yield f"http://127.0.0.1:{port}"


def client(base_url: str, **options: Any) -> PoeClient:
    """A client of ours that does not try again unless told."""
    return PoeClient(base_url=base_url, **{"api_key": KEY, "retry": Retry(attempts=1), **options})


async def words(ctx: QueryContext) -> Answer:
    for word in ctx.text.split():
        yield word


# ---- their client, our bots


async def test_their_client_reads_every_event_of_our_bots() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "draft"
        yield ReplaceResponse("new: ")
        yield FILE
        yield "![x][ref]"
        yield SuggestedReply("more")

    with serving_ours(handler, meta=Meta(content_type="text/plain", suggested_replies=True)) as base_url:
        meta, *rest = await partials(base_url, request("hi"))
    assert isinstance(meta, fp.MetaResponse)
    assert (meta.content_type, meta.suggested_replies) == ("text/plain", True)
    assert [(each.text, each.is_replace_response, each.is_suggested_reply) for each in rest] == [
        ("draft", False, False),
        ("new: ", True, False),
        ("", False, False),
        ("![x][ref]", False, False),
        ("more", False, True),
    ]
    assert rest[2].attachment == THEIR_FILE


async def test_any_text_of_ours_arrives_at_their_client() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield ReplaceResponse(ctx.text)
        yield ctx.text

    with serving_ours(handler) as base_url:
        async with session() as own:
            text = await fp.get_final_response(request(HOSTILE), "Bot", KEY, base_url=f"{base_url}/bot/", session=own)
    assert text == HOSTILE * 2


async def test_what_their_client_sends_is_what_our_handler_sees() -> None:
    seen: list[QueryContext] = []

    async def handler(ctx: QueryContext) -> Answer:
        seen.append(ctx)
        yield "ok"

    attached = fp.Attachment(url="u", name="a.txt", content_type="text/plain", parsed_content="hello")
    messages = [
        fp.ProtocolMessage(role="system", content="Be terse."),
        fp.ProtocolMessage(role="bot", content="Yes?", metadata="mine", message_id="m-1", timestamp=5),
        fp.ProtocolMessage(role="user", content="hi", attachments=[attached], parameters={"style": "dry"}),
    ]
    with serving_ours(handler) as base_url:
        async with session() as own:
            answer = fp.get_bot_response(
                messages,
                "Bot",
                KEY,
                temperature=0.2,
                skip_system_prompt=True,
                adopt_current_bot_name=True,
                logit_bias={"50256": -100},
                stop_sequences=["\n"],
                base_url=f"{base_url}/bot/",
                session=own,
            )
            assert "".join([each.text async for each in answer]) == "ok"
    (ctx,) = seen
    assert [(each.role, each.content) for each in ctx.messages] == [
        ("system", "Be terse."),
        ("bot", "Yes?"),
        ("user", "hi"),
    ]
    assert (ctx.messages[1].metadata, ctx.messages[1].message_id, ctx.messages[1].timestamp) == ("mine", "m-1", 5)
    assert ctx.attachments == (Attachment(url="u", name="a.txt", content_type="text/plain", parsed_content="hello"),)
    assert ctx.parameters == {"style": "dry"}
    query = ctx.request
    assert (query.temperature, query.skip_system_prompt, query.adopt_current_bot_name) == (0.2, True, True)
    assert (query.logit_bias, query.stop_sequences) == ({"50256": -100}, ("\n",))
    assert (query.tools, query.tool_calls, query.tool_results, query.users) == ((), (), (), ())


@pytest.mark.parametrize(
    ("raised", "no_retry", "expected"),
    [
        (AnswerError("No."), True, {"text": "No.", "allow_retry": False}),
        (AnswerError("Later.", allow_retry=True), False, {"text": "Later.", "allow_retry": True}),
        (UserMessageTooLongError("Less."), True, {"text": "Less.", "error_type": "user_message_too_long"}),
        (InsufficientFundError("Poor."), True, {"text": "Poor.", "error_type": "insufficient_fund"}),
        (RuntimeError("secret"), True, {"allow_retry": False}),
    ],
)
async def test_an_error_of_ours_is_an_error_there_with_the_right_to_retry(
    raised: Exception, no_retry: bool, expected: dict[str, Any]
) -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "so far"
        raise raised

    with serving_ours(handler) as base_url, pytest.raises(fp.BotError) as caught:
        await partials(base_url, request("hi"))
    assert isinstance(caught.value, fp.BotErrorNoRetry) == no_retry
    said = json.loads(str(caught.value))
    assert said.items() >= expected.items()
    assert "secret" not in str(caught.value)


async def test_our_data_disturbs_their_client_no_more_than_a_report_that_we_take() -> None:
    reported: list[str] = []
    bot = Bot("Bot")

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "before, "
        yield Data("mine")
        yield "after"

    @bot.on_error_report
    async def report(ctx: Any) -> None:
        reported.append(ctx.request.message)

    with serving(create_app({"/bot/Bot": bot}, access_key=KEY)) as port:
        came = await partials(f"http://127.0.0.1:{port}", request("hi"))
    assert "".join(each.text for each in came) == "before, after"
    assert reported == ["Unknown event type: data"]


async def test_their_client_with_a_wrong_key_gets_no_answer() -> None:
    with serving_ours(words) as base_url, pytest.raises(fp.BotError, match="Error communicating with bot Bot"):
        await partials(base_url, request("hi"), api_key="w" * 32)


async def test_the_tools_and_results_of_their_client_reach_our_handler() -> None:
    seen: list[QueryRequest] = []

    async def handler(ctx: QueryContext) -> Answer:
        seen.append(ctx.request)
        yield "ok"

    call: Any = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Bonn"}'}}
    result: Any = {"role": "tool", "name": "get_weather", "tool_call_id": "c1", "content": '"grey"'}
    with serving_ours(handler) as base_url:
        async with session() as own:
            answer = stream_request_base(
                request("hi"),
                "Bot",
                KEY,
                tools=[fp.ToolDefinition(**WEATHER)],
                tool_calls=[fp.ToolCallDefinition(**call)],
                tool_results=[fp.ToolResultDefinition(**result)],
                base_url=f"{base_url}/bot/",
                session=own,
            )
            assert [each.text async for each in answer] == ["", "ok"]
    (query,) = seen
    assert (query.tools, query.tool_calls, query.tool_results) == ((WEATHER,), (call,), (result,))


# ---- our client, their bots


async def test_our_client_reads_every_event_of_their_bots() -> None:
    async def get_response(_: fp.QueryRequest) -> AsyncIterator[Any]:
        yield fp.MetaResponse(text="", content_type="text/plain", suggested_replies=True, refetch_settings=True)
        yield fp.PartialResponse(text="draft")
        yield fp.PartialResponse(text="new: ", is_replace_response=True)
        yield fp.PartialResponse(text="![x][ref]", attachment=THEIR_FILE)
        yield fp.PartialResponse(text="more", is_suggested_reply=True)
        yield fp.DataResponse(metadata="mine")

    with serving_theirs(get_response) as base_url:
        async with client(base_url).stream("Bot", "hi") as answer:
            events = [each async for each in answer]
    replaced = ReplaceResponse("new: ")
    assert events == [Text("draft"), replaced, FILE, Text("![x][ref]"), SuggestedReply("more"), Data("mine")]
    reply = answer.reply
    assert reply.meta == Meta(content_type="text/plain", suggested_replies=True, linkify=True, refetch_settings=True)
    assert (reply.text, reply.files, reply.suggested_replies) == ("new: ![x][ref]", (FILE,), ("more",))
    assert (reply.data, reply.violations) == ("mine", ())


async def test_any_text_of_theirs_arrives_at_our_client_and_a_missing_meta_is_only_noted() -> None:
    async def get_response(query: fp.QueryRequest) -> AsyncIterator[Any]:
        yield fp.PartialResponse(text=query.query[-1].content)

    with serving_theirs(get_response) as base_url:
        reply = await client(base_url).ask("Bot", HOSTILE)
    assert (reply.text, reply.meta) == (HOSTILE, None)
    assert [each.rule.id for each in reply.violations] == ["meta-first"]


async def test_what_our_client_sends_is_what_their_handler_sees() -> None:
    seen: list[fp.QueryRequest] = []

    async def get_response(query: fp.QueryRequest) -> AsyncIterator[Any]:
        seen.append(query)
        yield fp.PartialResponse(text="ok")

    with serving_theirs(get_response) as base_url:
        await client(base_url).ask(
            "Bot",
            [assistant("Yes?"), user("hi", FILE)],
            system="Be terse.",
            temperature=0.2,
            stop=["\n"],
            logit_bias={"50256": -100},
            skip_system_prompt=True,
            adopt_current_bot_name=True,
            parameters={"style": "dry"},
            attachments=[Attachment(url="u", name="a.txt", content_type="text/plain", parsed_content="hello")],
        )
    (query,) = seen
    *before, last = query.query
    # The text of the second attachment was inserted there, before the newest message.
    assert [(each.role, each.content.partition("\n")[0][:10]) for each in before] == [
        ("system", "Be terse."),
        ("bot", "Yes?"),
        ("user", "Below is t"),
    ]
    assert (last.content, last.parameters) == ("hi", {"style": "dry"})
    assert last.attachments == [
        THEIR_FILE,
        fp.Attachment(url="u", name="a.txt", content_type="text/plain", parsed_content="hello"),
    ]
    assert (query.temperature, query.skip_system_prompt, query.adopt_current_bot_name) == (0.2, True, True)
    assert (query.logit_bias, query.stop_sequences) == ({"50256": -100}, ["\n"])
    assert query.access_key == KEY, "the server's own, not one that was sent"


@pytest.mark.parametrize("allow_retry", [True, False])
@pytest.mark.parametrize("error_type", ["insufficient_fund", None])
async def test_an_error_of_theirs_keeps_its_text_its_type_and_the_right_to_retry(
    allow_retry: bool, error_type: Any
) -> None:
    async def get_response(_: fp.QueryRequest) -> AsyncIterator[Any]:
        yield fp.PartialResponse(text="so far")
        yield fp.ErrorResponse(text="No.", allow_retry=allow_retry, error_type=error_type)

    with serving_theirs(get_response) as base_url:
        answer = client(base_url).stream("Bot", "hi")
        with pytest.raises(BotError) as caught:
            await answer.read()
    error = caught.value
    assert (error.text, error.allow_retry, error.error_type) == ("No.", allow_retry, error_type)
    assert answer.reply.text == "so far"


async def test_an_exception_of_theirs_is_an_error_and_not_tried_again() -> None:
    calls = 0

    async def get_response(_: fp.QueryRequest) -> AsyncIterator[Any]:
        nonlocal calls
        calls += 1
        raise RuntimeError("oops")
        yield

    with serving_theirs(get_response) as base_url, pytest.raises(BotError, match="unexpected issue") as caught:
        await client(base_url, retry=Retry()).ask("Bot", "hi")
    assert (caught.value.allow_retry, calls) == (False, 1)


async def test_an_error_of_theirs_that_may_be_retried_is() -> None:
    answers = [fp.ErrorResponse(text="Later.", allow_retry=True), fp.PartialResponse(text="ok")]

    async def get_response(_: fp.QueryRequest) -> AsyncIterator[Any]:
        yield fp.MetaResponse(text="")
        yield answers.pop(0)

    with serving_theirs(get_response) as base_url:
        assert str(await client(base_url, retry=Retry(longest_pause=0)).ask("Bot", "hi")) == "ok"


async def test_a_refusal_of_their_server_is_told_by_its_status() -> None:
    async def get_response(_: fp.QueryRequest) -> AsyncIterator[Any]:
        yield fp.PartialResponse(text="ok")

    with serving_theirs(get_response) as base_url:
        with pytest.raises(InvalidKeyError):
            await client(base_url, api_key="w" * 32).ask("Bot", "hi")
        with pytest.raises(UnknownBotError):
            await client(base_url).ask("Another", "hi")


async def test_a_bot_of_ours_passes_one_of_theirs_on_to_their_client(monkeypatch: pytest.MonkeyPatch) -> None:
    async def get_response(query: fp.QueryRequest) -> AsyncIterator[Any]:
        yield fp.PartialResponse(text=f"{query.user_id}: ")
        yield fp.PartialResponse(text=query.query[-1].content, attachment=THEIR_FILE)
        yield fp.ErrorResponse(text="Enough.", allow_retry=False)

    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield (answer := ctx.poe.stream("Bot"))
        finally:
            passed_on.extend(answer.reply.files)

    passed_on: list[File] = []
    with serving_theirs(get_response) as their_url, serving_ours(handler) as base_url:
        monkeypatch.setenv("POE_BASE_URL", their_url)
        with pytest.raises(fp.BotErrorNoRetry, match="Enough"):
            await partials(base_url, request("hi", user_id="u-1"))
    assert passed_on == [FILE]


# ---- tools


async def test_their_tool_calling_works_with_the_poe_that_is_played_here() -> None:
    poe = FakePoe()
    calls = [ToolCall("get_weather", {"city": city}) for city in ("Bonn", "Rome")]
    poe.bot("Bot", [Script(*calls), "Grey."])
    with serving(poe) as port:
        came = await partials(
            f"http://127.0.0.1:{port}",
            request("hi"),
            tools=[fp.ToolDefinition(**WEATHER)],
            tool_executables=[get_weather],
        )
    assert "".join(each.text for each in came) == "Grey."
    first, second = poe.calls
    assert first.request.tools == second.request.tools == (WEATHER,)
    assert [json.loads(each["content"])["city"] for each in second.request.tool_results] == ["Bonn", "Rome"]
    ids = [each["id"] for each in second.request.tool_calls]
    assert ids == [each["tool_call_id"] for each in second.request.tool_results]


async def test_their_client_sees_the_calls_of_the_poe_that_is_played_here() -> None:
    poe = FakePoe()
    poe.bot("Bot", ToolCall("get_weather", {"city": "Bonn"}))
    with serving(poe) as port:
        came = await partials(f"http://127.0.0.1:{port}", request("hi"), tools=[fp.ToolDefinition(**WEATHER)])
    deltas = [delta for each in came for delta in each.tool_calls]
    assert deltas[0].function.name == "get_weather"
    assert json.loads("".join(delta.function.arguments for delta in deltas)) == {"city": "Bonn"}


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> ServerSentEvent:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return ServerSentEvent(json.dumps({"choices": [choice]}), event="json")


@pytest.mark.parametrize("tool_form", ["messages", "fields"])
@pytest.mark.parametrize("tool", [get_weather, Tool(WEATHER, get_weather)])
async def test_our_tools_are_called_by_their_bots(tool: Any, tool_form: ToolForm) -> None:
    seen: list[fp.QueryRequest] = []

    async def get_response(query: fp.QueryRequest) -> AsyncIterator[Any]:
        seen.append(query)
        if len(seen) == 1:
            function = {"name": "get_weather", "arguments": ""}
            yield chunk({"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]})
            for part in ('{"city": ', '"Bonn"}'):
                yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
            yield chunk({}, "tool_calls")
        else:
            yield fp.PartialResponse(text="Grey.")

    with serving_theirs(get_response) as base_url:
        reply = await client(base_url).ask("Bot", "hi", tools=[tool], tool_form=tool_form)
    assert reply.text == "Grey."
    assert [(call.name, call.arguments) for each in reply.tool_rounds for call in each.calls] == [
        ("get_weather", '{"city": "Bonn"}')
    ]
    first, second = seen
    assert first.tools is not None
    assert first.tools == second.tools
    assert [(each.function.name, each.function.parameters.required) for each in first.tools] == [
        ("get_weather", ["city"])
    ]
    result = '{"city": "Bonn", "sky": "grey"}'
    if tool_form == "fields":
        assert second.tool_calls is not None
        assert second.tool_results is not None
        assert [each.function.arguments for each in second.tool_calls] == ['{"city": "Bonn"}']
        assert [(each.tool_call_id, each.content) for each in second.tool_results] == [("c1", result)]
    else:
        _, calls, results = second.query
        assert (calls.role, calls.message_type, results.role) == ("bot", "function_call", "tool")
        assert json.loads(calls.content)[0]["function"]["arguments"] == '{"city": "Bonn"}'
        assert [(each["tool_call_id"], each["content"]) for each in json.loads(results.content)] == [("c1", result)]


# ---- their files, costs and settings, with the Poe that is played here


async def test_their_client_uploads_to_the_poe_that_is_played_here() -> None:
    poe = FakePoe()
    with serving(poe) as port:
        options: Any = {"api_key": KEY, "base_url": f"http://127.0.0.1:{port}/poe_api/"}
        uploaded = [
            await fp.upload_file(b"a,b", file_name="a.csv", session=session(), **options),
            await fp.upload_file(io.BytesIO(b"%PDF"), file_name='b "1".pdf', session=session(), **options),
            await fp.upload_file(file_url="https://files.test/c.png", session=session(), **options),
        ]
        assert [await client(f"http://127.0.0.1:{port}").download(each.url) for each in uploaded[:2]] == [
            b"a,b",
            b"%PDF",
        ]
    assert [(each.name, each.content_type) for each in uploaded] == [
        ("a.csv", "text/csv"),
        ('b "1".pdf', "application/pdf"),
        ("file", "image/png"),
    ]
    assert [each.content for each in poe.uploads] == [b"a,b", b"%PDF", b""]


async def test_their_bots_attach_and_charge_at_the_poe_that_is_played_here() -> None:
    poe = FakePoe()
    with serving(poe) as port:
        base_url = f"http://127.0.0.1:{port}/"

        class Charging(fp.PoeBot):
            async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
                cost = fp.CostItem(amount_usd_milli_cents=5, description="a picture")
                await self.authorize_cost(request, cost, base_url)
                file = await self.post_message_attachment(
                    message_id=request.message_id,
                    file_data=b"png",
                    filename="a.png",
                    is_inline=True,
                    base_url=f"{base_url}poe_api/",
                )
                await self.capture_cost(request, [cost], base_url)
                yield fp.PartialResponse(text=f"![x][{file.inline_ref}]")

        poe.bot("Bot", fp.make_app(Charging(access_key=KEY)), access_key=KEY)
        reply = await client(base_url).ask("Bot", "hi")
    (file,) = reply.files
    assert reply.text == f"![x][{file.inline_ref}]"
    assert (file.name, file.content_type, file.url) == ("a.png", "image/png", poe.uploads[0].url)
    assert [(each.kind, each.milli_cents) for each in poe.charges] == [("authorize", 5), ("capture", 5)]


async def test_settings_go_both_ways_through_the_poe_that_is_played_here(capsys: pytest.CaptureFixture[str]) -> None:
    class Introduced(fp.PoeBot):
        async def get_settings(self, setting: fp.SettingsRequest) -> fp.SettingsResponse:
            return fp.SettingsResponse(
                introduction_message=f"Hi {setting.version}", server_bot_dependencies={"Claude": 2}
            )

    poe = FakePoe()
    poe.bot("Bot", fp.make_app(Introduced(access_key=KEY)), access_key=KEY)
    with serving(poe) as port:
        await client(f"http://127.0.0.1:{port}").fetch_settings(name="Bot", access_key=KEY)
        await asyncio.to_thread(
            fp.sync_bot_settings,
            "Bot",
            KEY,
            settings=fp.SettingsResponse(introduction_message="Ho!").model_dump(),
            base_url=f"http://127.0.0.1:{port}/bot/",
        )
    fetched, pushed = poe.settings
    assert (fetched.kind, fetched.stored.introduction_message) == ("fetch", "Hi 1.2")
    assert fetched.stored.server_bot_dependencies == {"Claude": 2}
    assert (pushed.kind, pushed.stored.introduction_message) == ("update", "Ho!")
    assert capsys.readouterr().out, "it prints"
