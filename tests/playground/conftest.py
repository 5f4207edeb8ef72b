"""One Chromium for all tests of this folder, which share its event loop; skipped where there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeAlias

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from .visiting import Visit, chromium, visiting

Open: TypeAlias = Callable[..., Awaitable[Visit]]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium, the one that is installed on this machine."""
    path = chromium()
    if path is None:
        pytest.skip("There is no Chromium here: apt-get install chromium, or set CHROMIUM to its path.")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="package")
async def visit(browser: Browser) -> AsyncIterator[Open]:
    """Opens a playground for a bot: ``page = await visit(bot)``."""
    async with AsyncExitStack() as stack:

        async def opened(bot: object, **options: object) -> Visit:
            return await stack.enter_async_context(visiting(browser, bot, **options))  # type: ignore[arg-type]

        yield opened
