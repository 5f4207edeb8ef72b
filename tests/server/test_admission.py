"""How many queries are let in at the same time, and the queue before them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from poe_asgi import Answer, AnswerError, Bot, ConfigurationError, Limits, QueryContext, bot_routes, create_app, drain
from poe_asgi.protocol import Done, ErrorEvent, Meta, Text
from poe_asgi.server import Admission
from poe_asgi.server._places import Place, Places
from poe_asgi.server._site import RESTARTING
from tests.support import KEY, Exchange, ManualClock, query, settle

BUSY = ErrorEvent(text="This bot is very busy. Please try again in a moment.", allow_retry=False)
TOO_OFTEN = ErrorEvent(text="You have asked very often. Please wait a little before you ask again.", allow_retry=False)


class Room:
    """An app whose answers run until they are told to end, and the questions to it."""

    def __init__(self, clock: ManualClock | None = None, **admission: Any) -> None:
        self.clock = clock
        self.begun: list[str] = []
        self.release: dict[str, asyncio.Event] = {}
        self.tasks: list[asyncio.Task[Exchange]] = []
        self.exchanges: dict[str, Exchange] = {}
        bot = Bot("Room", limits=Limits(close_seconds=0.01))
        bot.query(self.handler)
        self.app = create_app(bot, access_key=KEY, admission=Admission(**admission))

    async def handler(self, ctx: QueryContext) -> Answer:
        self.begun.append(ctx.text)
        yield ctx.text
        await self.release[ctx.text].wait()

    async def ask(self, name: str, user: str = "") -> Exchange:
        """Ask, and let everything happen that happens at once."""
        self.release[name] = asyncio.Event()
        exchange = self.exchanges[name] = Exchange(self.clock)
        self.tasks.append(asyncio.create_task(exchange.run(self.app, query(name, user_id=user))))
        await settle()
        return exchange

    async def end(self, name: str) -> None:
        self.release[name].set()
        await settle()

    @property
    def places(self) -> Places:
        (here,) = self.app.state.poe_asgi.attendance._entrance._on_loop.values()
        places: Places = here[0]
        return places

    def is_empty(self) -> bool:
        return (self.places.taken, len(self.places.waiting), dict(self.places.of_user)) == (0, 0, {})


@asynccontextmanager
async def room(clock: ManualClock | None = None, **admission: Any) -> AsyncIterator[Room]:
    """Afterwards every answer has ended, and every place is free."""
    room = Room(clock, **admission)
    try:
        yield room
    finally:
        for _ in range(len(room.tasks)):  # those who waited begin one after the other
            for release in room.release.values():
                release.set()
            await settle()
        for exchange in room.exchanges.values():
            exchange.disconnect()
        await asyncio.gather(*room.tasks, return_exceptions=True)
    assert room.is_empty()


# ---- at the same time


@pytest.mark.asyncio
async def test_without_admission_all_are_let_in_and_the_driver_is_the_plain_one() -> None:
    app = create_app(Room().app.routes[0].app.bot, access_key=KEY)  # type: ignore[attr-defined]
    assert app.state.poe_asgi.attendance is None


@pytest.mark.asyncio
async def test_a_query_above_the_places_is_answered_200_with_an_error_that_poe_shows() -> None:
    async with room(queries=2) as here:
        await here.ask("a")
        await here.ask("b")
        third = await here.ask("c")
        assert third.status == 200
        assert third.events == [Meta(), BUSY, Done()]
        assert third.reader.clean
        assert here.begun == ["a", "b"]


@pytest.mark.asyncio
async def test_a_place_is_free_again_when_its_answer_has_ended() -> None:
    async with room(queries=1) as here:
        await here.ask("a")
        await here.end("a")
        assert (await here.ask("b")).events == [Meta(), Text("b")]


@pytest.mark.asyncio
async def test_a_user_above_his_share_is_refused_and_others_are_not() -> None:
    async with room(queries_per_user=1) as here:
        await here.ask("a", "u-1")
        assert (await here.ask("b", "u-1")).events == [Meta(), TOO_OFTEN, Done()]
        assert (await here.ask("c", "u-2")).events == [Meta(), Text("c")]
        await here.end("a")
        assert (await here.ask("d", "u-1")).events == [Meta(), Text("d")]


@pytest.mark.asyncio
async def test_a_query_without_a_user_is_not_held_against_the_share_of_a_user() -> None:
    async with room(queries_per_user=1) as here:
        await here.ask("a")
        await here.ask("b")
        assert here.begun == ["a", "b"]


@pytest.mark.asyncio
async def test_what_users_read_can_be_set() -> None:
    busy = AnswerError("Full house.", allow_retry=True, error_type="user_caused_error")
    async with room(queries=1, queries_per_user=1, busy=busy, too_often=AnswerError("One at a time!")) as here:
        await here.ask("a", "u-1")
        assert (await here.ask("b", "u-1")).events[1] == ErrorEvent(text="One at a time!", allow_retry=False)
        assert (await here.ask("c", "u-2")).events[1] == ErrorEvent(
            text="Full house.", allow_retry=True, error_type="user_caused_error"
        )


@pytest.mark.asyncio
async def test_a_refusal_is_told_in_the_log_with_the_limit_and_the_ids(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with room(queries=1) as here:
        await here.ask("a")
        await here.ask("b", "u-1")
    (record,) = [record for record in caplog.records if "refused" in record.message]
    assert (record.levelname, record.limit, record.user_id) == ("INFO", "queries", "u-1")  # type: ignore[attr-defined]


@pytest.mark.asyncio
async def test_several_bots_of_an_app_share_its_places() -> None:
    here = Room()
    bots = {f"/{name}": Bot(name) for name in ("one", "two")}
    for bot in bots.values():
        bot.query(here.handler)
    app = create_app(bots, access_key=KEY, admission=Admission(queries=1))
    here.release["a"] = asyncio.Event()
    first = asyncio.create_task(Exchange().run(app, query("a"), path="/one"))
    await settle()
    assert (await Exchange().run(app, query("b"), path="/two")).events == [Meta(), BUSY, Done()]
    here.release["a"].set()
    await first


@pytest.mark.asyncio
async def test_routes_of_a_bot_can_have_an_admission() -> None:
    here = Room()
    bot = Bot()
    bot.query(here.handler)
    (route,) = bot_routes(bot, access_key=KEY, admission=Admission(queries=1))
    here.release["a"] = asyncio.Event()
    endpoint: Any = route.app  # type: ignore[attr-defined]
    first = asyncio.create_task(Exchange().run(endpoint, query("a")))
    await settle()
    assert (await Exchange().run(endpoint, query("b"))).events == [Meta(), BUSY, Done()]
    here.release["a"].set()
    await first


# ---- the queue


@pytest.mark.asyncio
async def test_who_waits_has_meta_at_once_and_is_let_in_first_come_first_served() -> None:
    async with room(queries=1, queue=3) as here:
        await here.ask("a")
        waiting = [await here.ask(name) for name in "bcd"]
        assert [exchange.events for exchange in waiting] == [[Meta()]] * 3
        for name in "abc":
            await here.end(name)
        assert here.begun == ["a", "b", "c", "d"]


@pytest.mark.asyncio
async def test_a_full_queue_refuses() -> None:
    async with room(queries=1, queue=1) as here:
        await here.ask("a")
        await here.ask("b")
        assert (await here.ask("c")).events == [Meta(), BUSY, Done()]


@pytest.mark.asyncio
async def test_the_wait_has_an_end_and_its_place_in_the_queue_is_free_again() -> None:
    clock = ManualClock()
    async with room(clock, queries=1, queue=1, queue_seconds=5) as here:
        await here.ask("a")
        late = await here.ask("b")
        await clock.advance(4.9)
        assert not late.ended
        await clock.advance(0.1)
        assert late.events == [Meta(), BUSY, Done()]
        await here.ask("c")
        await here.end("a")
        assert here.begun == ["a", "c"]


@pytest.mark.asyncio
async def test_poe_hears_pings_while_its_query_waits() -> None:
    clock = ManualClock()
    async with room(clock, queries=1, queue=1, queue_seconds=60) as here:
        await here.ask("a")
        waiting = await here.ask("b")
        before = len(waiting.body)
        await clock.advance(15)
        assert waiting.body[before:].startswith(b":")


@pytest.mark.asyncio
async def test_a_client_that_leaves_the_queue_frees_its_place_there() -> None:
    async with room(queries=1, queue=2) as here:
        await here.ask("a")
        gone = await here.ask("b", "u-1")
        await here.ask("c", "u-2")
        gone.disconnect()
        await settle()
        assert len(here.places.waiting) == 1
        await here.ask("d")
        for name in "acd":
            await here.end(name)
        assert here.begun == ["a", "c", "d"]


@pytest.mark.asyncio
async def test_a_client_that_leaves_at_the_moment_of_its_turn_passes_the_place_on() -> None:
    async with room(queries=1, queue=2) as here:
        await here.ask("a")
        gone = await here.ask("b")
        await here.ask("c")
        here.release["a"].set()
        gone.disconnect()
        await settle()
        await settle()
        assert here.begun[-1] == "c"


@pytest.mark.asyncio
async def test_who_waits_counts_for_his_user() -> None:
    async with room(queries=1, queue=5, queries_per_user=2) as here:
        await here.ask("a", "u-1")
        await here.ask("b", "u-1")
        assert (await here.ask("c", "u-1")).events == [Meta(), TOO_OFTEN, Done()]


@pytest.mark.asyncio
async def test_draining_ends_those_who_wait_too() -> None:
    clock = ManualClock()
    async with room(clock, queries=1, queue=1, queue_seconds=100) as here:
        await here.ask("a")
        waiting = await here.ask("b")
        draining = asyncio.create_task(drain(here.app))
        await settle()
        await clock.advance(20)
        assert waiting.events[-2:] == [RESTARTING, Done()]
        await draining


# ---- every path frees the place


async def failing(ctx: QueryContext) -> Answer:
    yield "x"
    raise RuntimeError


async def too_much(ctx: QueryContext) -> Answer:
    yield "x" * 1_000


async def nothing(ctx: QueryContext) -> Answer:
    return
    yield ""


async def cancelled(ctx: QueryContext) -> Answer:
    raise asyncio.CancelledError
    yield ""


@pytest.mark.asyncio
@pytest.mark.parametrize("handler", [failing, too_much, nothing, cancelled])
async def test_however_an_answer_ends_its_place_is_free(handler: Any) -> None:
    bot = Bot(limits=Limits(characters=100))
    bot.query(handler)
    app = create_app(bot, access_key=KEY, admission=Admission(queries=1, queries_per_user=1))
    for _ in range(3):
        exchange = await Exchange().run(app, query(user_id="u-1"))
        assert exchange.reader.error not in {BUSY, TOO_OFTEN}


@pytest.mark.asyncio
async def test_a_request_that_the_server_cancels_frees_its_place() -> None:
    async with room(queries=1) as here:
        await here.ask("a")
        here.tasks[0].cancel()
        await settle()
        assert (await here.ask("b")).events == [Meta(), Text("b")]


@pytest.mark.asyncio
async def test_an_abandoned_handler_holds_no_place() -> None:
    release = asyncio.Event()

    async def stubborn(_: QueryContext) -> Answer:
        yield "x"
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()

    bot = Bot(limits=Limits(close_seconds=0))
    bot.query(stubborn)
    app = create_app(bot, access_key=KEY, admission=Admission(queries=1))
    first = Exchange()
    task = asyncio.create_task(first.run(app))
    await settle()
    first.disconnect()
    await task
    second = Exchange()
    task = asyncio.create_task(second.run(app))
    await settle()
    assert second.reader.error is None
    second.disconnect()
    await task
    release.set()
    await settle()


@pytest.mark.asyncio
async def test_a_handler_that_still_cleans_up_keeps_its_place_when_its_request_is_cancelled() -> None:
    release, cleaned = asyncio.Event(), asyncio.Event()

    async def careful(_: QueryContext) -> Answer:
        yield "x"
        try:
            await release.wait()
        finally:
            await cleaned.wait()

    bot = Bot(limits=Limits(close_seconds=20))
    bot.query(careful)
    app = create_app(bot, access_key=KEY, admission=Admission(queries=1))
    first = Exchange()
    task = asyncio.create_task(first.run(app))
    await settle()
    first.disconnect()
    await settle()
    task.cancel()
    await asyncio.wait([task])
    second = Exchange()
    task = asyncio.create_task(second.run(app))
    await settle()
    cleaned.set()
    release.set()
    await task
    await settle()
    assert second.reader.error == BUSY
    assert (await Exchange().run(app)).text == "x"


@pytest.mark.asyncio
async def test_hooks_and_settings_need_no_place() -> None:
    async with room(queries=1) as here:
        await here.ask("a")
        assert (await Exchange().run(here.app, {"type": "settings"})).status == 200


def test_an_app_on_two_loops_has_its_places_on_each() -> None:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"

    app = create_app(bot, access_key=KEY, admission=Admission(queries=1))
    for _ in range(2):
        assert asyncio.run(Exchange().run(app)).text == "x"


@pytest.mark.asyncio
async def test_of_many_who_come_and_leave_by_chance_no_place_is_lost() -> None:
    import random

    chance = random.Random(5)
    places = Places(total=3, per_user=2, queue=10, seconds=100)
    clock = ManualClock()
    most = 0

    async def visit(user: str, steps: int) -> None:
        nonlocal most
        if not places.admit_user(user):
            return
        place = Place()
        try:
            if await places.take(place, clock):
                for _ in range(steps):
                    most = max(most, places.taken)
                    await asyncio.sleep(0)
        finally:
            places.give_back(place)
            places.forget_user(user)

    tasks = []
    for number in range(500):
        tasks.append(asyncio.create_task(visit(f"u-{number % 7}", chance.randrange(4))))
        if chance.random() < 0.4:
            chance.choice(tasks).cancel()
        if chance.random() < 0.3:
            await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 3
    assert (places.taken, len(places.waiting), dict(places.of_user)) == (0, 0, {})


# ---- the value


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"queries": 0}, "queries must be a whole number from 1, not 0"),
        ({"queries": True}, "queries must be a whole number from 1, not True"),
        ({"queries": 1, "queue": -1}, "queue must be a whole number from 0, not -1"),
        ({"queue": 3}, "queries=, which is not set"),
        ({"queries": 1, "queue_seconds": 0}, "queue_seconds must be a number of seconds above 0"),
        ({"without_storage": "shut"}, "without_storage is 'open' or 'closed', not 'shut'"),
        ({"busy": "Busy."}, "busy is an AnswerError"),
        ({"querys": 1}, "Did you mean 'queries'?"),
        ({"rate_per_user": "often"}, "rate_per_user is like '20/minute' or '20/minute; 200/day', not 'often'"),
        ({"rate_per_user": "0/minute"}, "rate_per_user is like '20/minute' or '20/minute; 200/day', not '0/minute'"),
        ({"rate_per_user": "1/day", "storage": "mysql://x"}, "storage is 'memory://' or the URL of a Redis"),
        ({"rate_per_user": "1/day", "storage": "redis://:pass@host:port/0"}, "storage is 'memory://' or the URL of a"),
        ({"rate_per_user": "1/day", "storage": "redis://host?tiemout=1"}, "storage is 'memory://' or the URL of a"),
        ({"rate_per_user": "1/day", "namespace": None}, "namespace must be a non-empty str, not None"),
    ],
)
def test_a_wrong_value_is_told_when_the_app_is_built(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Room(**wrong)
    assert message in str(caught.value)


def test_a_dictionary_is_no_admission() -> None:
    bot = Bot()
    bot.query(failing)
    with pytest.raises(ConfigurationError, match="takes an Admission"):
        create_app(bot, admission={"queries": 1})  # type: ignore[arg-type]


def test_the_password_of_a_storage_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Admission(rate_per_user="1/day", storage="redis://:secret@localhost"))
