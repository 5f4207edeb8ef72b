"""What the official server gets wrong is right for official bots here."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from poe_asgi import Limits, create_app, drain
from poe_asgi.checker import check
from poe_asgi.compat import from_fastapi_poe
from poe_asgi.local import FakePoe, Script
from poe_asgi.protocol import ErrorEvent, Text
from poe_asgi.testing import ManualClock
from tests.compat import bots
from tests.compat.both import answer, asked, ours, poe, post
from tests.interop.official import fp
from tests.support import KEY, Exchange, ask, settle, started

__all__ = ["poe"]

pytestmark = pytest.mark.asyncio

KINDS = [
    bots.Echo,
    bots.AttachmentsIn,
    bots.AttachmentsOut,
    bots.Image,
    bots.Video,
    bots.FileCounting,
    bots.Log,
]


class Seen(fp.PoeBot):
    """Keeps the requests it gets."""

    def __init__(self) -> None:  # without super(), as users write it
        self.requests: list[Any] = []

    async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
        self.requests.append(request)
        yield fp.PartialResponse(text="ok")

    async def on_feedback(self, feedback_request: fp.ReportFeedbackRequest) -> None:
        self.requests.append(feedback_request)

    async def on_reaction_with_context(
        self, reaction_request: fp.ReportReactionRequest, context: fp.RequestContext
    ) -> None:
        self.requests.append(reaction_request)

    async def on_error(self, error_request: fp.ReportErrorRequest) -> None:
        self.requests.append(error_request)


# ---- errors


@pytest.mark.parametrize("hook", ["get_response", "get_response_with_context"])
async def test_no_exception_text_goes_out(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    async def failing(*_: Any) -> AsyncIterator[Any]:
        yield fp.PartialResponse(text="so far")
        raise RuntimeError("secret")

    status, raw = await post(ours(type("Failing", (fp.PoeBot,), {hook: failing})()), asked())
    assert status == 200
    assert b"secret" not in raw
    assert b"RuntimeError" not in raw
    number = raw.split(b"(error ")[1][:8].decode()
    assert number in caplog.text
    assert "secret" in caplog.text


@pytest.mark.parametrize("hook", ["get_response", "get_response_with_context"])
async def test_missing_funds_are_an_error_with_a_text_wherever_they_are_raised(hook: str) -> None:
    async def poor(*_: Any) -> AsyncIterator[Any]:
        raise fp.InsufficientFundError
        yield

    reply = await answer(ours(type("Poor", (fp.PoeBot,), {hook: poor})()), asked())
    assert reply.error is not None
    assert reply.error.error_type == "insufficient_fund"
    assert reply.error.text


async def test_missing_funds_that_the_official_class_reports_have_a_text_too() -> None:
    class Wrapped(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            raise fp.InsufficientFundError
            yield

        async def get_response_with_context(
            self, request: fp.QueryRequest, context: fp.RequestContext
        ) -> AsyncIterator[Any]:
            async for event in super().get_response_with_context(request, context):
                yield event

    reply = await answer(ours(Wrapped()), asked())
    assert reply.error is not None
    assert (reply.error.error_type, bool(reply.error.text)) == ("insufficient_fund", True)


async def test_a_failing_hook_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Seen):
        async def on_feedback(self, feedback_request: fp.ReportFeedbackRequest) -> None:
            raise RuntimeError("secret")

    body = {"type": "report_feedback", "message_id": "m", "feedback_type": "like"}
    assert await post(ours(Failing()), body) == (200, b"{}")
    assert "secret" in caplog.text


async def test_settings_that_fail_are_answered_503_without_a_reason() -> None:
    class Failing(fp.PoeBot):
        async def get_settings(self, setting: fp.SettingsRequest) -> fp.SettingsResponse:
            raise RuntimeError("secret")

    status, raw = await post(ours(Failing()), {"type": "settings"})
    assert status == 503
    assert b"secret" not in raw


@pytest.mark.parametrize("allow_retry", [True, False])
async def test_the_error_of_another_bot_is_passed_on(allow_retry: bool, poe: FakePoe) -> None:
    said = ErrorEvent(text="Too long.", allow_retry=allow_retry, error_type="user_message_too_long")
    poe.bot("Model", Script("so ", said))
    reply = await answer(ours(bots.PromptWrapper()), asked())
    assert (reply.text, reply.error) == ("so ", said)


@pytest.mark.parametrize("said", ["secret", '"secret"', '{"text": 5, "detail": "secret"}'])
async def test_any_other_error_of_a_call_is_an_error_with_an_id(said: str) -> None:
    class Failing(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            raise fp.BotError(said)
            yield

    _, raw = await post(ours(Failing()), asked())
    assert b"Something went wrong in this bot (error " in raw
    assert b"secret" not in raw


# ---- limits


async def test_a_hundred_thousand_letters_are_all_sent_within_the_events() -> None:
    class Long(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            for _ in range(100_000):
                yield fp.PartialResponse(text="x")

    reply = await answer(ours(Long()), asked())
    assert (len(reply.text), reply.violations) == (100_000, ())


@pytest.mark.parametrize(
    ("item", "limits", "rule"),
    [
        (fp.PartialResponse(text="x" * 10), Limits(characters=35), "characters"),
        (
            fp.PartialResponse(text="", attachment=fp.Attachment(url="u", name="n", content_type="t")),
            Limits(files=3),
            "files",
        ),
        (fp.PartialResponse(text="x", is_suggested_reply=True), Limits(events=8), "events"),
    ],
)
async def test_a_limit_ends_the_answer_in_order(item: Any, limits: Limits, rule: str) -> None:
    closed: list[bool] = []

    class Endless(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            try:
                while True:
                    yield item
            finally:
                closed.append(True)

    exchange = await ask(from_fastapi_poe(Endless(), limits=limits))
    assert exchange.reader.clean
    assert exchange.reader.error is not None
    assert rule in exchange.reader.error.text
    assert closed == [True]


# ---- cleanup and drain


async def test_a_bot_is_closed_in_the_task_that_ran_it_after_an_error_of_its_own() -> None:
    tasks: list[Any] = []

    class Careful(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            tasks.append(asyncio.current_task())
            try:
                yield fp.ErrorResponse(text="No.")
            finally:
                tasks.append(asyncio.current_task())

    assert (await ask(from_fastapi_poe(Careful()))).reader.error == ErrorEvent(text="No.")
    assert len(tasks) == 2
    assert tasks[0] is tasks[1]


async def test_a_user_who_leaves_cancels_the_bot() -> None:
    ended: list[str] = []

    class Waiting(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            try:
                yield fp.PartialResponse(text="a")
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
            finally:
                ended.append("closed")

    async with started(from_fastapi_poe(Waiting())) as (exchange, task):
        assert exchange.text == "a"
        exchange.disconnect()
        await task
    assert ended == ["cancelled", "closed"]


async def test_a_restart_ends_the_answer_with_an_error_that_may_be_tried_again() -> None:
    class Waiting(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            yield fp.PartialResponse(text="a")
            await asyncio.Event().wait()

    clock = ManualClock()
    app = create_app(from_fastapi_poe(Waiting()), access_key=KEY, drain_seconds=20)
    exchange = Exchange(clock)
    task = asyncio.create_task(exchange.run(app))
    await settle()
    draining = asyncio.create_task(drain(app))
    await settle()
    await clock.advance(20)
    await asyncio.gather(task, draining)
    assert exchange.reader.clean
    assert exchange.events[1] == Text("a")
    assert exchange.reader.error is not None
    assert exchange.reader.error.allow_retry


async def test_what_a_delegate_raises_is_raised_at_the_yield() -> None:
    async def delegate() -> AsyncIterator[str]:
        yield "a"
        raise LookupError

    class Fallback(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            try:
                yield delegate()
            except LookupError:
                yield fp.PartialResponse(text="b")

    assert (await answer(ours(Fallback()), asked())).text == "ab"


# ---- requests


async def test_what_their_classes_refuse_is_left_out_and_the_rest_comes_through() -> None:
    bot = Seen()
    odd = {
        "role": "user",
        "content": "second",
        "content_type": "text/html",
        "message_type": "new",
        "feedback": [{"type": "like"}, {"type": "new"}],
        "referenced_message": {"role": "new", "content": "x"},
        "parameters": {"size": 5},
        "sender": None,
        "timestamp": None,
    }
    body = {
        "type": "query",
        "query": [
            {"role": "new", "content": "x"},
            {"role": "user", "content": "first"},
            {"role": "newer", "content": ""},
            odd,
        ],
        "tools": [{"type": "function", "function": {"name": "loose"}}],
        "temperature": 0.5,
        "language_code": None,
        "access_key": "of the caller",
    }
    assert (await answer(ours(bot), body)).text == "ok"
    (request,) = bot.requests
    first, second = request.query
    assert (first.content, second.content, second.content_type) == ("first", "second", "text/plain")
    assert (second.message_type, second.referenced_message, second.parameters) == (None, None, {"size": 5})
    assert second.feedback == [fp.MessageFeedback(type="like", reason=None)]
    assert (request.tools, request.temperature, request.language_code) == ([], 0.5, "en")
    assert (request.version, request.message_id, request.user_id) == ("1.0", "", "")
    assert (request.access_key, request.api_key) == (KEY, KEY)


async def test_fields_that_a_later_official_class_knows_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(fp.QueryRequest):
        new: str = ""

    monkeypatch.setattr(fp, "QueryRequest", Later)
    bot = Seen()
    await answer(ours(bot), asked(new="thing"))
    assert bot.requests[0].new == "thing"


async def test_a_query_that_came_by_another_door_reaches_the_bot() -> None:
    bot = Seen()
    made = from_fastapi_poe(bot)
    made.keeps_body = False  # as where the body is no request of Poe's
    assert (await ask(made, asked("Hello", temperature=0.5))).text == "ok"
    (request,) = bot.requests
    assert (request.query[0].content, request.temperature, request.message_id) == ("Hello", 0.5, "m-1")


async def test_a_conversation_without_a_known_message_is_answered() -> None:
    body = asked()
    body["query"] = [{"role": "new", "content": "x"}]
    assert (await answer(ours(Seen()), body)).text == "ok"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"type": "report_feedback", "message_id": "m", "feedback_type": "dislike"}, ("m", "", "dislike")),
        ({"type": "report_reaction", "message_id": "m", "reaction": "new"}, ("m", "", "new")),
        ({"type": "report_error", "error_message": "oops"}, ("oops", {})),
    ],
)
async def test_a_short_report_reaches_its_hook(body: dict[str, Any], expected: tuple[Any, ...]) -> None:
    bot = Seen()
    assert await post(ours(bot), body) == (200, b"{}")
    (request,) = bot.requests
    names = {"report_feedback": ("message_id", "user_id", "feedback_type"), "report_error": ("message", "metadata")}
    fields = names.get(body["type"], ("message_id", "user_id", "reaction"))
    assert tuple(getattr(request, name) for name in fields) == expected


async def test_feedback_of_a_new_kind_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="poe_asgi.server")
    bot = Seen()
    body = {"type": "report_feedback", "message_id": "m", "feedback_type": "new"}
    assert await post(ours(bot), body) == (200, b"{}")
    assert bot.requests == []
    assert "a report was left out" in caplog.text


@pytest.mark.parametrize(
    ("body", "status"),
    [({"type": "settings"}, 200), ([], 400), ({"type": "query"}, 400), ({"type": "new"}, 501), ({}, 400)],
)
async def test_no_body_is_answered_500(body: Any, status: int) -> None:
    assert (await post(ours(bots.Echo()), body))[0] == status


async def test_a_wrong_key_is_refused_and_nothing_else_is_public() -> None:
    app = ours(bots.Echo())
    assert (await post(app, asked(), key="wrong"))[0] == 401
    assert (await post(app, asked(), path="/docs"))[0] == 404


# ---- settings


async def test_settings_that_this_package_would_refuse_are_told_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    class Odd(fp.PoeBot):
        async def get_settings(self, setting: fp.SettingsRequest) -> fp.SettingsResponse:
            return fp.SettingsResponse(server_bot_dependencies={"Model": 101}, introduction_message="Hi")

    status, raw = await post(ours(Odd()), {"type": "settings"})
    told = {"response_version": 2, "server_bot_dependencies": {"Model": 101}, "introduction_message": "Hi"}
    assert (status, json.loads(raw)) == (200, told)
    assert "Odd" in caplog.text
    assert "101" in caplog.text


async def test_a_context_manager_of_the_bot_around_its_yields_is_left_where_it_was_entered() -> None:
    class Timed(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> AsyncIterator[Any]:
            async with asyncio.timeout(60), aclosing(self.parts()) as parts:
                async for part in parts:
                    yield part

        async def parts(self) -> AsyncGenerator[Any, None]:
            for part in "abc":
                yield fp.PartialResponse(text=part)
            yield fp.ErrorResponse(text="No.")

    assert (await answer(ours(Timed()), asked())).text == "abc"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_the_checker_finds_nothing_at_any_kind_of_bot(kind: type[fp.PoeBot]) -> None:
    with FakePoe().installed():
        report = await check(ours(kind()), access_key=KEY, fast=True)
    assert (report.problem, [finding.rule.id for finding in report.findings]) == (None, [])
