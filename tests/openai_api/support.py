"""Chat completions over ASGI, in process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from poe_asgi import Answer, Bot, QueryContext, create_app
from tests.support import KEY, Exchange

CHAT = "/v1/chat/completions"
USER = [{"role": "user", "content": "hi"}]
JSON = {"content-type": "application/json"}


def saying(*items: Any, name: str = "Echo", **options: Any) -> Bot:
    """A bot that yields these items at once; an exception among them is raised."""
    bot = Bot(name, **options)

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        for item in items:
            if isinstance(item, BaseException):
                raise item
            yield item

    return bot


def stepping(*items: Any, **options: Any) -> Bot:
    """The same, with a turn of the loop after each, so that each leaves alone."""

    async def pause() -> None:
        import asyncio

        for _ in range(3):
            await asyncio.sleep(0)

    bot = Bot("Echo", **options)

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        for item in items:
            if isinstance(item, BaseException):
                raise item
            yield item
            await pause()

    return bot


class Asked:
    """A bot that keeps the context it was asked with."""

    def __init__(self, mark: Callable[[Any], Any] = lambda handler: handler) -> None:
        self.bot = Bot("Echo")

        async def answer(ctx: QueryContext) -> AsyncIterator[str]:
            self.ctx = ctx
            yield "ok"

        self.bot.query(mark(answer))

    async def with_body(self, **fields: Any) -> QueryContext:
        exchange = await complete(self.bot, **fields)
        assert exchange.status == 200, exchange.body
        return self.ctx


async def post(app: Any, body: object, *, exchange: Exchange | None = None, **request: Any) -> Exchange:
    headers = {**JSON, **request.pop("headers", {})}
    return await (exchange or Exchange()).run(app, body, **{"path": CHAT, "headers": headers, **request})


async def complete(bot: Bot, *, exchange: Exchange | None = None, **fields: Any) -> Exchange:
    """One completion by this bot."""
    app = create_app(bot, openai=True, access_key=KEY)
    return await post(app, {"model": "Echo", "messages": USER, **fields}, exchange=exchange)


def chunks(exchange: Exchange) -> list[dict[str, Any]]:
    """The chunks of a stream, which has to end as it should."""
    *lines, end, rest = exchange.body.decode().split("\n\n")
    assert (end, rest) == ("data: [DONE]", "")
    return [json.loads(line.removeprefix("data: ")) for line in lines if not line.startswith(":")]


def deltas(exchange: Exchange) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(exchange) if chunk.get("choices")]


def text_of(exchange: Exchange) -> str:
    return "".join(delta.get("content") or "" for delta in deltas(exchange))


def message_of(exchange: Exchange) -> dict[str, Any]:
    assert exchange.status == 200, exchange.body
    message: dict[str, Any] = exchange.json["choices"][0]["message"]
    return message
