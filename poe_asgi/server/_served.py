"""`served_bots`: the bots of an app, for tools that serve it or push its settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ._bot import Bot
from ._endpoint import BotEndpoint


@dataclass(frozen=True, slots=True)
class ServedBot:
    """A bot and the path where it answers.

    ``access_keys`` are those that it asks for, as far as they are set now. Without any it starts only where
    ``allow_without_key`` is set. ``drain_seconds`` is what running answers get when the server stops.
    """

    path: str
    bot: Bot
    access_keys: tuple[str, ...] = field(repr=False)
    allow_without_key: bool
    drain_seconds: float


def served_bots(app: Any) -> tuple[ServedBot, ...]:
    """The bots of an app of `create_app`, or of a Starlette or FastAPI app that has `bot_routes` or mounts such apps.

    In the order of the routes. Empty for any other ASGI app: what it does is not to be seen.
    """
    found = {each.path: each for each in reversed([*_served(app, "")])}
    return tuple(reversed(found.values()))


def _served(app: Any, mounted_at: str) -> Iterator[ServedBot]:
    for route in getattr(app, "routes", None) or ():
        path, endpoint = f"{mounted_at}{getattr(route, 'path', '')}", getattr(route, "app", None)
        if isinstance(endpoint, BotEndpoint):
            site = endpoint.site
            keys = endpoint.access_keys()
            yield ServedBot(path.rstrip("/") or "/", endpoint.bot, keys, site.allow_without_key, site.drain_seconds)
        elif endpoint is not None:
            for each in _served(endpoint, path):
                # A mount redirects to the slash, and Poe follows no redirect.
                yield replace(each, path=f"{path}/") if each.path == path else each
