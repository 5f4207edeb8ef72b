"""The one place where the command line meets the playground."""

from __future__ import annotations

from typing import Any, Protocol

from ..local import FakePoe
from ._extras import need


class Page(Protocol):
    """The playground, as far as `dev` goes: an ASGI app, and what it is told of the bot."""

    @property
    def app(self) -> Any: ...

    @property
    def token(self) -> str: ...

    def bot_reloaded(self) -> None: ...

    def bot_failed(self, message: str) -> None: ...

    def handler_failed(self, error_id: str, traceback: str) -> None: ...


def open_playground(url: str, *, access_key: str, poe: FakePoe) -> Page:
    """The page for the bot at this URL. Raises Failure when the extra is missing."""
    need("markdown_it", "nh3")
    from ..playground import Playground

    page: Page = Playground(url, access_key=access_key, fake_poe=poe)
    return page
