"""Neither the key nor the words of an exception get to where they do not belong, whatever goes wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from poe_asgi import Answer, AnswerError, Bot, Limits, Meta, QueryContext, Settings, create_app
from poe_asgi.errors import UpstreamError
from tests.server.serving import connected, serving
from tests.support import SMALL, Exchange, settle

KEY = "verysecretverysecretverysecret32"
WRONG = "wrongbutprivatewrongbutprivate32"
WORDS = "words of an exception"


def failing(step: Callable[[QueryContext], Any], **declared: Any) -> Bot:
    """A bot that says something, and then does this; a value that comes of it is yielded."""
    bot = Bot("Failing", access_key=[KEY, "another" * 4], limits=Limits(characters=50, close_seconds=0), **declared)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "so far, so good"
        await asyncio.sleep(0)
        yield step(ctx)

    return bot


def throw(exc: BaseException) -> Any:
    raise exc


def in_a_group(ctx: QueryContext) -> Any:
    raise ExceptionGroup(WORDS, [ValueError(WORDS), OSError(WORDS)])


def in_a_chain(ctx: QueryContext) -> Any:
    try:
        raise KeyError(WORDS)
    except KeyError:
        raise RuntimeError(WORDS, ctx, ctx.request, ctx.bot) from None


def logged(ctx: QueryContext) -> str:
    ctx.log.error("%r %s %s", ctx, ctx.request, ctx.bot)
    return "logged"


def described(ctx: QueryContext) -> Any:
    """What authors put into exceptions."""
    raise ValueError(WORDS, repr((ctx, ctx.http, ctx.http.url, ctx.log, ctx.deps, ctx.poe)), str(ctx.request.to_wire()))


async def broken_delegate() -> AsyncIterator[str]:
    yield "delegate"
    raise ConnectionError(WORDS)


def bad_meta(ctx: QueryContext) -> Meta:
    raise ValueError(WORDS, ctx)


@asynccontextmanager
async def never_run() -> AsyncIterator[None]:
    yield


BOTS = [
    failing(lambda _: throw(ValueError(WORDS))),
    failing(lambda _: throw(UpstreamError(WORDS, error_type="insufficient_fund"))),
    failing(lambda _: throw(AnswerError("for the user"))),
    failing(lambda _: throw(SystemExit(WORDS))),
    failing(lambda _: throw(asyncio.CancelledError(WORDS))),
    failing(lambda _: throw(TimeoutError(WORDS)), errors={TimeoutError: AnswerError("Busy.")}),
    failing(in_a_group),
    failing(in_a_chain),
    failing(lambda _: broken_delegate()),
    failing(lambda ctx: ctx),
    failing(lambda ctx: ValueError(WORDS, ctx)),
    failing(lambda ctx: [repr(ctx)]),
    failing(lambda _: None),
    failing(lambda _: "too long " * 50),
    failing(logged),
    failing(described),
    failing(lambda _: "fine", meta=bad_meta),
    failing(lambda _: "fine", lifespan=never_run),
]
REQUESTS: list[Any] = [
    SMALL,
    {"type": "settings"},
    {"type": "report_reaction", "message_id": "m", "reaction": "heart"},
    {"type": "report_feedback", "message_id": "m", "feedback_type": "like"},
    {"type": "report_error", "message": "bad"},
    {"type": "nothing known"},
    {"type": "query", "query": []},
    b"{",
]


def everything_in(records: list[logging.LogRecord]) -> str:
    """All that a handler of any make could get out of these: text, traceback, and the raw values."""
    formatter = logging.Formatter("%(message)s")
    return "\n".join(f"{formatter.format(record)} {record.__dict__!r} {record.args!r}" for record in records)


@pytest.fixture
def all_loggers(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    for name in ("poe_asgi", "asyncio", "starlette", "sse_starlette", "uvicorn", "uvicorn.error", "uvicorn.access"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


def with_failing_hooks(bot: Bot) -> Bot:
    async def hook(ctx: Any) -> Settings:
        raise ValueError(WORDS, ctx, ctx.request, ctx.bot)

    if bot.hook("on_settings") is None:
        for register in (bot.on_settings, bot.on_feedback, bot.on_reaction, bot.on_error_report):
            register(hook)
    return bot


@pytest.mark.asyncio
@pytest.mark.parametrize("bot", BOTS)
async def test_no_key_in_any_record_and_no_words_in_any_response(
    bot: Bot, all_loggers: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)  # asyncio then logs what it runs
    loop.slow_callback_duration = 0
    app = create_app(with_failing_hooks(bot))
    for body in REQUESTS:
        for key in (KEY, WRONG):
            exchange = await Exchange().run(app, body, key=key)
            for private in (KEY, WRONG, WORDS, "Traceback", "ValueError"):
                assert private.encode() not in exchange.body
                assert private not in repr(exchange.headers)
    await settle()
    said = everything_in(all_loggers.records)
    assert "Executing" in said
    assert KEY not in said
    assert WRONG not in said


@pytest.mark.asyncio
@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_a_server_that_logs_everything_logs_no_key(http: Any, all_loggers: pytest.LogCaptureFixture) -> None:
    app = create_app({f"/{index}": with_failing_hooks(bot) for index, bot in enumerate(BOTS) if bot.lifespan is None})
    with serving(app, http=http) as port:
        async with connected(port) as wire:
            for index in range(len(BOTS) - 1):
                for key in (KEY, WRONG):
                    answered = await wire.ask(path=f"/{index}", key=key)
                    assert WORDS.encode() not in await answered.body()
    said = everything_in(all_loggers.records)
    assert "POST /0" in said
    assert KEY not in said
    assert WRONG not in said


def test_what_an_author_sees_of_a_bot_and_its_app_shows_no_key() -> None:
    bot = BOTS[0]
    app = create_app(bot, access_key=KEY)
    shown = repr([bot, app, app.routes, app.state, bot.complete()])
    assert KEY not in shown
