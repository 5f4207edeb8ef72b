"""`FakePoe` in front of server bots: asked as Poe asks them, with ids of Poe's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from poe_asgi import Answer, Bot, Data, File, QueryContext, SuggestedReply, create_app
from poe_asgi.client import PoeClient
from poe_asgi.errors import BotError, ConnectionFailedError
from poe_asgi.local import FakePoe
from poe_asgi.protocol import Done, Meta, QueryRequest, Text, is_valid_identifier
from tests.local.support import client, post
from tests.support import query

pytestmark = pytest.mark.asyncio


def recording(name: str = "Inner", **declared: Any) -> tuple[Bot, list[QueryRequest]]:
    bot, requests = Bot(name, **declared), []

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        requests.append(ctx.request)
        yield f"{ctx.text}, {ctx.deps}"

    return bot, requests


async def test_a_bot_behind_a_name_answers_through_it() -> None:
    bot = Bot("Inner", meta=Meta(content_type="text/plain"))
    events = (File(url="u", name="n", content_type="c"), Text("done"), SuggestedReply("again"), Data("kept"))

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        for event in events:
            yield event

    poe = FakePoe()
    poe.bot("Inner", bot)
    reply = await client(poe).ask("Inner", "hi")
    assert reply.events == (Meta(content_type="text/plain"), *events, Done())


async def test_it_gets_ids_of_poes_and_the_same_user_and_conversation_for_the_same_caller() -> None:
    bot, requests = recording()
    poe = FakePoe()
    poe.bot("Inner", bot)
    for conversation in ("c-1", "c-1", "c-2"):
        await post(poe, "/bot/Inner", query(user_id="u-1", conversation_id=conversation, message_id="m-1"))
    for request in requests:
        for tag, value in (("m", request.message_id), ("u", request.user_id), ("c", request.conversation_id)):
            assert is_valid_identifier(value, tag)
        assert is_valid_identifier(request.metadata, "d")
        assert request.bot_query_id
    assert len({request.message_id for request in requests}) == 3
    assert len({request.bot_query_id for request in requests}) == 3
    assert len({request.user_id for request in requests}) == 1
    assert [request.conversation_id == requests[0].conversation_id for request in requests] == [True, True, False]


async def test_what_a_caller_sends_along_reaches_the_bot() -> None:
    bot, requests = recording()
    poe = FakePoe()
    poe.bot("Inner", bot)
    await post(poe, "/bot/Inner", query(metadata="d-1", temperature=0.3, tools=[{"type": "function"}]))
    assert (requests[0].metadata, requests[0].temperature) == ("d-1", 0.3)
    assert requests[0].tools == ({"type": "function"},)
    assert requests[0].version == "1.2"


async def test_its_lifespan_runs_around_a_call() -> None:
    log: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[str]:
        log.append("open")
        yield "open index"
        log.append("closed")

    bot, _ = recording(lifespan=lifespan)
    poe = FakePoe()
    poe.bot("Inner", bot)
    assert str(await client(poe).ask("Inner", "hi")) == "hi, open index"
    assert log == ["open", "closed"]


@pytest.mark.parametrize("where", ["on the bot", "in the environment", "none"])
async def test_it_is_called_with_the_key_it_would_be_served_with(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if where == "in the environment":
        monkeypatch.setenv("POE_ACCESS_KEY_INNER", "e" * 32)
    bot, _ = recording(access_key="b" * 32 if where == "on the bot" else None)
    poe = FakePoe()
    poe.bot("Inner", bot)
    assert str(await client(poe).ask("Inner", "hi")) == "hi, None"


async def test_an_app_is_called_with_the_key_that_was_given() -> None:
    bot, _ = recording(access_key="b" * 32)
    poe = FakePoe()
    poe.bot("Inner", create_app(bot), access_key="b" * 32)
    assert str(await client(poe).ask("Inner", "hi")) == "hi, None"


async def test_bots_call_bots_that_call_bots() -> None:
    poe = FakePoe()
    poe.bot("Claude", lambda call: f"Claude heard {call.text}")
    for name, callee in (("Inner", "Claude"), ("Outer", "Inner")):
        bot = Bot(name, access_key=name[0] * 32)
        dependency = bot.uses(callee)

        @bot.query
        async def handler(ctx: QueryContext, callee: Any = dependency, name: str = name) -> Answer:
            yield f"{name} says: "
            yield ctx.poe.stream(callee)

        poe.bot(name, bot)
    with poe.installed():
        reply = await PoeClient(api_key="k").ask("Outer", "hi")
    assert str(reply) == "Outer says: Inner says: Claude heard hi"
    assert [call.bot for call in poe.calls] == ["Outer", "Inner", "Claude"]
    assert len({call.key for call in poe.calls}) == 3
    assert len({call.request.message_id for call in poe.calls}) == 3


async def test_an_error_of_its_own_is_passed_on() -> None:
    bot = Bot("Inner")

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        raise ValueError("secret")

    poe = FakePoe()
    poe.bot("Inner", bot)
    with pytest.raises(BotError) as caught:
        await client(poe).ask("Inner", "hi")
    assert caught.value.allow_retry is False
    assert "secret" not in str(caught.value)


async def fails(scope: Any, receive: Any, send: Any) -> None:
    raise KeyError("x")


async def refuses(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b'event: text\ndata: {"text": "no"}\n\n'})


async def stops(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b'event: text\ndata: {"text": "x"}\n\nevent: te'})


async def breaks(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b'event: text\ndata: {"te', "more_body": True})
    raise KeyError("x")


async def floods(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * 2**23})


@pytest.mark.parametrize("app", [fails, refuses, stops, breaks, floods])
async def test_a_server_that_breaks_the_protocol_is_an_internal_error_to_its_callers(app: Any) -> None:
    poe = FakePoe()
    poe.bot("Inner", app)
    with pytest.raises(BotError, match="Internal server error") as caught:
        await client(poe).ask("Inner", "hi")
    assert caught.value.allow_retry is True


async def test_a_caller_that_leaves_closes_the_bots_behind() -> None:
    bot, how = Bot("Inner"), ""

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        nonlocal how
        try:
            yield "x"
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            how = "cancelled"
            raise

    poe = FakePoe()
    poe.bot("Inner", bot)
    async with client(poe).stream("Inner", "hi") as stream:
        assert await anext(aiter(stream)) == Text("x")
    assert how == "cancelled"
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_failure_inside_a_function_is_the_cause_of_the_failed_connection() -> None:
    poe = FakePoe()

    async def answer(call: Any) -> Any:
        raise RuntimeError("the test's own mistake")

    poe.bot("Inner", answer)
    with pytest.raises(ConnectionFailedError) as caught:
        await client(poe).ask("Inner", "hi")
    assert isinstance(caught.value.__cause__, RuntimeError)
