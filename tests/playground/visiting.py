"""A playground that is served, with a page of a real browser that is looking at it."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from poe_asgi import Bot, create_app
from poe_asgi.local import AsgiApp, FakePoe
from poe_asgi.playground import Playground

from ..support import KEY

LIGHT_WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}


def chromium() -> str | None:
    """Where a Chromium is."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name)) is not None), None)


@dataclass(slots=True)
class Visit:
    """A page that is open. ``complaints`` is what the browser complained about: errors, and what the policy stopped."""

    playground: Playground
    poe: FakePoe
    url: str
    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    async def say(self, text: str) -> Locator:
        """Say something, and wait for the whole answer."""
        before = await self.answers.count()
        await self.page.get_by_role("textbox", name="Message").fill(text)
        await self.page.keyboard.press("Enter")
        answer = self.answers.nth(before)
        await expect(answer).to_have_attribute("aria-busy", "false")
        return answer

    @property
    def answers(self) -> Locator:
        return self.page.locator(".answer")

    @property
    def last(self) -> Locator:
        return self.answers.last


class _Handler(logging.Handler):
    """What a development server does: it hands on the tracebacks that the bot logs, or else the message."""

    def __init__(self, playground: Playground) -> None:
        super().__init__()
        self._playground = playground

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"\(error ([0-9a-f]{8})\)", record.getMessage())
        if found is not None:
            lines = traceback.format_exception(*record.exc_info) if record.exc_info else [record.getMessage()]
            self._playground.handler_failed(found[1], "".join(lines))


@asynccontextmanager
async def serving(app: AsgiApp, close: Callable[[], None] = lambda: None) -> AsyncIterator[str]:
    """An app served on a socket, closed before the server is stopped; its address."""
    config = uvicorn.Config(app, ws="none", log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            close()
            server.should_exit = True
            await task


@asynccontextmanager
async def visiting(
    browser: Browser, bot: Any, *, options: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[Visit]:
    """A page at a playground for this bot, an app or a URL; ``more`` is for `Playground`."""
    poe = more.pop("fake_poe", None) or FakePoe()
    target = create_app(bot, access_key=KEY) if isinstance(bot, Bot) else bot
    playground = Playground(target, access_key=KEY, fake_poe=poe, **more)
    handler = _Handler(playground)
    logging.getLogger("poe_asgi").addHandler(handler)
    try:
        async with serving(playground.app, playground.close) as url:
            context = await browser.new_context(**(options or LIGHT_WIDE))
            try:
                context.set_default_timeout(5_000)
                page = await context.new_page()
                visit = Visit(playground, poe, url, page, context)
                page.on("console", lambda message: _complain(visit, message))
                page.on("pageerror", lambda error: visit.complaints.append(str(error)))
                await page.goto(url + playground.path)
                await expect(page.get_by_role("textbox", name="Message")).to_be_visible()
                await expect(page.locator("#conversations button")).not_to_have_count(0)
                yield visit
            finally:
                await context.close()
    finally:
        logging.getLogger("poe_asgi").removeHandler(handler)


def _complain(visit: Visit, message: ConsoleMessage) -> None:
    if message.type == "error":
        visit.complaints.append(message.text)
