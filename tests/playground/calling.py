"""The calls of the page, made without a page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from poe_asgi import Bot, create_app
from poe_asgi.client import HttpRequest, HttpResponse, read_bounded
from poe_asgi.local import AsgiTransport, FakePoe
from poe_asgi.playground import Playground

from ..support import KEY

HERE = "http://127.0.0.1:8000"


class NoError(Exception):
    """The playground said no."""


@dataclass(slots=True)
class Caller:
    """Somebody who knows the token."""

    playground: Playground

    async def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        all_headers = {"x-playground-token": self.playground.token, **(headers or {})}
        request = HttpRequest(method=method, url=f"{HERE}/api/{path}", headers=all_headers, content=content)
        return await AsgiTransport(self.playground.app).send(request)

    async def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON of the answer. Raises NoError."""
        response = await self.send(method, path, body, headers)
        try:
            answer = json.loads(await read_bounded(response, 2**24))
        finally:
            await response.aclose()
        if response.status != 200:
            raise NoError(answer["error"])
        return answer

    async def new(self) -> str:
        key: str = (await self.call("POST", "conversations"))["key"]
        return key

    async def ask(self, key: str, text: str, **more: Any) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        await self.call("POST", f"conversations/{key}/ask", {"text": text, **more})
        return await self.answer(key)

    async def answer(self, key: str) -> dict[str, Any]:
        """The last answer, once it is complete."""
        async with asyncio.timeout(5):
            while True:
                entry: dict[str, Any] = (await self.call("GET", f"conversations/{key}"))["entries"][-1]
                if entry["kind"] == "answer" and entry["status"] not in {"waiting", "streaming"}:
                    return entry
                await asyncio.sleep(0.005)

    async def attach(self, name: str, content: bytes, content_type: str) -> str:
        headers = {"x-file-name": name, "content-type": content_type}
        url: str = (await self.call("POST", "files", content, headers))["url"]
        return url

    @asynccontextmanager
    async def news(self) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """What an open page is told."""
        response = await self.send("GET", "live")

        async def lines() -> AsyncIterator[dict[str, Any]]:
            rest = b""
            async for chunk in response.chunks():
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield json.loads(line)

        try:
            yield lines()
        finally:
            await response.aclose()


def caller(bot: Any, *, key: str | None = KEY, poe: FakePoe | None = None, **more: Any) -> Caller:
    """For a bot, an app or a URL."""
    target = create_app(bot, access_key=KEY) if isinstance(bot, Bot) else bot
    return Caller(Playground(target, access_key=key, fake_poe=poe, **more))
