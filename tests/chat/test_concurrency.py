"""Many calls at the same time, over real sockets: one pool, no harm to each other, nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import json
import queue
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from poe_asgi.chat import PoeChatModel
from poe_asgi.client import NO_RETRY, close_pool
from poe_asgi.errors import ConnectionFailedError, ConnectTimeoutError
from tests.chat.support import DONE, KEY, chunk, whole
from tests.client.support import with_lifespan
from tests.server.serving import PATIENCE, serving
from tests.support import settle

pytestmark = pytest.mark.asyncio


class Server:
    """Answers with the text it was sent. ``wait`` is answered when somebody sends ``go``, ``endless`` never ends.

    It runs in a thread of its own: what it notes is read when the calls are over, ``left`` by waiting for it.
    """

    def __init__(self, together: int = 0) -> None:
        self.connections: set[Any] = set()
        self.waiting = 0
        self.left: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._going = asyncio.Event()
        self._together = asyncio.Barrier(together) if together else None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.connections.add(scope["client"])
        request = json.loads(body)
        text = request["messages"][-1]["content"]
        if self._together is not None:
            await self._together.wait()
        if text == "go":
            self._going.set()
        self.waiting += text == "wait"
        if text == "wait" and await self._leaves_before(receive, self._going.wait()):
            self.left.put(text)
            return
        await (self._streamed if request.get("stream") else self._whole)(text, receive, send)

    async def _whole(self, text: str, receive: Any, send: Any) -> None:  # noqa: ARG002
        status, headers, (answer,) = whole(text)
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer})

    async def _streamed(self, text: str, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": chunk(content=text), "more_body": True})
        if text == "endless" and await self._leaves_before(receive, asyncio.Event().wait()):
            self.left.put(text)
            return
        await send({"type": "http.response.body", "body": chunk(finish="stop") + DONE, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _leaves_before(self, receive: Any, other: Awaitable[Any]) -> bool:
        leaving, waiting = asyncio.ensure_future(receive()), asyncio.ensure_future(other)
        await asyncio.wait([leaving, waiting], return_when=asyncio.FIRST_COMPLETED)
        left: bool = leaving.done()
        leaving.cancel()
        waiting.cancel()
        return left

    async def has_left(self) -> str:
        """Which call its client has left."""
        return await asyncio.to_thread(self.left.get, timeout=PATIENCE)


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@contextmanager
def served(server: Server) -> Iterator[Callable[..., PoeChatModel]]:
    """Models of this server; all sockets are closed afterwards, or the test fails."""
    before = open_files()
    with serving(with_lifespan(server)) as port:
        yield lambda: PoeChatModel(api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1", retry=NO_RETRY)
    gc.collect()
    assert open_files() <= before


@pytest_asyncio.fixture(autouse=True)
async def _no_task_is_left() -> AsyncIterator[None]:
    yield
    await settle()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


@pytest.mark.parametrize("streaming", [False, True])
async def test_200_calls_at_once_share_one_pool(streaming: bool) -> None:
    server = Server(together=200)

    async def ask(model: PoeChatModel, text: str) -> str:
        result = await (model.stream(text).read() if streaming else model.invoke(text))
        return str(result.text)

    with served(server) as model:
        texts = [f"text {number}" for number in range(200)]
        assert await asyncio.gather(*(ask(model(), text) for text in texts)) == texts
        assert len(server.connections) == 200
        again = await asyncio.gather(*(ask(model(), text) for text in texts))
        assert again == texts
        # The pool keeps up to a quarter of them; a pool for each of the models would keep none.
        assert len(server.connections) < 400
        await close_pool()


@pytest.mark.parametrize("streaming", [False, True])
async def test_calls_one_after_the_other_use_one_connection(streaming: bool) -> None:
    server = Server()
    with served(server) as model:
        for _ in range(20):
            asked = model()
            result = await (asked.stream("hi").read() if streaming else asked.invoke("hi"))
            assert result.text == "hi"
        await close_pool()
    assert len(server.connections) == 1


async def test_cancelling_one_call_leaves_the_others_alone() -> None:
    server = Server()
    with served(server) as model:
        async with model() as asked:
            calls = [asyncio.create_task(asked.invoke("wait")) for _ in range(10)]
            calls += [asyncio.create_task(asked.stream("wait").read()) for _ in range(10)]
            async with asyncio.timeout(PATIENCE):
                while server.waiting < 20:
                    await asked.invoke("meanwhile")
            for cancelled in (calls.pop(0), calls.pop(-1)):
                cancelled.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await cancelled
                assert await server.has_left() == "wait"
            await asked.invoke("go")
            assert [each.text for each in await asyncio.gather(*calls)] == ["wait"] * 18
            assert (await asked.invoke("after")).text == "after"


async def leave_by_break(asked: PoeChatModel) -> None:
    async with asked.stream("endless") as answer:
        async for delta in answer:
            assert delta.text == "endless"
            break


async def leave_by_dropping(asked: PoeChatModel) -> None:
    async for _ in asked.stream("endless"):
        break
    gc.collect()


async def leave_by_never_iterating(asked: PoeChatModel) -> None:
    async with await asked.invoke("endless", streaming=True):
        pass


async def leave_by_dropping_what_was_never_iterated(asked: PoeChatModel) -> None:
    await asked.invoke("endless", streaming=True)
    gc.collect()


async def leave_by_cancelling(asked: PoeChatModel) -> None:
    answer = asked.stream("endless")
    reading = asyncio.create_task(answer.read())
    while not answer.result.text:
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def leave_a_bots_answer(asked: PoeChatModel) -> None:
    events = asked.stream("endless").answer()
    await anext(events)
    await events.aclose()


@pytest.mark.parametrize(
    "leave",
    [
        leave_by_break,
        leave_by_dropping,
        leave_by_never_iterating,
        leave_by_dropping_what_was_never_iterated,
        leave_by_cancelling,
        leave_a_bots_answer,
    ],
)
async def test_whatever_way_a_stream_is_left_its_connection_is_closed(
    leave: Callable[[PoeChatModel], Awaitable[None]],
) -> None:
    server = Server()
    with served(server) as model:
        async with model() as asked:
            await leave(asked)
            assert await server.has_left() == "endless"
            assert (await asked.invoke("after")).text == "after"


async def test_a_model_used_as_a_context_has_a_pool_of_its_own_and_closes_it() -> None:
    server = Server()
    with served(server) as model:
        for _ in range(2):
            async with model() as asked:
                await asyncio.gather(asked.invoke("a"), asked.invoke("b"))
    assert 2 <= len(server.connections) <= 4


async def test_where_nobody_listens_the_connection_failed() -> None:
    with serving(with_lifespan(Server())) as port:
        pass
    async with PoeChatModel(api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1", retry=NO_RETRY) as asked:
        for call in (asked.invoke("hi"), asked.stream("hi").read(), asked.models()):
            with pytest.raises((ConnectionFailedError, ConnectTimeoutError)):
                await call
