"""Stops under load: a server is told to stop while it answers, and no stream may be cut.

Each of `CLIENTS` has a connection that it keeps, and asks again whenever its answer has ended, until the server closes
it. Some ask for short answers, some for long ones, some for what no drain time is enough for, and one does not read.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from poe_asgi.protocol import ErrorEvent, ResponseReader
from tests.server.serving import Wire, connected
from tests.support import query

from .bot import LIMITS
from .servers import COMMANDS, GRACE, serving

CLIENTS = 20
DRAIN_SECONDS = 0.5  # for servers that have a grace of their own, much more
STALLED = "1000000 0 10000"  # asked by one that reads nothing until the drain time is over; it then takes all at once
ASKED = ("1 0 6", "20 0.005 6", "300 0 6", "20 0.02 6", "1000000 0.02 6")  # the last one would take hours


class Outcome(Enum):
    """What became of one question."""

    FINISHED = "finished"
    ENDED = "ended, may be asked again"
    REFUSED = "503"
    CLOSED = "met a closed connection"  # each connection ends so; HTTP has no better way for one that is kept
    CUT = "cut"


@dataclass
class Stop:
    """What came of one stop. ``complaint`` is a traceback that leads through this SDK, or that it did not stop."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    cuts: list[str] = field(default_factory=list)
    complaint: str = ""


async def stop(name: str, chance: random.Random) -> Stop:
    """Serve, load, stop, and see."""
    result = Stop()
    grace = GRACE.get(name)
    with serving(name, drain_seconds=DRAIN_SECONDS if grace is None else 60) as server:
        late = asyncio.Event()
        clients = [_client(server.port, ASKED[number % len(ASKED)], result) for number in range(CLIENTS - 1)]
        tasks = [asyncio.create_task(each) for each in [*clients, _client(server.port, STALLED, result, late)]]
        await asyncio.sleep(chance.uniform(0.1, 0.5))
        server.tell()
        await asyncio.sleep((grace or DRAIN_SECONDS) + 0.3)
        late.set()
        await asyncio.gather(*tasks)
        if not await asyncio.to_thread(server.ended):
            result.complaint = f"it did not stop; {result}; {server.log}"
        elif re.search(r'File ".*/poe_asgi/', server.log):
            result.complaint = server.log
    return result


async def _client(port: int, text: str, result: Stop, late: asyncio.Event | None = None) -> None:
    """One connection, until it is closed; its bodies are read from ``late`` on."""
    try:
        async with connected(port) as wire:
            outcome = Outcome.FINISHED
            while outcome not in {Outcome.CLOSED, Outcome.CUT}:
                outcome = await _ask(wire, text, result, late)
                result.outcomes[outcome] += 1
    except TimeoutError:
        result.outcomes[Outcome.CUT] += 1
        result.cuts.append(f"{text!r}: it hung")
    except OSError:
        pass  # it was closed before it was open


async def _ask(wire: Wire, text: str, result: Stop, late: asyncio.Event | None) -> Outcome:
    body = b""
    try:
        answered = await wire.ask(query(text))
    except (OSError, asyncio.IncompleteReadError) as exc:
        if not getattr(exc, "partial", b""):
            return Outcome.CLOSED
        result.cuts.append(f"in the head: {exc!r}")
        return Outcome.CUT
    if answered.status == 503:
        assert answered.headers["retry-after"] == "1"
        await answered.body()
        await asyncio.sleep(0.02)
        return Outcome.REFUSED
    assert answered.status == 200
    if late is not None:
        await late.wait()
    try:
        while chunk := await answered.chunk():
            body += chunk
    except (OSError, asyncio.IncompleteReadError) as exc:
        result.cuts.append(f"{text!r}: {exc!r} after {body[-200:]!r}")
        return Outcome.CUT
    reader = ResponseReader(LIMITS, now=0)
    reader.feed(body, 0)
    reader.end(0)
    assert reader.clean, reader.violations
    count, _, size = text.split()
    if reader.error is None:
        assert len(reader.text) == int(count) * int(size)
        return Outcome.FINISHED
    assert isinstance(reader.error, ErrorEvent)
    assert reader.error.allow_retry
    return Outcome.ENDED


def long_form(stops: int = 500) -> Iterator[tuple[str, str]]:
    """So many stops, spread over all servers."""
    chance = random.Random(1)  # the same moments in each run
    cuts: list[str] = []
    for name in COMMANDS:
        total: Counter[Outcome] = Counter()
        count = -(-stops // len(COMMANDS))
        for _ in range(count):
            result = asyncio.run(stop(name, chance))
            assert not result.complaint, f"{name}: {result.complaint}"
            total += result.outcomes
            cuts += [f"{name}: {each}" for each in result.cuts]
        yield name, f"{count} stops: " + ", ".join(f"{total[each]:,} {each.value}" for each in Outcome)
    assert not cuts, cuts
