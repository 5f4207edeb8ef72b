"""Settings sync (reference: settings sync): store a bot's settings at Poe, or have Poe ask the bot for them.

The access key is a part of the URL here. It is kept out of errors and logs by never showing a URL, and by blotting the
key out of whatever comes back.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import ConfigurationError, ConnectTimeoutError, UpstreamTimeoutError
from ..protocol import Settings, access_key_variable
from ._attempts import retried
from ._calls import Answered, call, refused, without
from ._connection import Connection
from ._http import HttpRequest
from ._settings_echo import Difference, differences, echo_of

log = logging.getLogger("poe_asgi.client")

SYNC_SECONDS = 30.0


class HasSettings(Protocol):
    """A bot, as far as its settings go."""

    name: str | None
    access_keys: tuple[str, ...]

    def hook(self, name: str) -> Callable[[Any], Awaitable[Any]] | None: ...

    def complete(self) -> Settings: ...


@dataclass(frozen=True, slots=True)
class SettingsSync:
    """How a sync went. Poe answers 200 to settings that it does not take, so look at ``differences``.

    ``message`` is what Poe said, ``stored`` the settings it echoed, if they could be found in that; ``differences`` are
    the places where they are not what was sent.
    """

    message: str
    stored: Mapping[str, Any] | None = field(default=None, repr=False)
    differences: tuple[Difference, ...] = ()


async def push_settings(
    connection: Connection, bot: HasSettings | Settings, *, name: str | None = None, access_key: str | None = None
) -> SettingsSync:
    """Store settings at Poe; see `PoeClient.push_settings`."""
    if isinstance(bot, Settings):
        settings = bot
        handle, key = _whose(None, name, access_key)
    else:
        if bot.hook("on_settings") is not None:
            raise ConfigurationError(f"{bot!r} has dynamic settings: let Poe ask for them, with fetch_settings(bot).")
        settings = bot.complete()
        handle, key = _whose(bot, name, access_key)
    what = f"Pushing the settings of {handle}"
    sent = settings.to_wire()
    answered = await _sync(connection, "update", what, handle, key, json.dumps(sent).encode("ascii"))
    return _outcome(what, sent, answered, key)


async def fetch_settings(
    connection: Connection, bot: HasSettings | None = None, *, name: str | None = None, access_key: str | None = None
) -> SettingsSync:
    """Have Poe ask the bot for its settings; see `PoeClient.fetch_settings`."""
    handle, key = _whose(bot, name, access_key)
    what = f"Having Poe fetch the settings of {handle}"
    try:
        answered = await _sync(connection, "fetch", what, handle, key, b"")
    except UpstreamTimeoutError as exc:
        if isinstance(exc, ConnectTimeoutError):
            raise
        raise UpstreamTimeoutError(f"{exc} Poe asks the bot meanwhile: it must run, and be reachable.") from None
    told = bot.complete().to_wire() if bot is not None and bot.hook("on_settings") is None else {}
    return _outcome(what, told, answered, key)


def _whose(bot: HasSettings | None, name: str | None, access_key: str | None) -> tuple[str, str]:
    """The handle and the key. Raises ConfigurationError when one is missing."""
    handle = name or (bot.name if bot is not None else None)
    if not handle:
        raise ConfigurationError("Settings are synced for a bot by its Poe handle: pass name=, or give the bot one.")
    keys = bot.access_keys if bot is not None else ()
    key = access_key or next(iter(keys), None) or _from_environment(handle)
    if not key:
        raise ConfigurationError(
            f"Syncing {handle} takes its access key: pass access_key=, or set POE_ACCESS_KEY "
            f"or {access_key_variable(handle)}."
        )
    return handle, key


def _from_environment(handle: str) -> str | None:
    return os.environ.get(access_key_variable(handle)) or os.environ.get("POE_ACCESS_KEY")


async def _sync(connection: Connection, verb: str, what: str, handle: str, key: str, body: bytes) -> Answered:
    request = HttpRequest(
        method="POST",
        url=connection.settings_url(verb, handle, key),
        headers={"content-type": "application/json"} if body else {},
        content=body,
        connect_seconds=connection.timeouts.connect,
    )

    async def attempt() -> Answered:
        answered = await call(connection, request, what, seconds=SYNC_SECONDS)
        if answered.status != 200:
            raise refused(what, answered, secret=key, meanings={})
        return answered

    return await retried(connection.retry, what, attempt)


def _outcome(what: str, sent: Mapping[str, Any], answered: Answered, key: str) -> SettingsSync:
    message = without(answered.body, key).decode("utf-8", "replace")
    found = differences(sent, message)
    for difference in found:
        log.warning("%s: Poe answered 200, but %s.", what, difference)
    return SettingsSync(message[:2000], echo_of(message), found)
