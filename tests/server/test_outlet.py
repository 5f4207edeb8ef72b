"""What a handler says leaves when the handler is about to wait, and it leaves as if the request's own task sent it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator, MutableMapping
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from poe_asgi import Answer, QueryContext, create_app
from poe_asgi.protocol import Done, ErrorEvent
from tests.server.test_driver import make
from tests.support import KEY, Exchange, ManualClock, settle

pytestmark = pytest.mark.asyncio

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
variable: ContextVar[str] = ContextVar("variable", default="")


class Talk:
    """An answer of which the test says when each token comes, behind a middleware whose ``send`` it gives."""

    def __init__(self, middleware: Callable[[Send], Send], clock: ManualClock | None = None) -> None:
        self.exchange = Exchange(clock)
        self.heard: list[str] = []
        self.ended_with: BaseException | None = None
        self._tokens: asyncio.Queue[str] = asyncio.Queue()
        self._app = create_app(make(self._handler), access_key=KEY)
        self._middleware = middleware

    async def _handler(self, _: QueryContext) -> Answer:
        variable.set("the handler's")
        try:
            while token := await self._tokens.get():
                self.heard.append(token)
                yield token
        except BaseException as exc:
            self.ended_with = exc
            raise

    async def say(self, *tokens: str) -> None:
        for token in tokens:
            self._tokens.put_nowait(token)
            await settle()

    async def run(self) -> None:
        await self.exchange.run(self._wrapped)

    async def start(self) -> asyncio.Task[None]:
        task = asyncio.create_task(self.run())
        await settle()
        return task

    async def _wrapped(self, scope: Any, receive: Any, send: Send) -> None:
        variable.set("the request's")
        await self._app(scope, receive, self._middleware(send))


def plain(send: Send) -> Send:
    return send


async def test_a_token_leaves_in_the_turn_in_which_the_handler_waits_again() -> None:
    seen: list[str] = []
    exchange = Exchange()
    more = asyncio.Event()

    async def handler(ctx: QueryContext) -> Answer:
        await more.wait()
        yield "a"
        yield "b"
        asyncio.get_running_loop().call_soon(lambda: seen.append(exchange.text))
        await asyncio.sleep(0)

    task = asyncio.create_task(exchange.run(create_app(make(handler), access_key=KEY)))
    await settle()
    more.set()
    await task
    assert seen == ["ab"]


async def test_every_send_finds_the_task_and_the_context_of_the_request() -> None:
    found: set[tuple[object, str]] = set()

    def middleware(send: Send) -> Send:
        async def noted(message: MutableMapping[str, Any]) -> None:
            found.add((asyncio.current_task(), variable.get()))
            await send(message)
            found.add((asyncio.current_task(), variable.get()))

        return noted

    talk = Talk(middleware)
    task = await talk.start()
    await talk.say("a", "b", "")
    await task
    assert talk.exchange.text == "ab"
    assert found == {(task, "the request's")}


async def test_a_send_that_waits_ends_in_that_task_and_context_while_the_handler_goes_on() -> None:
    found: set[tuple[object, str]] = set()

    def middleware(send: Send) -> Send:
        async def noted(message: MutableMapping[str, Any]) -> None:
            token = variable.set("the send's")
            with anyio.CancelScope():  # must be left in the task that entered it
                await send(message)
                await asyncio.sleep(0)
            found.add((asyncio.current_task(), variable.get()))
            variable.reset(token)  # in the context in which it was set

        return noted

    talk = Talk(middleware)
    task = await talk.start()
    talk.exchange.room.clear()
    await talk.say("a", "b", "c")
    assert talk.heard == ["a", "b", "c"]
    assert talk.exchange.text == ""
    talk.exchange.room.set()
    await settle()
    assert talk.exchange.text == "abc"
    await talk.say("")
    await task
    assert len(talk.exchange.chunks) == 4  # meta, "a", what came while it waited, done
    assert found == {(task, "the send's")}


async def test_a_timeout_around_a_send_ends_the_send_and_not_the_handler() -> None:
    timed_out: list[bytes] = []

    def middleware(send: Send) -> Send:
        async def limited(message: MutableMapping[str, Any]) -> None:
            try:
                async with asyncio.timeout(0 if b"slow" in message.get("body", b"") else None):
                    await send(message)
            except TimeoutError:
                timed_out.append(message["body"])

        return limited

    talk = Talk(middleware)
    task = await talk.start()
    talk.exchange.room.clear()
    await talk.say("slow")
    assert len(timed_out) == 1
    talk.exchange.room.set()
    await talk.say("quick", "")
    await task
    assert talk.exchange.text == "quick"


async def test_what_a_send_raises_is_raised_in_the_request_and_the_handler_is_closed() -> None:
    def middleware(send: Send) -> Send:
        async def broken(message: MutableMapping[str, Any]) -> None:
            if b"bad" in message.get("body", b""):
                raise RuntimeError("a broken middleware")
            await send(message)

        return broken

    talk = Talk(middleware)
    task = await talk.start()
    await talk.say("good", "bad")
    with pytest.raises(RuntimeError, match="a broken middleware"):
        await task
    assert talk.exchange.text == "good"
    assert isinstance(talk.ended_with, asyncio.CancelledError)


async def test_a_send_that_finds_no_reader_ends_the_answer_quietly() -> None:
    def middleware(send: Send) -> Send:
        async def cut(message: MutableMapping[str, Any]) -> None:
            if b"lost" in message.get("body", b""):
                raise BrokenPipeError
            await send(message)

        return cut

    talk = Talk(middleware)
    task = await talk.start()
    await talk.say("lost")
    await task
    assert isinstance(talk.ended_with, asyncio.CancelledError)
    assert not talk.exchange.ended


async def test_a_send_that_waits_is_cancelled_with_the_request() -> None:
    cancelled: list[bytes] = []

    def middleware(send: Send) -> Send:
        async def noted(message: MutableMapping[str, Any]) -> None:
            try:
                await send(message)
            except asyncio.CancelledError:
                cancelled.append(message["body"])
                raise

        return noted

    talk = Talk(middleware)
    task = await talk.start()
    talk.exchange.room.clear()
    await talk.say("a")
    task.cancel()
    await settle()
    talk.exchange.room.set()
    await task
    assert [b'"a"' in body for body in cancelled] == [True]
    assert [type(event) for event in talk.exchange.events[1:]] == [ErrorEvent, Done]


async def test_a_send_that_nobody_takes_is_given_up_after_the_end_of_the_answer() -> None:
    clock = ManualClock()
    talk = Talk(plain, clock)
    task = await talk.start()
    talk.exchange.room.clear()
    await talk.say("a")
    await clock.advance(3600)
    assert task.done()
    assert isinstance(talk.ended_with, asyncio.CancelledError)


async def test_a_send_may_give_any_awaitable() -> None:
    class Sending:
        """An iterator that is no generator: it cannot be thrown at."""

        def __init__(self, sending: Awaitable[None]) -> None:
            self._steps = sending.__await__()

        def __await__(self) -> Any:
            return self

        def __iter__(self) -> Iterator[Any]:
            return self

        def __next__(self) -> object:
            return next(self._steps)

    talk = Talk(lambda send: lambda message: Sending(send(message)))
    task = await talk.start()
    await talk.say("a")
    talk.exchange.room.clear()
    await talk.say("b")
    talk.exchange.room.set()
    await talk.say("")
    await task
    assert talk.exchange.text == "ab"


async def test_a_send_may_pause_without_waiting_for_anything() -> None:
    class Pause:
        def __await__(self) -> Generator[None, None, None]:
            yield

    def middleware(send: Send) -> Send:
        async def pausing(message: MutableMapping[str, Any]) -> None:
            await Pause()
            await send(message)

        return pausing

    talk = Talk(middleware)
    task = await talk.start()
    await talk.say("a", "b", "")
    await task
    assert talk.exchange.text == "ab"
