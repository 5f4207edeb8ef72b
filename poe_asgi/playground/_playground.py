"""`Playground`: the front of this package."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from ..local import AsgiApp, FakePoe
from ._app import App
from ._desk import Desk
from ._guard import LOOPBACK, Guard
from ._markdown import check_installed
from ._target import Target


class Playground:
    """A page that plays Poe for one bot, an ASGI app or a URL.

    Serve ``app`` on 127.0.0.1, and open ``/?token=…`` with ``token``. The Poe that the bot calls is served below
    ``/poe``: a bot in another process is started with ``POE_BASE_URL`` set to that address; a bot given as an app finds
    it by itself, and its lifespan is run with that of ``app``.

    ``access_key`` is the bot's key. ``allowed_hosts`` are the names under which the page may be opened, without ports;
    ``*`` allows any. ``name`` stands above the conversation. ``imported_from`` is where the tests it writes find the
    bot. Conversations are kept in memory. All methods are called in the event loop that serves ``app``.

    Raises ConfigurationError when the extra ``dev`` is not installed, and for a target that is none.
    """

    def __init__(
        self,
        target: AsgiApp | str,
        *,
        access_key: str | None,
        token: str | None = None,
        fake_poe: FakePoe | None = None,
        allowed_hosts: Sequence[str] = LOOPBACK,
        name: str = "Your bot",
        imported_from: str = "bot:bot",
    ) -> None:
        check_installed()
        self.token = token or secrets.token_urlsafe(24)
        self._desk = Desk(Target(target, access_key), fake_poe or FakePoe(), name=name, imported_from=imported_from)
        self.app: AsgiApp = App(self._desk, Guard(self.token, allowed_hosts))

    def __repr__(self) -> str:
        return f"<Playground: {len(self._desk.conversations)} conversations>"

    @property
    def path(self) -> str:
        """Where the page is, on the server that serves ``app``."""
        return f"/?token={self.token}"

    def describe(self, *, url: str | None = None, name: str | None = None, imported_from: str | None = None) -> None:
        """What has been learned of the bot since, as when it was loaded; open pages show it.

        Raises ConfigurationError for a wrong URL.
        """
        self._desk.describe(url=url, name=name, imported_from=imported_from)

    def bot_reloaded(self) -> None:
        """The bot was started anew: pages say so, and its settings are fetched. Conversations stay."""
        self._desk.bot_reloaded()

    def bot_failed(self, message: str) -> None:
        """The bot cannot start; ``message`` is shown until `bot_reloaded`."""
        self._desk.bot_failed(message)

    def handler_failed(self, error_id: str, traceback: str) -> None:
        """The traceback, or a sentence, behind an error of which users see the id alone. It may come before or after
        the answer.
        """
        self._desk.handler_failed(error_id, traceback)

    def close(self) -> None:
        """Let go of the pages that are open, so that the server can stop. They try to come back."""
        self._desk.hub.close()
