"""The access keys of a bot: where they come from, and how a request's is compared with them."""

from __future__ import annotations

import hmac
import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import ConfigurationError
from ..protocol import access_key_variable

log = logging.getLogger("poe_asgi.server")

LENGTH = 32  # of every access key Poe makes

Keys = str | Sequence[str] | None


def as_keys(value: Keys, where: str) -> tuple[str, ...]:
    """One key or several, all valid. Raises ConfigurationError for anything else; its text never holds a key."""
    given: Any = () if value is None else value
    keys = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    if not all(isinstance(key, str) and key for key in keys):
        raise ConfigurationError(f"{where}: access_key must be a non-empty str, or several.")
    return keys


def find_keys(own: tuple[str, ...], handle: str | None, of_app: tuple[str, ...]) -> tuple[str, ...]:
    """The bot's own keys, else its own variable's, else the app's, else ``POE_ACCESS_KEY``'s; empty if none is set."""
    its = _environment(access_key_variable(handle) if handle else None)
    return own or its or of_app or _environment("POE_ACCESS_KEY")


def warn_of_lengths(keys: tuple[str, ...], handle: str | None) -> None:
    """Poe's keys are all of one length; another one was cut or mistyped, most likely."""
    for key in keys:
        if len(key) != LENGTH:
            log.warning("The access key of %s has %d characters; Poe's have %d.", handle or "the bot", len(key), LENGTH)


def how_to_set(handle: str | None) -> str:
    """The sentence for a bot without a key."""
    own = f" or {access_key_variable(handle)}" if handle else ""
    bot = f"The bot {handle!r}" if handle else "The bot"
    return (
        f"{bot} has no access key: set POE_ACCESS_KEY{own} to the key on the bot's page at Poe, "
        "or pass allow_without_key=True while developing."
    )


def matching(header: bytes, keys: tuple[str, ...]) -> str | None:
    """The key that an ``Authorization: Bearer …`` header carries; None if it is none of ours. Takes constant time."""
    scheme, _, given = header.partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    token = given.strip()
    found = None
    for key in keys:
        if hmac.compare_digest(token, key.encode(errors="surrogatepass")):
            found = key
    return found


def _environment(name: str | None) -> tuple[str, ...]:
    value = os.environ.get(name) if name else None
    return (value,) if value else ()
