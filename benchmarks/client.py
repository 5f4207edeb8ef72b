"""The load of the client case: one client reads answers of 10,000 events that the floor sends at once.

    python -m benchmarks.client NAME PORT SECONDS

reads whole answers for SECONDS, and prints one JSON object: ``events_per_second`` of them; ``us`` per event, from the
first to the last, of an answer to one message; and ``us_history``, the same for 1,000 messages. An answer that is read
wrongly is an error.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import httpx
import uvloop

from .answers import events
from .queries import KEY, body

if TYPE_CHECKING:
    from poe_asgi.client import BotStream

HISTORY = 999  # messages before the newest
LONGEST = 1.0  # seconds until a measurement of the cost per event has seen enough
REPEATS = 3

# The answer to a query: an async iterable of events with a ``text``, and an ``aclose``.
Ask: TypeAlias = Callable[[bytes], Any]


@asynccontextmanager
async def ours(base_url: str) -> AsyncIterator[Ask]:
    from poe_asgi import Message
    from poe_asgi.client import PoeClient

    def ask(query: bytes) -> BotStream:
        return poe.stream("bot", [Message(each["role"], each["content"]) for each in json.loads(query)["query"]])

    async with PoeClient(api_key=KEY, base_url=base_url) as poe:
        yield ask


@asynccontextmanager
async def official(base_url: str) -> AsyncIterator[Ask]:
    import fastapi_poe as fp

    def ask(query: bytes) -> AsyncGenerator[fp.PartialResponse, None]:
        request = fp.QueryRequest(**json.loads(query))
        return fp.stream_request(request, "bot", KEY, session=session, base_url=f"{base_url}/")

    async with httpx.AsyncClient(timeout=60) as session:
        yield ask


class Event(NamedTuple):
    text: str


@asynccontextmanager
async def floor(base_url: str) -> AsyncIterator[Ask]:
    """The least it takes with httpx: no status, no errors, one kind of line ending, no limits, no retry."""

    async def ask(query: bytes) -> AsyncGenerator[Event, None]:
        rest = b""
        async with session.stream("POST", base_url, content=query) as response:
            async for chunk in response.aiter_bytes():
                *frames, rest = (rest + chunk).split(b"\n\n")
                for frame in frames:
                    kind, _, data = frame.partition(b"\ndata: ")
                    if kind == b"event: text":
                        yield Event(json.loads(data)["text"])

    async with httpx.AsyncClient(timeout=60, headers={"Authorization": f"Bearer {KEY}"}) as session:
        yield ask


CLIENTS: dict[str, Callable[[str], AbstractAsyncContextManager[Ask]]] = {
    "ours": ours,
    "official": official,
    "floor": floor,
}


async def events_per_second(ask: Ask, seconds: float) -> float:
    """Of whole answers, with all that a call takes."""
    count, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        async for _ in ask(body("events")):
            count += 1
    return count / (time.perf_counter() - start)


async def us_per_event(answer: Any) -> float:
    """From the first event to the last, or as many as come in `LONGEST`: what a query costs once is left out."""
    count, first, now = -1, 0.0, 0.0
    async with aclosing(answer):
        async for _ in answer:
            now = time.perf_counter()
            first = first or now
            count += 1
            if now > first + LONGEST:
                break
    return (now - first) / count * 1e6


async def measure(name: str, port: int, seconds: float) -> dict[str, float]:
    async with CLIENTS[name](f"http://127.0.0.1:{port}") as ask:
        if "".join([event.text async for event in ask(body("events"))]) != "".join(events()):
            raise SystemExit("an answer was read wrongly")
        figures = {"events_per_second": await events_per_second(ask, seconds)}
        for metric, query in {"us": body("events"), "us_history": body("events", history=HISTORY)}.items():
            figures[metric] = statistics.median([await us_per_event(ask(query)) for _ in range(REPEATS)])
    return figures


if __name__ == "__main__":
    print(json.dumps(uvloop.run(measure(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
