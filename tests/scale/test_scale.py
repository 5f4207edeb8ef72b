"""Two processes behind nginx, with a Redis: one dies, and the limits hold across both.

A short form runs with the suite; `make scale` opens more streams.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from poe_asgi import PoeClient, UpstreamError
from poe_asgi.client import NO_RETRY, Timeouts
from poe_asgi.client._httpx import HttpxTransport
from poe_asgi.errors import TruncatedStreamError
from poe_asgi.protocol import Text
from tests.redis import redis_server
from tests.scale.servers import Server, nginx, servers
from tests.server.serving import connected, read
from tests.support import KEY, query

STREAMS = int(os.environ.get("POE_ASGI_SCALE", "40"))
TICKS = 40 + STREAMS  # of each stream, one every 0.05 s: all are open before the first one ends
SECONDS = 120  # until a test that hangs fails
PATH = "/bot/Counting"


@dataclass
class Place:
    port: int
    servers: list[Server]

    @asynccontextmanager
    async def client(self) -> AsyncIterator[PoeClient]:
        """A client with room for all streams, which tries nothing again."""
        transport = HttpxTransport(connections=STREAMS)
        timeouts = Timeouts(first_event=SECONDS)
        url = f"http://127.0.0.1:{self.port}"
        try:
            yield PoeClient(api_key=KEY, base_url=url, transport=transport, retry=NO_RETRY, timeouts=timeouts)
        finally:
            await transport.aclose()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with (
        redis_server() as redis,
        servers(2, redis.url) as processes,
        nginx(tmp_path, [server.port for server in processes]) as port,
    ):
        yield Place(port, processes)


class Asked:
    """A stream through nginx: the process it comes from, its text, and what it failed with."""

    def __init__(self) -> None:
        self.pid = 0
        self.text = ""
        self.error: UpstreamError | None = None

    async def run(self, client: PoeClient, ticks: int = TICKS) -> Asked:
        try:
            async for event in client.stream("Counting", f"{ticks}"):
                assert isinstance(event, Text)
                if not self.pid:
                    self.pid = int(event.text)
                else:
                    self.text += event.text
        except UpstreamError as exc:
            self.error = exc
        return self


@pytest.mark.asyncio
async def test_a_process_that_is_killed_cuts_its_own_streams_only_and_their_clients_can_tell(place: Place) -> None:
    victim, survivor = place.servers
    async with asyncio.timeout(SECONDS), place.client() as client:
        streams = [Asked() for _ in range(STREAMS)]
        tasks = [asyncio.create_task(stream.run(client)) for stream in streams]
        while not all(stream.text for stream in streams):
            await asyncio.sleep(0.01)
        before = Counter(stream.pid for stream in streams)
        victim.kill()
        await asyncio.gather(*tasks)
        afterwards = await asyncio.gather(*(Asked().run(client, 1) for _ in range(10)))
    assert set(before) == {victim.pid, survivor.pid}
    for stream in streams:
        if stream.pid == survivor.pid:
            assert (stream.text, stream.error) == ("." * TICKS, None)
        else:
            assert isinstance(stream.error, TruncatedStreamError)
            assert 0 < len(stream.text) < TICKS
    assert [(stream.pid, stream.error) for stream in afterwards] == [(survivor.pid, None)] * 10


@pytest.mark.asyncio
async def test_a_body_that_was_cut_lacks_its_end_mark_on_the_wire(place: Place) -> None:
    victim, _ = place.servers
    async with asyncio.timeout(SECONDS):
        for _ in range(20):  # until nginx gives the query to the victim
            async with connected(place.port) as wire:
                answered = await wire.ask(query("1000"), path=PATH)
                body = b""
                while str(victim.pid).encode() not in body and body.count(b"event: text") < 2:
                    body += await answered.chunk()
                if str(victim.pid).encode() in body:
                    victim.kill()
                    with pytest.raises(asyncio.IncompleteReadError):
                        await answered.body()
                    return
    pytest.fail("nginx never asked the first process")


@pytest.mark.asyncio
async def test_a_rate_holds_across_the_processes(place: Place) -> None:
    told: Counter[bool] = Counter()
    processes: set[str] = set()
    async with asyncio.timeout(SECONDS):
        for _ in range(20):
            async with connected(place.port) as wire:
                answered = await wire.ask(query("0", user_id="u-1"), path=PATH)
                assert answered.status == 200
                reader = read(await answered.body())
                told[reader.error is None] += 1
                processes.add(reader.text)
    assert told == {True: 5, False: 15}
    assert processes - {""} == {str(server.pid) for server in place.servers}


@pytest.mark.asyncio
async def test_nginx_passes_each_token_on_when_it_comes(place: Place) -> None:
    async with asyncio.timeout(SECONDS), connected(place.port) as wire:
        answered = await wire.ask(query("5"), path=PATH)
        chunks = []
        while chunk := await answered.chunk():
            chunks.append(chunk)
    assert len(chunks) >= 6
    assert read(b"".join(chunks)).text.endswith(".....")


@pytest.mark.asyncio
async def test_a_process_that_is_stopped_finishes_its_answers_and_the_other_one_takes_over(place: Place) -> None:
    first, second = place.servers
    async with asyncio.timeout(SECONDS), place.client() as client:
        streams = [Asked() for _ in range(10)]
        tasks = [asyncio.create_task(stream.run(client)) for stream in streams]
        while not all(stream.text for stream in streams):
            await asyncio.sleep(0.01)
        await asyncio.to_thread(first.stop)
        await asyncio.gather(*tasks)
        afterwards = await asyncio.gather(*(Asked().run(client, 1) for _ in range(5)))
    assert [(stream.text, stream.error) for stream in streams] == [("." * TICKS, None)] * 10
    assert {stream.pid for stream in afterwards} == {second.pid}
