"""Draining: what becomes of new and of running answers when a server is to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from starlette.applications import Starlette

from poe_asgi import Answer, Bot, Limits, QueryContext, bot_routes, create_app, drain, running
from poe_asgi.protocol import Done, ErrorEvent, Meta, Text
from poe_asgi.server._site import RESTARTING
from tests.support import KEY, Exchange, ManualClock, settle


def waiting(release: asyncio.Event) -> Bot:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "begun, "
        await release.wait()
        yield "ended"

    return bot


@pytest.mark.asyncio
async def test_while_the_app_drains_a_new_query_is_refused_for_a_moment_and_hooks_go_on() -> None:
    bot = waiting(asyncio.Event())
    heard: list[str] = []

    @bot.on_reaction
    async def hook(ctx: Any) -> None:
        heard.append(ctx.request.reaction)

    app = create_app(bot, access_key=KEY)
    await drain(app)
    exchange = await Exchange().run(app)
    assert (exchange.status, exchange.headers["retry-after"]) == (503, "1")
    assert (await Exchange().run(app, key=None)).status == 401
    assert (await Exchange().run(app, {"type": "settings"})).status == 200
    await Exchange().run(app, {"type": "report_reaction", "message_id": "m", "reaction": "heart"})
    assert heard == ["heart"]


@pytest.mark.asyncio
async def test_draining_waits_for_an_answer_that_ends_by_itself() -> None:
    release = asyncio.Event()
    app = create_app(waiting(release), access_key=KEY)
    exchange = Exchange()
    answer = asyncio.create_task(exchange.run(app))
    await settle()
    draining = asyncio.create_task(drain(app))
    await settle()
    assert not draining.done()
    release.set()
    await draining
    await answer
    assert exchange.events == [Meta(), Text("begun, "), Text("ended"), Done()]


@pytest.mark.asyncio
async def test_an_answer_that_goes_on_is_ended_after_the_drain_time_and_may_be_asked_for_again() -> None:
    clock = ManualClock()
    app = create_app(waiting(asyncio.Event()), access_key=KEY, drain_seconds=20)
    exchange = Exchange(clock)
    answer = asyncio.create_task(exchange.run(app))
    await settle()
    draining = asyncio.create_task(drain(app))
    await clock.advance(19.9)
    assert not exchange.ended
    await clock.advance(0.1)
    await draining
    await answer
    assert exchange.events == [Meta(), Text("begun, "), RESTARTING, Done()]
    assert ErrorEvent(text=RESTARTING.text, allow_retry=True) == RESTARTING


@pytest.mark.asyncio
async def test_draining_waits_for_the_last_of_several_answers() -> None:
    releases = [asyncio.Event(), asyncio.Event()]
    app = create_app({f"/{index}": waiting(release) for index, release in enumerate(releases)}, access_key=KEY)
    answers = [asyncio.create_task(Exchange().run(app, path=f"/{index}")) for index in range(2)]
    await settle()
    draining = asyncio.create_task(drain(app))
    for release in releases:
        assert not draining.done()
        release.set()
        await settle()
    await draining
    assert [(await answer).text for answer in answers] == ["begun, ended"] * 2


@pytest.mark.asyncio
async def test_an_answer_that_was_let_in_just_before_is_ended_too() -> None:
    clock = ManualClock()
    app = create_app(waiting(asyncio.Event()), access_key=KEY, drain_seconds=20)
    exchange = Exchange(clock)
    exchange.room.clear()  # the head of its response is still on its way
    answer = asyncio.create_task(exchange.run(app))
    await settle()
    draining = asyncio.create_task(drain(app))
    await settle()
    exchange.room.set()
    await clock.advance(20)
    await answer
    await draining
    assert exchange.events == [Meta(), Text("begun, "), RESTARTING, Done()]


@pytest.mark.asyncio
async def test_with_no_drain_time_answers_are_ended_at_once() -> None:
    app = create_app(waiting(asyncio.Event()), access_key=KEY, drain_seconds=0)
    exchange = Exchange()
    answer = asyncio.create_task(exchange.run(app))
    await settle()
    await drain(app)
    await answer
    assert exchange.events[-2:] == [RESTARTING, Done()]


@pytest.mark.asyncio
async def test_a_wait_that_was_given_up_leaves_nothing_behind() -> None:
    release = asyncio.Event()
    app = create_app(waiting(release), access_key=KEY)
    answer = asyncio.create_task(Exchange().run(app))
    await settle()
    impatient = asyncio.create_task(drain(app))
    await settle()
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    patient = [asyncio.create_task(drain(app)) for _ in range(2)]
    await settle()
    release.set()
    await asyncio.gather(answer, *patient)
    await drain(app)
    site = app.state.poe_asgi
    assert (site.answers, site._waits) == (set(), set())


def test_a_wait_on_another_threads_loop_that_is_closed_does_not_disturb_the_answer() -> None:
    async def answer() -> Exchange:
        release = asyncio.Event()
        app = create_app(waiting(release), access_key=KEY)
        exchange = Exchange()
        task = asyncio.create_task(exchange.run(app))
        await settle()

        async def impatient() -> None:
            wait = asyncio.create_task(drain(app))
            await settle()
            assert not wait.done()

        await asyncio.to_thread(asyncio.run, impatient())
        release.set()
        return await task

    assert asyncio.run(answer()).text == "begun, ended"


@pytest.mark.asyncio
async def test_answers_that_come_in_another_thread_disturb_nobody_who_looks_at_them() -> None:
    site: Any = create_app(waiting(asyncio.Event()), access_key=KEY).state.poe_asgi

    class Coming:
        """An answer of another thread, where the next one begins while this one is looked at."""

        finished = True

        @property
        def loop(self) -> object:
            site.answers.add(object())
            return None

    for _ in range(3):
        site.answers.add(Coming())
    await asyncio.wait_for(site.end_here(), 10)
    site.answers.clear()


def test_another_threads_loop_can_drain_an_app_and_wait_for_it() -> None:
    began = threading.Event()

    async def answer() -> Exchange:
        exchange = Exchange()
        task = asyncio.create_task(exchange.run(app))
        await settle()
        began.set()
        return await task

    app = create_app(waiting(asyncio.Event()), access_key=KEY, drain_seconds=0)
    exchanges: list[Exchange] = []
    thread = threading.Thread(target=lambda: exchanges.append(asyncio.run(answer())))
    thread.start()
    assert began.wait(10)
    asyncio.run(asyncio.wait_for(drain(app), 10))
    thread.join(10)
    assert exchanges[0].events[-2:] == [RESTARTING, Done()]


@pytest.mark.parametrize("thread", [False, True])
def test_an_app_that_starts_again_answers_again(thread: bool) -> None:
    async def serve() -> str:
        release = asyncio.Event()
        release.set()
        app = create_app(waiting(release), access_key=KEY)
        await drain(app)
        async with app.router.lifespan_context(app):
            return (await Exchange().run(app)).text

    if thread:
        with ThreadPoolExecutor() as pool:
            text = pool.submit(asyncio.run, serve()).result(10)
    else:
        text = asyncio.run(serve())
    assert text == "begun, ended"


# ---- the end of the lifespan, of which servers tell last


@pytest.mark.asyncio
async def test_what_still_runs_when_the_lifespan_ends_is_ended_before_its_resources_are_closed() -> None:
    log: list[str] = []

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        yield
        log.append("resources closed")

    bot = Bot(lifespan=resources)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield "begun, "
            await asyncio.Event().wait()
        finally:
            await settle()
            log.append("handler closed")

    app, exchange = create_app(bot, access_key=KEY), Exchange()
    async with app.router.lifespan_context(app):
        answer = asyncio.create_task(exchange.run(app))
        await settle()
    await asyncio.wait_for(answer, 10)
    assert log == ["handler closed", "resources closed"]
    assert exchange.events == [Meta(), Text("begun, "), RESTARTING, Done()]


@pytest.mark.asyncio
async def test_the_lifespan_ends_only_when_a_cancelled_answer_has_sent_its_end() -> None:
    app, exchange = create_app(waiting(asyncio.Event()), access_key=KEY), Exchange()
    async with AsyncExitStack() as lifespan:
        await lifespan.enter_async_context(app.router.lifespan_context(app))
        answer = asyncio.create_task(exchange.run(app))
        await settle()
        exchange.room.clear()  # its reader is slow
        answer.cancel()
        stopping = asyncio.create_task(lifespan.pop_all().aclose())
        await settle()
        assert not stopping.done()
        exchange.room.set()
        await stopping
        assert exchange.events == [Meta(), Text("begun, "), RESTARTING, Done()]
        await asyncio.wait_for(answer, 10)


@pytest.mark.asyncio
async def test_the_end_of_one_of_two_apps_ends_no_answer_of_the_other() -> None:
    release = asyncio.Event()
    app, other = (create_app(waiting(release), access_key=KEY) for _ in range(2))
    exchange = Exchange()
    async with app.router.lifespan_context(app):
        async with other.router.lifespan_context(other):
            answer = asyncio.create_task(exchange.run(app))
            await settle()
        release.set()
        await answer
    assert exchange.text == "begun, ended"


@pytest.mark.asyncio
async def test_a_sender_that_nothing_can_stop_does_not_hold_up_the_end_for_ever() -> None:
    bot = Bot(limits=Limits(close_seconds=0.01))
    release = asyncio.Event()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        await asyncio.Event().wait()

    app = create_app(bot, access_key=KEY)

    async def stubborn(scope: Any, receive: Any, send: Any) -> None:
        async def never(message: Any) -> None:
            if b"error" in message.get("body", b""):
                while not release.is_set():
                    with suppress(asyncio.CancelledError):
                        await release.wait()

        await app(scope, receive, never)

    async with asyncio.timeout(10):
        async with app.router.lifespan_context(app):
            answer = asyncio.create_task(Exchange().run(stubborn))
            await settle()
        assert not answer.done()
        release.set()
        await answer


# ---- signals


@pytest.fixture
def caught() -> Any:
    """What the handler that was there before, a server's for example, gets to see."""
    seen: list[int] = []
    before = {number: signal.signal(number, lambda n, _: seen.append(n)) for number in (signal.SIGTERM, signal.SIGINT)}
    yield seen
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_begins_the_draining_of_a_running_app_and_reaches_the_server_too(
    number: int, caught: list[int]
) -> None:
    app = create_app(waiting(asyncio.Event()), access_key=KEY, drain_seconds=0)
    async with app.router.lifespan_context(app):
        exchange = Exchange()
        answer = asyncio.create_task(exchange.run(app))
        await settle()
        os.kill(os.getpid(), number)
        await answer
    assert exchange.events[-2:] == [RESTARTING, Done()]
    assert caught == [number]


@pytest.mark.asyncio
async def test_a_mounted_bot_is_drained_by_a_signal_when_its_parent_runs_it(caught: list[int]) -> None:
    bot = waiting(asyncio.Event())
    app = create_app(bot, access_key=KEY, drain_seconds=0)
    async with running(bot):
        exchange = Exchange()
        answer = asyncio.create_task(exchange.run(app))
        await settle()
        os.kill(os.getpid(), signal.SIGTERM)
        await answer
    assert exchange.events[-2:] == [RESTARTING, Done()]
    assert caught == [signal.SIGTERM]


@pytest.mark.asyncio
async def test_routes_of_a_bot_answer_again_when_it_runs_again(caught: list[int]) -> None:
    release = asyncio.Event()
    release.set()
    bot = waiting(release)
    app = Starlette(routes=bot_routes(bot, access_key=KEY))
    async with running(bot):
        os.kill(os.getpid(), signal.SIGTERM)
        await settle()
        assert (await Exchange().run(app)).status == 503
    async with running(bot):
        assert (await Exchange().run(app)).text == "begun, ended"


@pytest.mark.asyncio
async def test_the_start_of_one_app_ends_the_draining_of_no_other(caught: list[int]) -> None:
    drained, started = (create_app(waiting(asyncio.Event()), access_key=KEY) for _ in range(2))
    await drain(drained)
    async with started.router.lifespan_context(started):
        assert (await Exchange().run(drained)).status == 503


@pytest.mark.asyncio
async def test_the_signal_handlers_are_restored_when_the_last_app_has_stopped(caught: list[int]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    async with running():
        watched = signal.getsignal(signal.SIGTERM)
        async with running():
            assert signal.getsignal(signal.SIGTERM) is watched
        assert signal.getsignal(signal.SIGTERM) is watched
    assert watched is not before
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.asyncio
async def test_a_handler_that_was_installed_later_is_left_in_place(caught: list[int]) -> None:
    def later(*_: object) -> None:
        pass

    async with running():
        signal.signal(signal.SIGTERM, later)
    assert signal.getsignal(signal.SIGTERM) is later


@pytest.mark.asyncio
async def test_a_signal_whose_default_ends_the_process_keeps_it(caught: list[int]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    async with running():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_in_another_thread_no_signal_is_touched(caught: list[int]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    inside: list[Any] = []

    async def run() -> None:
        async with running():
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join(10)
    assert inside == [before]
