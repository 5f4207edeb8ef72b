"""Requests that are no queries: settings, feedback, reactions and Poe's error reports."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from poe_asgi import Answer, Bot, QueryContext, Settings
from poe_asgi.protocol import ErrorReportRequest, FeedbackRequest, ReactionRequest, SettingsRequest
from poe_asgi.server import ErrorReportContext, FeedbackContext, ReactionContext, SettingsContext, _endpoint
from tests.support import Exchange, ask

pytestmark = pytest.mark.asyncio

SETTINGS = {"type": "settings"}
FEEDBACK = {
    "type": "report_feedback",
    "message_id": "m-1",
    "user_id": "u-1",
    "conversation_id": "c-1",
    "feedback_type": "like",
}
REACTION = {"type": "report_reaction", "message_id": "m-1", "reaction": "heart"}
ERROR_REPORT = {"type": "report_error", "message": "bad event", "metadata": {"event": "txt"}, "new": 1}
REPORTS = [("on_feedback", FEEDBACK), ("on_reaction", REACTION), ("on_error_report", ERROR_REPORT)]


class Options(BaseModel):
    size: Literal["s", "m"] = "s"


def make(**declared: Any) -> Bot:
    bot = Bot("Shout", **declared)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.text

    return bot


def is_json(exchange: Exchange, status: int) -> bool:
    return exchange.status == status and exchange.headers["content-type"] == "application/json"


def failure(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """The one error in the log, of a request that was answered 503 with the same id."""
    assert is_json(exchange, 503)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    said = re.fullmatch(r"The settings cannot be told now \(error ([0-9a-f]{8})\)\.", exchange.json["error"]["message"])
    assert said is not None
    assert said[1] in record.getMessage()
    assert record.exc_info is not None
    return record


# ---- settings


async def test_the_settings_of_a_bare_bot_are_its_defaults() -> None:
    exchange = await ask(make(), SETTINGS)
    assert is_json(exchange, 200)
    assert exchange.json == Settings().to_wire()
    assert None not in exchange.json.values()


async def test_static_settings_are_completed_with_controls_and_dependencies() -> None:
    bot = make(settings=Settings(introduction_message="I shout. \ud800 é"), parameters=Options)
    bot.uses("Claude", calls=3)
    exchange = await ask(bot, SETTINGS)
    assert is_json(exchange, 200)
    assert exchange.json["introduction_message"] == "I shout. \ud800 é"
    assert exchange.json["server_bot_dependencies"] == {"Claude": 3}
    assert exchange.json["parameter_controls"]["sections"][0]["controls"][0]["parameter_name"] == "size"


async def test_a_settings_hook_has_a_typed_context_and_what_it_returns_is_completed_too() -> None:
    bot = make(parameters=Options)
    bot.uses("Claude")
    seen: list[SettingsContext] = []

    @bot.on_settings
    async def hook(ctx: SettingsContext) -> Settings:
        seen.append(ctx)
        return Settings(introduction_message="Now.")

    exchange = await ask(bot, {**SETTINGS, "version": "1.2", "unknown": [1]})
    assert exchange.json == bot.complete(Settings(introduction_message="Now.")).to_wire()
    assert exchange.json["server_bot_dependencies"] == {"Claude": 1}
    (ctx,) = seen
    assert isinstance(ctx, SettingsContext)
    assert ctx.request == SettingsRequest(version="1.2")
    assert (ctx.bot, ctx.deps, ctx.http.method) == (bot, None, "POST")


async def test_a_settings_hook_that_fails_is_503_and_its_words_stay_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = make()

    @bot.on_settings
    async def hook(ctx: SettingsContext) -> Settings:
        raise ValueError("secret words")

    exchange = await ask(bot, SETTINGS)
    assert b"secret" not in exchange.body
    record = failure(exchange, caplog)
    assert "hook of Bot('Shout') failed" in record.getMessage()
    assert "secret words" in str(record.exc_info)


@pytest.mark.parametrize("returned", [None, {"allow_attachments": True}, Settings])
async def test_a_settings_hook_that_returns_something_else_is_503(
    returned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bot = make()

    @bot.on_settings
    async def hook(ctx: SettingsContext) -> Settings:
        return returned  # type: ignore[no-any-return]

    record = failure(await ask(bot, SETTINGS), caplog)
    assert f"on_settings returned {type(returned).__name__}, not Settings" in str(record.exc_info)


async def test_settings_that_do_not_fit_what_the_bot_declares_are_503(caplog: pytest.LogCaptureFixture) -> None:
    bot = make()
    bot.uses("Claude", calls=60)

    @bot.on_settings
    async def hook(ctx: SettingsContext) -> Settings:
        return Settings(server_bot_dependencies={"GPT-4o": 41})

    assert "101 calls" in str(failure(await ask(bot, SETTINGS), caplog).exc_info)


async def test_a_settings_hook_that_awaits_what_was_cancelled_is_503(caplog: pytest.LogCaptureFixture) -> None:
    bot = make()

    @bot.on_settings
    async def hook(ctx: SettingsContext) -> Settings:
        raise asyncio.CancelledError

    failure(await ask(bot, SETTINGS), caplog)


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_settings_hook_that_is_too_slow_is_503_in_time_though_it_refuses_to_end(
    stubborn: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _endpoint.HOOK_SECONDS == 5
    monkeypatch.setattr(_endpoint, "HOOK_SECONDS", 0.01)
    bot, cancelled, release = make(), asyncio.Event(), asyncio.Event()

    @bot.on_settings
    async def hook(ctx: SettingsContext) -> Settings:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.set()
            if stubborn:
                await release.wait()
            raise
        return Settings()

    assert "longer than 0.01 s" in str(failure(await ask(bot, SETTINGS), caplog).exc_info)
    await cancelled.wait()
    release.set()


async def test_a_request_that_is_cancelled_cancels_its_hook() -> None:
    bot, ended = make(), asyncio.Event()

    @bot.on_settings
    async def hook(ctx: SettingsContext) -> Settings:
        entered.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()
        return Settings()

    entered = asyncio.Event()
    task = asyncio.create_task(ask(bot, SETTINGS))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ended.wait()


# ---- reports


async def test_the_hooks_for_reports_have_typed_contexts() -> None:
    bot = make()
    seen: list[Any] = []

    @bot.on_feedback
    async def on_feedback(ctx: FeedbackContext) -> None:
        assert isinstance(ctx, FeedbackContext)
        seen.append(ctx.request)

    @bot.on_reaction
    async def on_reaction(ctx: ReactionContext) -> None:
        assert isinstance(ctx, ReactionContext)
        seen.append(ctx.request)

    @bot.on_error_report
    async def on_error_report(ctx: ErrorReportContext) -> None:
        assert isinstance(ctx, ErrorReportContext)
        seen.append(ctx.request)

    for _, body in REPORTS:
        exchange = await ask(bot, body)
        assert is_json(exchange, 200)
        assert exchange.json == {}
    assert seen == [
        FeedbackRequest(message_id="m-1", user_id="u-1", conversation_id="c-1", feedback_type="like"),
        ReactionRequest(message_id="m-1", reaction="heart"),
        ErrorReportRequest(message="bad event", metadata={"event": "txt"}, extra={"new": 1}),
    ]


@pytest.mark.parametrize(("name", "body"), REPORTS)
@pytest.mark.parametrize("raised", [ValueError("secret words"), asyncio.CancelledError()])
async def test_a_report_hook_that_fails_is_logged_and_still_answered_200(
    name: str, body: Any, raised: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    bot = make()

    async def hook(ctx: Any) -> None:
        raise raised

    getattr(bot, name)(hook)
    exchange = await ask(bot, body)
    assert is_json(exchange, 200)
    assert exchange.json == {}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().endswith("hook of Bot('Shout') failed")
    assert record.exc_info is not None
    assert record.__dict__["bot"] == "Shout"
    assert record.__dict__["message_id"] == body.get("message_id", "")


@pytest.mark.parametrize(("name", "body"), REPORTS)
async def test_a_report_without_a_hook_is_answered_200_and_only_an_error_is_logged(
    name: str, body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = await ask(make(), body)
    assert is_json(exchange, 200)
    assert exchange.json == {}
    said = [record.getMessage() for record in caplog.records]
    assert said == (["Poe reports an error of Bot('Shout'): 'bad event'"] if name == "on_error_report" else [])


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ({**REACTION, "reaction": "rofl"}, "reaction", "rofl"),
        ({**REACTION, "user_id": None, "extra": {}}, "user_id", ""),
        ({**FEEDBACK, "feedback_type": "meh"}, "feedback_type", "meh"),
        ({"type": "report_error"}, "message", ""),
        ({"type": "report_error", "message_id": "m", "error_message": "oops"}, "message", "oops"),
        ({**ERROR_REPORT, "message": "\ud800\ud83d"}, "message", "\ufffd\ufffd"),
    ],
)
async def test_reports_may_hold_what_is_not_known_and_lack_what_is_not_needed(
    body: dict[str, Any], field: str, value: str
) -> None:
    bot = make()
    seen: list[Any] = []

    async def hook(ctx: Any) -> None:
        seen.append(ctx.request)

    for name, _ in REPORTS:
        getattr(bot, name)(hook)
    assert (await ask(bot, body)).status == 200
    assert [getattr(request, field) for request in seen] == [value]
