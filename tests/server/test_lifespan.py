"""`Bot(lifespan=…)` and `running`: opened once per event loop, shared, counted, and closed where it was opened."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Self

import pytest
from starlette.applications import Starlette

from poe_asgi import Answer, Bot, QueryContext, Settings, bot_routes, create_app, running
from poe_asgi.protocol import Done, ErrorEvent, Meta
from poe_asgi.server import FeedbackContext, SettingsContext
from poe_asgi.server._lifespan import when_bots_stop
from tests.support import KEY, Exchange, settle

NOT_RUN = (
    "The lifespan of Bot('Index') was not run: serve it with create_app, "
    "or put `async with running(bot):` into the lifespan of the app it is mounted in."
)


class Index:
    """Something to open and close, that writes down what happens to it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.tasks: set[asyncio.Task[Any] | None] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        self.tasks.add(asyncio.current_task())
        self.events.append("opened")
        async with asyncio.TaskGroup():  # must be left by the task that entered it
            try:
                yield f"index {self.events.count('opened')}"
            finally:
                self.tasks.add(asyncio.current_task())
                self.events.append("closed")


def reader(lifespan: Callable[[], AbstractAsyncContextManager[Any]] | None, name: str = "Index") -> Bot:
    """A bot that answers with its dependency."""
    bot = Bot(name, lifespan=lifespan, access_key=KEY)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield str(ctx.deps)

    return bot


# ---- with create_app


@pytest.mark.asyncio
async def test_the_value_of_the_lifespan_is_the_contexts_deps_in_every_hook() -> None:
    index = Index()
    bot = reader(index.open)
    seen: list[str] = []

    @bot.on_settings
    async def on_settings(ctx: SettingsContext[str]) -> Settings:
        return Settings(introduction_message=ctx.deps)

    @bot.on_feedback
    async def on_feedback(ctx: FeedbackContext[str]) -> None:
        seen.append(ctx.deps)

    app = create_app(bot)
    async with app.router.lifespan_context(app):
        assert (await Exchange().run(app)).text == "index 1"
        assert (await Exchange().run(app, {"type": "settings"})).json["introduction_message"] == "index 1"
        await Exchange().run(app, {"type": "report_feedback", "message_id": "m", "feedback_type": "like"})
        assert seen == ["index 1"]
        assert index.events == ["opened"]
    assert index.events == ["opened", "closed"]


@pytest.mark.asyncio
async def test_a_bot_without_a_lifespan_needs_no_start_and_has_no_deps() -> None:
    assert (await Exchange().run(create_app(reader(None)))).text == "None"


@pytest.mark.asyncio
async def test_two_bots_with_one_function_share_one_value() -> None:
    index, other = Index(), Index()
    app = create_app({"/a": reader(index.open), "/b": reader(index.open), "/c": reader(other.open)})
    async with app.router.lifespan_context(app):
        texts = [(await Exchange().run(app, path=path)).text for path in ("/a", "/b", "/c")]
    assert texts == ["index 1", "index 1", "index 1"]
    assert index.events == other.events == ["opened", "closed"]


@pytest.mark.asyncio
async def test_an_app_can_be_started_again_with_a_new_value() -> None:
    app = create_app(reader(Index().open))
    for text in ("index 1", "index 2"):
        async with app.router.lifespan_context(app):
            assert (await Exchange().run(app)).text == text


@pytest.mark.asyncio
async def test_a_class_with_async_enter_and_exit_can_be_a_lifespan() -> None:
    class Database:
        closed = False

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            Database.closed = True

        def __str__(self) -> str:
            return "a database"

    app = create_app(reader(Database))
    async with app.router.lifespan_context(app):
        assert (await Exchange().run(app)).text == "a database"
    assert Database.closed


# ---- failures


@pytest.mark.asyncio
async def test_a_lifespan_that_fails_stops_the_start_and_closes_what_was_open() -> None:
    index = Index()

    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise OSError("no index there")
        yield

    app = create_app({"/a": reader(index.open), "/b": reader(broken)})
    with pytest.raises(OSError, match="no index there"):
        async with app.router.lifespan_context(app):
            pytest.fail("the app started")
    assert index.events == ["opened", "closed"]
    with pytest.raises(OSError, match="no index there"):  # and again: nothing of the failure stayed
        async with app.router.lifespan_context(app):
            pytest.fail("the app started")


@pytest.mark.asyncio
async def test_a_lifespan_that_fails_to_close_says_so() -> None:
    @asynccontextmanager
    async def open_index() -> AsyncIterator[None]:
        yield
        raise OSError("cannot be saved")

    app = create_app(reader(open_index))
    with pytest.raises(OSError, match="cannot be saved"):
        async with app.router.lifespan_context(app):
            pass


@pytest.mark.asyncio
async def test_a_start_that_is_cancelled_cancels_the_opening() -> None:
    ended = asyncio.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        try:
            await asyncio.get_running_loop().create_future()
            yield
        finally:
            ended.set()

    async def start() -> None:
        async with running(reader(slow)):
            pytest.fail("it started")

    task = asyncio.create_task(start())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


@pytest.mark.asyncio
async def test_a_bot_whose_lifespan_was_not_run_says_so_in_the_log_and_in_its_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    index = Index()
    bot = reader(index.open)
    existing = Starlette()
    existing.mount("/poe", create_app(bot))
    exchange = await Exchange().run(existing, path="/poe/")
    assert exchange.status == 200
    assert exchange.reader.clean
    assert exchange.events == [
        Meta(),
        ErrorEvent(
            text="This bot was not started properly: its lifespan was not run. Please tell its author.",
            allow_retry=False,
        ),
        Done(),
    ]
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == [NOT_RUN]
    assert index.events == []


@pytest.mark.asyncio
@pytest.mark.parametrize("when", ["opening", "failed", "cancelled"])
async def test_a_query_before_the_lifespan_is_open_is_told_the_same(
    when: str, caplog: pytest.LogCaptureFixture
) -> None:
    opening: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        await opening
        yield

    bot = reader(slow)

    async def start() -> None:
        async with running(bot):
            pytest.fail("it started")

    async def ask() -> Exchange:
        return await Exchange().run(create_app(bot))

    start_up = asyncio.create_task(start())
    await settle()
    if when == "failed":
        opening.set_exception(OSError("no index there"))
    elif when == "cancelled":
        opening.cancel()
    queries = [asyncio.create_task(ask()) for _ in range(3)]  # some before, some after it comes to nothing
    for task in queries:
        exchange = await task
        assert (exchange.status, exchange.text) == (200, "")
        assert exchange.reader.clean
    assert NOT_RUN in caplog.text
    start_up.cancel()
    await asyncio.wait([start_up])
    assert start_up.cancelled() or isinstance(start_up.exception(), OSError)


# ---- running


@pytest.mark.asyncio
async def test_running_serves_a_bot_in_an_app_that_already_exists() -> None:
    index = Index()
    bot = reader(index.open)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with running(bot):
            yield

    existing = Starlette(routes=bot_routes(bot, path="/poe"), lifespan=lifespan)
    async with existing.router.lifespan_context(existing):
        assert (await Exchange().run(existing, path="/poe")).text == "index 1"
    assert index.events == ["opened", "closed"]


@pytest.mark.asyncio
async def test_the_first_to_enter_opens_and_the_last_to_leave_closes_in_one_task() -> None:
    index = Index()
    bot = reader(index.open)
    first, second = AsyncExitStack(), AsyncExitStack()
    await asyncio.create_task(first.enter_async_context(running(bot)))
    await asyncio.create_task(second.enter_async_context(running(bot, bot)))
    assert (await Exchange().run(create_app(bot))).text == "index 1"
    await asyncio.create_task(first.aclose())
    assert (await Exchange().run(create_app(bot))).text == "index 1"
    assert index.events == ["opened"]
    await asyncio.create_task(second.aclose())
    assert index.events == ["opened", "closed"]
    assert len(index.tasks) == 1
    assert (await Exchange().run(create_app(bot))).text == ""


@pytest.mark.asyncio
async def test_two_that_enter_at_once_open_one() -> None:
    index = Index()
    bot = reader(index.open)
    stacks = [AsyncExitStack() for _ in range(3)]
    await asyncio.gather(*(stack.enter_async_context(running(bot)) for stack in stacks))
    assert index.events == ["opened"]
    await asyncio.gather(*(stack.aclose() for stack in stacks))
    assert index.events == ["opened", "closed"]


def test_two_loops_in_two_threads_have_a_value_each() -> None:
    index, both = Index(), threading.Barrier(2)
    bot = reader(index.open)
    app = create_app(bot)
    texts: list[str] = []

    async def serve() -> None:
        async with running(bot):
            await asyncio.to_thread(both.wait, 10)
            texts.append((await Exchange().run(app)).text)
            await asyncio.to_thread(both.wait, 10)

    threads = [threading.Thread(target=lambda: asyncio.run(serve())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(texts) == ["index 1", "index 2"]
    assert index.events == ["opened", "opened", "closed", "closed"]
    assert len(index.tasks) == 2


@pytest.mark.asyncio
async def test_one_closing_that_fails_is_logged_and_keeps_nothing_else_open(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []

    async def fails() -> None:
        raise TimeoutError

    async def closes() -> None:
        closed.append("closed")

    async with running():
        when_bots_stop(fails)
        when_bots_stop(closes)
    assert closed == ["closed"]
    assert "TimeoutError" in caplog.text


@pytest.mark.asyncio
async def test_the_connections_of_a_bots_client_are_closed_when_the_last_bot_leaves() -> None:
    from poe_asgi.client._connection import _pools, pool

    loop = asyncio.get_running_loop()
    async with running():
        async with running():
            pool()
        assert loop in _pools
    assert loop not in _pools
