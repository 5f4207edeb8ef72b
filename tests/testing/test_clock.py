"""The clock that a test moves by hand."""

from __future__ import annotations

import asyncio

import pytest

from poe_asgi import Answer, Bot, QueryContext
from poe_asgi.local import FakePoe, Pause, Script
from poe_asgi.testing import ManualClock, PoeTester

pytestmark = pytest.mark.asyncio


async def test_what_is_due_happens_in_its_order_and_at_its_time() -> None:
    clock = ManualClock()
    happened: list[tuple[str, float]] = []
    start = clock.time()
    for seconds, name in ((3, "c"), (1, "a"), (2, "b"), (2, "b2"), (9, "late")):
        clock.call_at(start + seconds, lambda name: happened.append((name, clock.time() - start)), name)
    await clock.advance(5)
    assert happened == [("a", 1), ("b", 2), ("b2", 2), ("c", 3)]
    assert clock.time() - start == 5
    assert clock.armed == 1


async def test_what_follows_from_it_happens_before_time_moves_on() -> None:
    clock = ManualClock()
    woken = asyncio.Event()
    times: list[float] = []

    async def wait() -> None:
        await woken.wait()
        clock.call_at(clock.time() + 1, lambda: times.append(clock.time()))

    task = asyncio.create_task(wait())
    clock.call_at(clock.time() + 1, woken.set)
    await clock.advance(10)
    assert times == [1002]
    await task


async def test_a_call_can_be_cancelled() -> None:
    clock = ManualClock()
    timer = clock.call_at(clock.time() + 1, lambda: pytest.fail("it was cancelled"))
    assert clock.armed == 1
    timer.cancel()
    assert clock.armed == 0
    await clock.advance(2)


async def test_bots_behind_bots_follow_it_too(poe_tester: PoeTester, fake_poe: FakePoe) -> None:
    clock = ManualClock()

    def relay_to(name: str) -> Bot:
        bot = Bot()

        @bot.query
        async def relay(ctx: QueryContext) -> Answer:
            yield ctx.poe.stream(name)

        return bot

    fake_poe.bot("Middle", relay_to("Last"))
    fake_poe.bot("Last", Script("one", Pause(100), "two"))
    asking = asyncio.create_task(poe_tester(relay_to("Middle"), clock=clock).ask("hi"))
    await clock.advance(99)
    assert not asking.done()
    await clock.advance(1)
    assert asking.done()
    assert (await asking).text == "onetwo"
    assert (await asking).seconds == 100
