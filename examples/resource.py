"""A resource that opens when the server starts and closes when it stops: a glossary in a database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from poe_asgi import Answer, Bot, QueryContext, create_app

WORDS = [
    ("asgi", "How Python web servers and asynchronous apps talk to each other."),
    ("sse", "Server-sent events: one HTTP response that goes on and on."),
]


class Glossary:
    def __init__(self) -> None:
        # Opened in one thread and read in others, which sqlite3 allows when nobody writes.
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.execute("CREATE TABLE glossary (word TEXT PRIMARY KEY, meaning TEXT)")
        self._db.executemany("INSERT INTO glossary VALUES (?, ?)", WORDS)

    def find(self, word: str) -> str | None:
        row = self._db.execute("SELECT meaning FROM glossary WHERE word = ?", (word.lower(),)).fetchone()
        return None if row is None else str(row[0])

    def close(self) -> None:
        self._db.close()


@asynccontextmanager
async def open_glossary() -> AsyncIterator[Glossary]:
    glossary = await asyncio.to_thread(Glossary)
    try:
        yield glossary
    finally:
        await asyncio.to_thread(glossary.close)


bot = Bot("Glossary", lifespan=open_glossary)


@bot.query
async def look_up(ctx: QueryContext[Glossary]) -> Answer:
    # In a thread, because sqlite3 blocks; on the event loop it would hold up every other answer.
    meaning = await asyncio.to_thread(ctx.deps.find, ctx.text.strip())
    yield meaning or "That word is not in the glossary."


app = create_app(bot, allow_without_key=True)
