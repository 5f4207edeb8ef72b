"""Bots behind bots: a scripted name that is a `Bot` or an ASGI app is asked as Poe would ask it, with ids of Poe's."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from .._clock import current_clock
from ..client import HttpRequest, HttpResponse, read_bounded
from ..errors import ConnectionFailedError, SSEError
from ..protocol import PROTOCOL_VERSION, Done, ErrorEvent, QueryRequest, ResponseReader, StreamEvent, new_identifier
from ..server import Bot, create_app, running
from ..server._keys import find_keys
from ._asgi import AsgiApp
from ._asgi_transport import AsgiTransport

# What callers of a bot that broke the protocol have seen.
INTERNAL = ErrorEvent(text="Internal server error", allow_retry=True)

_BODY_BYTES = 2**20


@dataclass(slots=True)
class Served:
    """A server bot that stands behind a name. ``bot`` is there when its lifespan has to be run around each call."""

    app: AsgiApp
    access_key: str = field(repr=False)
    bot: Bot | None = None
    _ids: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, bot: Bot | AsgiApp, access_key: str | None) -> Served:
        """This bot, or the bot that this app is. A `Bot` uses the key it would be found with, or a new one."""
        own = access_key or secrets.token_hex(16)
        if not isinstance(bot, Bot):
            return cls(bot, own)
        return cls(create_app(bot, access_key=own), find_keys(bot.access_keys, bot.name, (own,))[0], bot)

    async def events(self, query: QueryRequest) -> AsyncGenerator[StreamEvent, None]:
        """Its answer, event by event. Whatever is wrong with it comes as the error that Poe makes of it."""
        async with AsyncExitStack() as stack:
            if self.bot is not None:
                await stack.enter_async_context(running(self.bot))
            try:
                response = await self._post(self._addressed(query).to_wire())
            except ConnectionFailedError:
                yield INTERNAL
                return
            stack.push_async_callback(response.aclose)
            clock = current_clock()
            reader = ResponseReader(now=clock.time())
            try:
                async for chunk in response.chunks():
                    for event in reader.feed(chunk, clock.time()) if response.status == 200 else ():
                        if not isinstance(event, Done):
                            yield event
                        if isinstance(event, Done | ErrorEvent):
                            return
            except (ConnectionFailedError, SSEError):
                pass
            yield INTERNAL

    async def settings(self, version: str) -> dict[str, Any] | None:
        """Its answer to a settings request; None when it gave none."""
        async with AsyncExitStack() as stack:
            if self.bot is not None:
                await stack.enter_async_context(running(self.bot))
            try:
                response = await self._post({"version": version, "type": "settings"})
                stack.push_async_callback(response.aclose)
                answer = json.loads(await read_bounded(response, _BODY_BYTES))
            except (ConnectionFailedError, ValueError):
                return None
            return answer if response.status == 200 and isinstance(answer, dict) else None

    async def _post(self, body: dict[str, Any]) -> HttpResponse:
        headers = {"authorization": f"Bearer {self.access_key}", "content-type": "application/json"}
        content = json.dumps(body).encode("ascii")
        request = HttpRequest(method="POST", url="http://bot.test/", headers=headers, content=content)
        return await AsgiTransport(self.app).send(request)

    def _addressed(self, query: QueryRequest) -> QueryRequest:
        """The query with ids as this bot gets them: its own of user and conversation, and a fresh message."""
        return replace(
            query,
            version=PROTOCOL_VERSION,
            message_id=new_identifier("m"),
            user_id=self._id("u", query.user_id),
            conversation_id=self._id("c", query.conversation_id),
            metadata=query.metadata or new_identifier("d"),
            bot_query_id=secrets.token_hex(16),
        )

    def _id(self, tag: str, of_caller: str) -> str:
        return self._ids.setdefault(f"{tag} {of_caller}", new_identifier(tag))
