"""What official bots yield, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sse_starlette import ServerSentEvent

from poe_asgi import Data, File, ReplaceResponse, SuggestedReply, Text, create_app
from poe_asgi.compat import from_fastapi_poe
from poe_asgi.protocol import Done, ErrorEvent, Meta
from poe_asgi.testing import ManualClock
from tests.compat.both import answer, asked, ours
from tests.interop.official import fp
from tests.support import KEY, Exchange, settle

pytestmark = pytest.mark.asyncio

FILE = File(url="https://f.test/1", name="a.png", content_type="image/png", inline_ref="r")
THEIR_FILE = fp.Attachment(url=FILE.url, name=FILE.name, content_type=FILE.content_type, inline_ref="r")


def yielding(*items: Any) -> fp.PoeBot:
    class Yielding(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            for item in items:
                yield item

    return Yielding()


def raw(event: str | None, data: Any) -> ServerSentEvent:
    return ServerSentEvent(data if isinstance(data, (str, dict)) else json.dumps(data), event=event)


async def events_of(*items: Any) -> list[Any]:
    """The events between `meta` and `done`."""
    reply = await answer(ours(yielding(*items)), asked())
    assert [each for each in reply.violations if each.rule.level == "error"] == []
    assert isinstance(reply.events[0], Meta)
    assert reply.events[-1] == Done()
    return list(reply.events[1:-1])


@pytest.mark.parametrize(
    ("item", "events"),
    [
        (fp.PartialResponse(text="a"), [Text("a")]),
        (fp.PartialResponse(text="a", is_replace_response=True), [ReplaceResponse("a"), Text("")]),
        (fp.PartialResponse(text="a", is_suggested_reply=True), [SuggestedReply("a"), Text("")]),
        (
            fp.PartialResponse(text="a", is_suggested_reply=True, is_replace_response=True),
            [SuggestedReply("a"), Text("")],
        ),
        (fp.PartialResponse(text="![a][r]", attachment=THEIR_FILE), [FILE, Text("![a][r]")]),
        (fp.PartialResponse(text="", attachment=THEIR_FILE), [FILE, Text("")]),
        (fp.PartialResponse(text="", data={"choices": []}, index=1, raw_response="r"), [Text("")]),
        (fp.DataResponse(metadata="kept"), [Data("kept"), Text("")]),
        (fp.ErrorResponse(text="No."), [ErrorEvent(text="No.", allow_retry=True)]),
        (
            fp.ErrorResponse(text="No.", allow_retry=False, error_type="user_message_too_long"),
            [ErrorEvent(text="No.", allow_retry=False, error_type="user_message_too_long")],
        ),
        (fp.ErrorResponse(text="No.", attachment=THEIR_FILE), [FILE, ErrorEvent(text="No.")]),
        (raw("text", {"text": "a"}), [Text("a")]),
        (ServerSentEvent({"text": "a"}, event="text"), [Text("a")]),
        (raw("replace_response", {"text": "a"}), [ReplaceResponse("a"), Text("")]),
        (raw("suggested_reply", {"text": "a"}), [SuggestedReply("a"), Text("")]),
        (raw("data", {"metadata": "kept"}), [Data("kept"), Text("")]),
        (fp.PoeBot.file_event(FILE.url, FILE.content_type, FILE.name, "r"), [FILE, Text("")]),
        (
            fp.PoeBot.error_event("No.", raw_response="secret", allow_retry=False),
            [ErrorEvent(text="No.", allow_retry=False)],
        ),
        (fp.PoeBot.error_event(), [ErrorEvent(text="")]),
        ("of this package", [Text("of this package")]),
        (FILE, [FILE, Text("")]),
    ],
    ids=lambda value: getattr(value, "event", None) or type(value).__name__,
)
async def test_a_yield_becomes_these_events(item: Any, events: list[Any]) -> None:
    assert await events_of(item) == events


async def test_nothing_follows_an_error() -> None:
    error = fp.ErrorResponse(text="No.")
    assert await events_of(fp.PartialResponse(text="a"), error, fp.PartialResponse(text="b")) == [
        Text("a"),
        ErrorEvent(text="No."),
    ]


async def test_a_raw_done_ends_the_answer() -> None:
    assert await events_of(fp.PoeBot.text_event("a"), fp.PoeBot.done_event(), fp.PoeBot.text_event("b")) == [Text("a")]


@pytest.mark.parametrize("left_out", [raw("json", {"choices": []}), raw("ping", ""), raw("new", {}), raw(None, "x")])
async def test_a_raw_event_that_is_no_part_of_an_answer_is_left_out_and_told_of(
    left_out: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="poe_asgi.server")
    assert await events_of(fp.PartialResponse(text="a"), left_out, fp.PartialResponse(text="b")) == [Text("ab")]
    assert repr(left_out.event) in caplog.text


@pytest.mark.parametrize("broken", [raw("text", "{"), raw("text", "[]"), raw("text", {}), raw("file", {"url": "u"})])
async def test_a_broken_raw_event_ends_the_answer_with_an_id(broken: Any, caplog: pytest.LogCaptureFixture) -> None:
    text, error = await events_of(fp.PartialResponse(text="a"), broken)
    assert text == Text("a")
    assert error.text.startswith("Something went wrong in this bot (error ")
    assert "TypeError" in caplog.text


async def test_a_wrong_yield_ends_the_answer_and_the_log_names_the_bot(caplog: pytest.LogCaptureFixture) -> None:
    (error,) = await events_of(5)
    assert "error " in error.text
    assert "Yielding.get_response" in caplog.text
    assert "a value of type int was yielded" in caplog.text


# ---- meta


async def test_the_first_meta_is_the_meta_of_the_answer() -> None:
    bot = yielding(fp.MetaResponse(text="", content_type="text/plain", linkify=False), fp.PartialResponse(text="a"))
    reply = await answer(ours(bot), asked())
    assert reply.meta == Meta(content_type="text/plain", suggested_replies=True, linkify=False, refetch_settings=False)
    assert reply.violations == ()


async def test_without_one_the_meta_is_the_usual_one() -> None:
    assert (await answer(ours(yielding(fp.PartialResponse(text="a"))), asked())).meta == Meta()


async def test_a_raw_meta_counts_as_one() -> None:
    bot = yielding(fp.PoeBot.meta_event(content_type="text/plain"), fp.PartialResponse(text="a"))
    reply = await answer(ours(bot), asked())
    assert reply.meta is not None
    assert reply.meta.content_type == "text/plain"


@pytest.mark.parametrize("before", ["a", ""])
async def test_a_late_meta_is_left_out_and_told_of(before: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="poe_asgi.server")
    late = fp.MetaResponse(text="", content_type="text/plain")
    bot = yielding(fp.PartialResponse(text=before), late, fp.PartialResponse(text="b"))
    reply = await answer(ours(bot), asked())
    assert (reply.meta, reply.text, reply.violations) == (Meta(), f"{before}b", ())
    assert "Yielding" in caplog.text
    assert "left out" in caplog.text


async def test_the_meta_of_a_slow_bot_goes_out_in_time() -> None:
    go_on = asyncio.Event()

    class Slow(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            await go_on.wait()
            yield fp.MetaResponse(text="", content_type="text/plain")
            yield fp.PartialResponse(text="a")

    clock = ManualClock()
    exchange = Exchange(clock)
    app = create_app(from_fastapi_poe(Slow()), access_key=KEY)
    task = asyncio.create_task(exchange.run(app, asked()))
    await settle()
    await clock.advance(3.9)
    assert (exchange.status, exchange.events) == (200, [])
    await clock.advance(0.1)
    assert exchange.events == [Meta()]
    await clock.advance(10)
    go_on.set()
    await task
    assert (exchange.text, exchange.reader.violations) == ("a", [])


async def test_an_answer_that_ends_before_its_meta_has_one_all_the_same() -> None:
    class Failing(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            raise RuntimeError
            yield

    reply = await answer(ours(Failing()), asked())
    assert reply.meta == Meta()
    assert reply.violations == ()
