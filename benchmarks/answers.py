"""What the benchmark bots answer. Small on purpose: every server imports it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

INTERVAL = 0.05  # seconds between two tokens of a paced answer

# The newest user message decides: one of these is answered at once, "paced N" with N tokens, one each INTERVAL.
READY = {"burst": tuple(f"token{number} " for number in range(200)), "short": ("Hello!",)}


def events() -> list[str]:
    """What the floor alone answers to "events", all of it in one go: food for clients."""
    return [f"token{number} " for number in range(10_000)]


def chat_tokens() -> list[str]:
    """What the model of the chat case answers to everything, a chunk each."""
    return [f"token{number} " for number in range(20_000)]


async def paced(count: int) -> AsyncGenerator[str, None]:
    """Yield ``count`` tokens on a fixed schedule; the text of each is the moment it was due.

    Moments are those of `time.monotonic`, which all processes of a machine share. The schedule does not drift: a token
    that was late makes no other late.
    """
    start = time.monotonic()
    for number in range(count):
        due = start + number * INTERVAL
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield f"{due:.6f} "
