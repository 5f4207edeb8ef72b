"""A model looks things up with tools; what it found is kept with the answer, for the questions that follow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from poe_asgi import Answer, Bot, Data, PoeChatModel, QueryContext, create_app
from poe_asgi.chat import ChatModel
from poe_asgi.errors import ToolError

SHELVES = {
    "lighthouses": ["The Keeper's Year", "Lamps of the North"],
    "tea": ["A Leaf in Water"],
}


def titles(shelf: Annotated[str, "One word, in lower case."]) -> list[str]:
    """The titles of the books on a shelf."""
    if shelf not in SHELVES:
        raise ToolError(f"There is no such shelf. There are: {', '.join(SHELVES)}.")
    return SHELVES[shelf]


@asynccontextmanager
async def open_model() -> AsyncIterator[ChatModel]:
    async with PoeChatModel(model="GPT-5-mini") as model:
        yield model


bot = Bot("Library", lifespan=open_model)


@bot.query
async def answer(ctx: QueryContext[ChatModel]) -> Answer:
    stream = ctx.deps.stream(ctx.prompt(), tools=[titles], max_rounds=3)
    yield stream.answer()
    yield Data.dump(tool_rounds=stream.result.tool_rounds)


app = create_app(bot, allow_without_key=True)
