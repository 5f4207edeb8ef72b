"""What the official SDK's client gets wrong (`fastapi_poe` 0.0.83; reference: its gotchas and defects), one by one.

The docstring of each test tells the fault, by its number there, and the test shows that this client does not have it.
At the end stand some that show the fault itself, so that the comparison stays honest.

Some of them cannot exist here, and their tests show why: there are no synchronous twins (G-58), no reports to the bots
that are called (G-42, G-43), and no `index` of several answers (G-45).
"""

from __future__ import annotations

import ast
import asyncio
import copy
import inspect
import io
import json
import sys
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import poe_asgi
from poe_asgi import USD, ConfigurationError, Data, File, InsufficientFundError, Message, Text, user
from poe_asgi._clock import passed_in
from poe_asgi.client import PoeClient, Retry, Timeouts, Tool, ToolCallAccumulator, close_pool
from poe_asgi.errors import (
    FileTooLargeError,
    InvalidKeyError,
    InvalidResponseError,
    NoCreditsError,
    OverloadedError,
    TruncatedStreamError,
    UpstreamError,
)
from poe_asgi.local import AsgiTransport
from poe_asgi.protocol import QueryRequest, parse_request
from tests.client.support import DONE, META, Answers, client, event, refusal, stream, text
from tests.interop.official import fp, request
from tests.support import ManualClock

pytestmark = pytest.mark.asyncio

KEY = "secret-key"
AT_ONCE = Retry(longest_pause=0)
STORED = {"attachment_url": "https://files.test/1", "mime_type": "text/plain"}


# ---- reading an answer


@pytest.mark.parametrize("ping", [b"event: ping\n\n", b"event: ping\ndata:\n\n", b"event: ping\ndata: 2026-01-01\n\n"])
async def test_a_ping_event_does_not_abort_a_finished_answer(ping: bytes) -> None:
    """G-38: data that is no JSON, of a `ping` or of `done`, aborts the answer."""
    app = Answers(stream(META + text("whole"), ping, b"event: done\ndata:\n\n"))
    assert (await client(app).ask("Claude", "hi")).text == "whole"


async def test_the_data_of_an_event_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """G-39: every event is parsed twice, a file five times."""
    from poe_asgi.protocol import _reader

    parsed: list[str] = []
    loads = _reader._loads

    def noted(raw: str) -> Any:
        parsed.append(raw)
        return loads(raw)

    monkeypatch.setattr(_reader, "_loads", noted)
    file = event("file", url="u", name="n", content_type="c", inline_ref="r")
    reply = await client(Answers(stream(META + text("a") + file + DONE))).ask("Claude", "hi")
    assert (len(parsed), len(reply.events)) == (4, 4)


@contextmanager
def counting_calls() -> Iterator[list[int]]:
    """How many functions are called, of Python and of C."""
    calls = [0]

    def count(frame: Any, what: str, argument: Any) -> None:
        calls[0] += what in {"call", "c_call"}

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


async def test_an_event_costs_the_same_whatever_was_asked() -> None:
    """G-40: the whole request is written out for every event, its key with it."""

    async def cost(messages: list[Message]) -> int:
        app = Answers(stream(META + text("first"), *[text("more")] * 50, DONE))
        async with client(app).stream("Claude", messages) as answer:
            events = aiter(answer)
            await anext(events)
            with counting_calls() as calls:
                rest = [each async for each in events]
        assert len(rest) == 50
        assert not any(words in repr([rest, answer.reply]) for words in (KEY, "a question"))
        return calls[0]

    assert await cost([user("a question")] * 1000) < 1.1 * await cost([user("a question")])


async def test_an_answer_with_a_status_of_failure_is_no_answer() -> None:
    """G-41: the status is not looked at; a 401 with an event stream counts as an answer."""
    app = Answers((401, {"content-type": "text/event-stream"}, [META, text("hi"), DONE]))
    with pytest.raises(InvalidKeyError):
        await client(app).ask("Claude", "hi")


async def test_a_failure_that_is_no_event_stream_says_what_happened() -> None:
    """G-41: any other failure is an opaque "Error communicating with bot"."""
    app = Answers(refusal(402, {"error": {"message": "No points left", "type": "insufficient_credits"}}))
    with pytest.raises(NoCreditsError, match="402: No points left") as caught:
        await client(app).ask("Claude", "hi")
    assert (caught.value.status, caught.value.error_type) == (402, "insufficient_credits")


async def test_data_and_events_of_new_types_are_not_reported_to_the_bot() -> None:
    """G-42: each `data` event, and each of a type that is not known, causes a POST to the bot."""
    app = Answers(stream(META, text("a"), event("data", metadata="m"), event("dance"), text("b"), DONE))
    reply = await client(app).ask("Claude", "hi")
    assert (reply.text, reply.data, len(app.requests)) == ("ab", "m", 1)
    assert Data("m") in reply.events


async def test_what_is_malformed_is_noted_and_the_answer_goes_on() -> None:
    """G-43: reports are sent, and awaited, in the middle of the stream; one that fails aborts the answer."""
    wrong = [
        b"event: text\ndata: {\n\n",
        event("text", text=1),
        event("meta", linkify="x"),
        b"event: text\ndata: []\n\n",
    ]
    app = Answers(stream(META, *wrong, text("a"), DONE))
    reply = await client(app).ask("Claude", "hi")
    assert (reply.text, len(app.requests)) == ("a", 1)
    assert {each.rule.id for each in reply.violations} == {"data-json", "event-fields"}


async def test_an_answer_that_stops_without_its_end_is_no_success() -> None:
    """G-44: an answer without `done` is returned as if it were whole."""
    answer = client(Answers(stream(META, text("half of")))).stream("Claude", "hi")
    with pytest.raises(TruncatedStreamError):
        await answer.read()
    assert answer.reply.text == "half of"


async def test_a_boolean_is_no_index() -> None:
    """G-45: `true` counts as the index 1."""
    app = Answers(stream(META + event("text", text="a", index=True) + DONE))
    assert (await client(app).ask("Claude", "hi")).events[1:2] == (Text("a"),)
    accumulator = ToolCallAccumulator()
    accumulator.add([{"index": 1, "id": "a", "function": {"name": "one", "arguments": "{}"}}])
    accumulator.add([{"index": True, "function": {"name": "other", "arguments": "{}"}}])
    assert [call.name for call in accumulator.calls] == ["one", "other"]


async def test_an_event_without_its_field_does_not_have_the_query_sent_again() -> None:
    """G-46: a missing field is a KeyError, and the query is tried again as if that were a passing trouble."""
    app = Answers(stream(META, event("text"), event("file", url="u"), text("a"), DONE))
    assert (await client(app, retry=AT_ONCE).ask("Claude", "hi")).text == "a"
    assert len(app.requests) == 1


async def collect(answer: AsyncIterable[Any], came: list[Any]) -> None:
    """Keep what comes, for a look at it after an error."""
    async for each in answer:
        came.append(each)  # noqa: PERF401


class Cut(Answers):
    """Answers of which each breaks off at its end."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def cut(message: Any) -> None:
            if message["type"] == "http.response.body" and not message["more_body"]:
                raise ConnectionResetError
            await send(message)

        await super().__call__(scope, receive, cut)


async def test_text_does_not_come_twice_when_the_connection_breaks() -> None:
    """G-47: a connection that breaks in mid-answer is tried again, and the text so far comes a second time."""
    app = Cut(stream(META, text("half of")))
    came: list[Any] = []
    with pytest.raises(TruncatedStreamError):
        await collect(client(app, retry=AT_ONCE).stream("Claude", "hi"), came)
    assert (came, len(app.requests)) == ([Text("half of")], 1)


async def test_a_meta_is_no_content_that_would_forbid_a_second_try() -> None:
    """G-48: after a `meta` event an error that may be retried is not."""
    app = Answers(stream(META, event("error", text="busy", allow_retry=True)), stream(META, text("a"), DONE))
    assert (await client(app, retry=AT_ONCE).ask("Claude", "hi")).text == "a"


# ---- sending a query


async def test_pauses_grow_and_spread_and_obey_retry_after() -> None:
    """G-49: the pause is fixed, without jitter, and `Retry-After` is not read."""
    failed = OverloadedError("x")
    pauses = [Retry().pause(attempt, failed, elapsed=0, chance=0.5) for attempt in (1, 2)]
    spread = {Retry().pause(1, failed, elapsed=0, chance=chance) for chance in (0.1, 0.2, 0.9)}
    assert pauses == [0.25, 0.5]
    assert len(spread) == 3

    clock = ManualClock()
    passed_in.set(clock)
    app = Answers(refusal(429, {}, retry_after="7"), stream(META, text("a"), DONE))
    task = asyncio.create_task(client(app, retry=Retry()).ask("Claude", "hi"))
    await clock.advance(6.9)
    assert len(app.requests) == 1
    await clock.advance(0.1)
    assert (await task).text == "a"


@pytest.mark.parametrize("key", ["", None])
async def test_without_a_key_nothing_is_sent(key: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """G-50: an empty key goes out as "Authorization: Bearer "."""
    monkeypatch.setenv("POE_API_KEY", "")
    app = Answers(stream(META, text("a"), DONE))
    with pytest.raises(ConfigurationError, match="POE_API_KEY"):
        await client(app, api_key=key).ask("Claude", "hi")
    assert app.requests == []


async def test_the_body_holds_no_key_and_no_nulls() -> None:
    """G-51: the body has the members `access_key` and `api_key`, and all that is not set as null."""
    app = Answers(stream(META, text("a"), DONE))
    await client(app).ask("Claude", "hi")
    (body,) = app.bodies
    assert body.keys() == {"version", "type", "query", "user_id", "conversation_id", "message_id"}
    assert body["query"] == [{"role": "user", "content": "hi"}]


async def test_a_name_is_quoted_in_the_url() -> None:
    """G-52: the name of a bot stands in the URL as it is."""
    app = Answers(stream(META, text("a"), DONE))
    await client(app).ask("A/B?c d#é", "hi")
    assert app.requests[0]["raw_path"] == b"/bot/A%2FB%3Fc%20d%23%C3%A9"


async def test_an_answer_may_take_an_hour_and_calls_share_their_connections() -> None:
    """G-53: an answer may take the 600 s that were Poe's limit once, and every call has a pool of its own."""
    assert Timeouts().total == 3600
    first, second = PoeClient(api_key=KEY), PoeClient(api_key=KEY)
    assert first.connection.transport() is second.connection.transport()
    await close_pool()


# ---- tools


def chunk(**choice: Any) -> bytes:
    return event("json", choices=[{"index": 0, **choice}])


def called(*calls: tuple[str, str]) -> bytes:
    """Calls of tools, by their names and arguments."""
    fragments = [
        {"index": index, "id": f"c{index}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for index, (name, arguments) in enumerate(calls)
    ]
    return chunk(delta={"tool_calls": fragments}, finish_reason=None)


def results(body: dict[str, Any]) -> list[str]:
    """What a query says of the tools that were called, newest last."""
    told = [json.loads(message["content"]) for message in body["query"] if message["role"] == "tool"]
    return [result["content"] for each in told for result in each]


async def test_a_call_that_makes_no_sense_is_answered_and_not_raised() -> None:
    """G-54: a tool that does not exist, and arguments that are no JSON or empty, raise whatever comes."""

    def now() -> str:
        return "noon"

    app = Answers(
        stream(META + called(("yesterday", "{}"), ("now", "{"), ("now", "")) + DONE), stream(META + text("a") + DONE)
    )
    assert (await client(app).ask("Claude", "hi", tools=[now])).text == "a"
    unknown, broken, empty = results(app.bodies[1])
    assert "no tool 'yesterday'" in unknown
    assert "arguments do not fit" in broken
    assert empty == "noon"


async def test_tools_run_at_the_same_time_and_plain_ones_beside_the_loop() -> None:
    """G-54: tools run one after the other, and a plain function blocks the event loop."""
    met = threading.Barrier(2, timeout=10)

    def meet() -> bool:
        met.wait()  # for the other call, so both are under way
        return threading.current_thread() is threading.main_thread()

    app = Answers(stream(META + called(("meet", ""), ("meet", "")) + DONE), stream(META + text("a") + DONE))
    await client(app).ask("Claude", "hi", tools=[meet])
    assert results(app.bodies[1]) == ["false", "false"]


async def test_a_model_may_call_tools_again() -> None:
    """G-54: there is one round of tool calls."""

    def now() -> str:
        return "noon"

    again = stream(META + called(("now", "")) + DONE)
    app = Answers(again, again, again, stream(META + text("a") + DONE))
    reply = await client(app).ask("Claude", "hi", tools=[now])
    assert (reply.text, len(reply.tool_rounds)) == ("a", 3)


async def test_a_chunk_needs_no_finish_reason() -> None:
    """G-55: a chunk without `finish_reason` is a KeyError."""
    app = Answers(stream(META + chunk(delta={"content": "a"}) + chunk(delta={}) + DONE))
    assert (await client(app).ask("Claude", "hi", tools=[get_weather])).text == "a"


async def test_content_may_be_null() -> None:
    """G-56: `"content": null` is a ValidationError."""
    app = Answers(stream(META + chunk(delta={"content": None}, finish_reason=None) + text("a") + DONE))
    assert (await client(app).ask("Claude", "hi", tools=[get_weather])).text == "a"


async def test_a_definition_is_sent_as_it_is() -> None:
    """G-57: `strict`, `additionalProperties` and `$defs` are dropped; descriptions and properties must be there."""
    parameters = {"type": "object", "$defs": {"x": {"type": "string"}}, "additionalProperties": False}
    whole = {"type": "function", "function": {"name": "a", "strict": True, "parameters": parameters}}
    bare = {"type": "function", "function": {"name": "b", "parameters": {"type": "object"}}}
    app = Answers(stream(META + text("a") + DONE))
    await client(app).ask("Claude", "hi", tools=[Tool(whole), Tool(bare)])
    assert app.bodies[0]["tools"] == [whole, bare]


def get_weather(city: str) -> str:
    return city


# ---- what else there is


async def test_there_are_no_synchronous_twins_and_nobody_sets_an_event_loop() -> None:
    """G-58: a synchronous generator sets an event loop, closes it, and leaves it set."""
    calls = {
        ast.unparse(node.func).rpartition(".")[2]
        for path in Path(poe_asgi.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    }
    assert not calls & {"new_event_loop", "set_event_loop", "get_event_loop", "run_until_complete"}
    public = [member for name, member in inspect.getmembers(PoeClient) if not name.startswith("_")]
    assert not any(inspect.isgeneratorfunction(member) for member in public)


async def test_a_whole_answer_has_its_files_and_its_calls_of_tools() -> None:
    """G-59: a whole answer is its text; one of files alone is ""."""
    file = event("file", url="u", name="n", content_type="c")
    app = Answers(stream(META + file + called(("get_weather", '{"city": "Bonn"}')) + DONE))
    definition = Tool.of(get_weather).definition
    reply = await client(app).ask("Claude", "hi", tools=[Tool(definition)])
    assert (reply.text, reply.files) == ("", (File(url="u", name="n", content_type="c"),))
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("get_weather", '{"city": "Bonn"}')]


async def test_reading_a_request_leaves_it_as_it_is() -> None:
    """G-60: making a request from a dict changes the dict."""
    raw = {
        "type": "query",
        "query": [{"role": "user", "content": "hi", "attachments": None}, {"role": "new", "content": ""}],
        "tools": [dict(Tool.of(get_weather).definition)],
        "tool_calls": None,
    }
    before = copy.deepcopy(raw)
    parse_request(raw)
    assert raw == before


# ---- files and costs


class Borrowed:
    """A transport that counts."""

    def __init__(self, app: Any) -> None:
        self._transport = AsgiTransport(app)
        self.sent = self.closed = 0

    async def send(self, request: Any) -> Any:
        self.sent += 1
        return await self._transport.send(request)

    async def aclose(self) -> None:
        self.closed += 1


async def test_an_upload_does_not_close_what_it_was_given() -> None:
    """G-61: an upload closes the session that the caller passed in."""
    transport = Borrowed(Answers(refusal(200, STORED)))
    async with PoeClient(api_key=KEY, transport=transport) as poe:
        for _ in range(2):
            await poe.upload(b"a", name="a.txt")
    assert (transport.sent, transport.closed) == (2, 0)


async def test_a_second_try_sends_the_whole_file_again() -> None:
    """G-62: the second try reads on in the open file, uploads an empty one, and calls it a success."""
    app = Answers(refusal(503, {}), refusal(200, STORED))
    await client(app, retry=AT_ONCE).upload(io.BytesIO(b"the contents"), name="a.txt")
    assert [b"\r\n\r\nthe contents\r\n--" in body for body in app.bodies] == [True, True]


async def test_a_str_can_be_uploaded() -> None:
    """G-63: a `str` is an AttributeError, though the guide passes one."""
    app = Answers(refusal(200, STORED))
    await client(app).upload("grün", name="a.txt")
    assert "\r\n\r\ngrün\r\n--".encode() in app.bodies[0]


async def test_empty_bytes_are_a_file_and_a_url_beside_them_is_one_too_many() -> None:
    """G-64: empty bytes and a URL together are accepted."""
    app = Answers(refusal(200, STORED))
    with pytest.raises(ConfigurationError, match="exactly one"):
        await client(app).upload(b"", url="https://files.test/a.txt", name="a.txt")
    assert app.requests == []


@pytest.mark.parametrize(("status", "expected"), [(401, InvalidKeyError), (413, FileTooLargeError)])
async def test_an_upload_that_was_refused_is_not_tried_again(status: int, expected: type[UpstreamError]) -> None:
    """G-65: every failure of an upload is tried again."""
    app = Answers(refusal(status, {}))
    with pytest.raises(expected):
        await client(app, retry=AT_ONCE).upload(b"a", name="a.txt")
    assert len(app.requests) == 1


def in_a_query(app: Any, **options: Any) -> PoeClient:
    """A client for a query that can be charged for."""
    poe = client(app, **options)
    poe.query = QueryRequest((user("hi"),), bot_query_id="q-1")
    return poe


def charged(*events: bytes) -> Any:
    return stream(*events, event("result", status="success"))


async def test_uploads_and_charges_go_over_the_transport_of_the_client() -> None:
    """G-66, G-70: every upload and every charge makes an HTTP client of its own, and none can be passed in."""
    uploading = Borrowed(Answers(refusal(200, STORED)))
    await PoeClient(api_key=KEY, transport=uploading).upload(b"a", name="a.txt")
    charging = Borrowed(Answers(charged()))
    poe = PoeClient(api_key=KEY, transport=charging)
    poe.query = QueryRequest((user("hi"),), bot_query_id="q-1")
    async with poe.charge(up_to=USD("0.05")) as cost:
        cost.add(USD("0.01"))
    assert (uploading.sent, charging.sent) == (1, 2)


async def charge(app: Any) -> None:
    async with in_a_query(app).charge(up_to=USD("0.05")) as cost:
        cost.add(USD("0.01"), "an image")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(403, {"message": "not enrolled"}), "not enrolled"),
        (refusal(500, {"error": {"message": "down"}}), "down"),
        ((400, {"content-type": "text/plain"}, [b"odd"]), "odd"),
        ((400, {"content-type": "text/event-stream"}, [event("error", message="no such query")]), "no such query"),
    ],
)
async def test_a_charge_that_fails_says_why_whatever_the_shape(answer: Any, expected: str) -> None:
    """G-67: a body of JSON is an SSEError, and not the error of a charge."""
    with pytest.raises(UpstreamError, match=expected):
        await charge(Answers(answer))


async def test_an_answer_without_a_result_is_no_empty_wallet() -> None:
    """G-67: a missing `result` counts as insufficient funds."""
    with pytest.raises(InvalidResponseError, match="no result"):
        await charge(Answers(stream(b": ping\n\n")))
    with pytest.raises(InsufficientFundError):
        await charge(Answers(stream(event("result", status="insufficient"))))


async def test_a_result_without_a_status_is_an_odd_answer_and_no_key_error() -> None:
    """G-68: a missing `status` is a KeyError."""
    with pytest.raises(InvalidResponseError):
        await charge(Answers(stream(event("result"))))


@pytest.mark.parametrize("amount", [True, 0, -1, 0.1, USD(0), USD("-1")])
async def test_an_amount_is_money_above_zero(amount: Any) -> None:
    """G-69: booleans, and amounts of zero and below, are accepted."""
    app = Answers(charged())
    async with in_a_query(app).charge(up_to=USD("0.05")) as cost:
        with pytest.raises(ConfigurationError):
            cost.add(amount)
    with pytest.raises(ConfigurationError):
        in_a_query(app).charge(up_to=amount)
    assert len(app.requests) == 1, "the authorization alone: nothing was added"


# ---- the official SDK itself


class Broken(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield META + text("half of")
        raise httpx.RemoteProtocolError("peer closed connection")


async def official(answer: Any, status: int = 200) -> tuple[list[Any], list[Any]]:
    """What the official client makes of an answer, and what it sends."""
    sent: list[Any] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        content: Any = {"stream": Broken()} if answer is Broken else {"content": answer}
        return httpx.Response(status, headers={"content-type": "text/event-stream"}, **content)

    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as session:
        came: list[Any] = []
        options: Any = {"session": session, "on_error": lambda *_: None, "retry_sleep_time": 0}
        try:
            await collect(fp.stream_request(request("hi", access_key=KEY), "Claude", KEY, **options), came)
        except fp.BotError as exc:
            came.append(exc)
    return came, sent


async def test_the_official_client_does_have_these_faults() -> None:
    """G-38, G-40, G-41, G-44, G-47, G-51, each seen happening in `fastapi_poe` 0.0.83."""
    (*_, words, error), _ = await official(META + text("whole") + b"event: ping\ndata:\n\n" + DONE)
    assert (words.text, type(error)) == ("whole", fp.BotErrorNoRetry)

    (_, words), sent = await official(META + text("answer") + DONE, status=401)
    assert words.text == "answer"
    assert KEY in words.full_prompt
    assert sent[0]["access_key"] == KEY
    assert sent[0]["temperature"] is None

    (_, words), sent = await official(META + text("half of"))
    assert words.text == "half of"
    assert sent[1]["message"] == "Bot exited without sending 'done' event"

    (*came, error), _ = await official(Broken)
    assert [each.text for each in came] == ["", "half of", "", "half of"]
    assert str(error) == "Error communicating with bot Claude"


async def test_the_official_upload_does_have_these_faults() -> None:
    """G-61, G-62, both seen happening in `fastapi_poe` 0.0.83."""
    bodies: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return httpx.Response(503 if len(bodies) == 1 else 200, json=STORED)

    session = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    options: Any = {"session": session, "on_error": lambda *_: None, "retry_sleep_time": 0}
    attachment = await fp.upload_file(io.BytesIO(b"the contents"), file_name="a.txt", api_key=KEY, **options)
    assert attachment.url == STORED["attachment_url"]
    assert [b"the contents" in body for body in bodies] == [True, False]
    assert session.is_closed
