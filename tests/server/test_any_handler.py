"""Whatever a handler does, the stream is one that the reader finds clean."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings, strategies as st

from poe_asgi import (
    AnswerError,
    Bot,
    Data,
    File,
    Limits,
    Meta,
    QueryContext,
    ReplaceResponse,
    SuggestedReply,
    Text,
    create_app,
)
from poe_asgi.protocol import Done, Json
from tests.support import KEY, Exchange, ManualClock, settle


@dataclass(frozen=True)
class Yield:
    item: Any


@dataclass(frozen=True)
class Raise:
    exception: type[BaseException]


@dataclass(frozen=True)
class Delegate:
    steps: tuple[Any, ...]
    catches: bool
    plain: bool


@dataclass(frozen=True)
class Guard:
    """Swallows the cancellation, and yields while being closed."""

    steps: tuple[Any, ...]


PAUSE, NEVER, RETURN = "pause", "never", "return"

LEAVES = st.one_of(
    st.builds(Yield, st.text(st.characters(codec=None), max_size=6)),
    st.builds(Yield, st.builds(Text, st.text(max_size=6))),
    st.builds(Yield, st.builds(ReplaceResponse, st.text(max_size=6))),
    st.builds(Yield, st.builds(SuggestedReply, st.text(max_size=6))),
    st.builds(Yield, st.builds(Data, st.text(max_size=6))),
    st.just(Yield(File(url="u", name="n", content_type="c", inline_ref="r"))),
    st.builds(Yield, st.sampled_from([None, 5, b"x", Meta(), Done(), Json({}), ["x"], AnswerError("x")])),
    st.builds(Raise, st.sampled_from([ValueError, TimeoutError, asyncio.CancelledError, GeneratorExit, SystemExit])),
    st.sampled_from([PAUSE, PAUSE, NEVER, RETURN]),
)
STEPS = st.recursive(
    st.lists(LEAVES, max_size=8).map(tuple),
    lambda steps: st.lists(
        LEAVES | st.builds(Delegate, steps, st.booleans(), st.booleans()) | st.builds(Guard, steps), max_size=6
    ).map(tuple),
    max_leaves=12,
)


class Plain:
    """An async iterator that is no generator: nothing can be thrown into it."""

    def __init__(self, source: AsyncIterator[Any]) -> None:
        self.source = source

    def __aiter__(self) -> Plain:
        return self

    async def __anext__(self) -> Any:
        return await anext(self.source)


async def play(steps: tuple[Any, ...]) -> AsyncIterator[Any]:
    for step in steps:
        match step:
            case Yield(item):
                yield item
            case Raise(exception):
                raise exception
            case Delegate(inner, catches, plain):
                delegate = Plain(play(inner)) if plain else play(inner)
                try:
                    yield delegate
                except Exception:
                    if not catches:
                        raise
                finally:
                    if isinstance(delegate, Plain):
                        await delegate.source.aclose()  # type: ignore[attr-defined]
            case Guard(inner):
                try:
                    async for item in play(inner):
                        yield item
                except asyncio.CancelledError:
                    yield "swallowed"
                finally:
                    await asyncio.sleep(0)
            case "pause":
                await asyncio.sleep(0)
            case "never":
                await asyncio.Event().wait()
            case _:
                return


async def answer(steps: tuple[Any, ...], limits: Limits) -> Exchange:
    async def handler(ctx: QueryContext) -> AsyncIterator[Any]:
        async for item in play(steps):
            yield item

    bot = Bot(limits=limits)
    bot.query(handler)
    clock = ManualClock()
    exchange = Exchange(clock, limits)
    task = asyncio.create_task(exchange.run(create_app(bot, access_key=KEY)))
    await settle(100)
    if not task.done():
        await clock.advance(limits.total_seconds)
    if not task.done():
        await clock.advance(limits.close_seconds)
        await settle()
    await task
    assert clock.armed == 0
    return exchange


@settings(max_examples=400, deadline=None)
@given(
    STEPS,
    st.builds(
        Limits,
        total_seconds=st.sampled_from([1.0, 4.0]),
        characters=st.sampled_from([1, 5, 512_000]),
        events=st.sampled_from([4, 7, 10_000]),
        files=st.sampled_from([0, 1, 20]),
        ping_seconds=st.sampled_from([0, 1]),
    ),
)
def test_any_handler_gives_a_clean_stream_and_leaves_nothing(steps: tuple[Any, ...], limits: Limits) -> None:
    logging.getLogger("poe_asgi.server").disabled = True
    try:
        exchange = asyncio.run(answer(steps, limits))
    finally:
        logging.getLogger("poe_asgi.server").disabled = False
    assert exchange.ended
    assert exchange.reader.clean, exchange.reader.violations
    assert exchange.events[0] == Meta()
    assert exchange.events[-1] == Done()
