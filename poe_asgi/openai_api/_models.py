"""The bots as models: which name means which bot, and the objects of ``/v1/models``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError
from ..server._endpoint import BotEndpoint
from ..server._starlette import Scope

NAMELESS = "bot"  # the id of a bot that has neither a handle nor a path


class Models:
    """Bots by path. A model's id is the bot's handle, else its path; both find it, in any case of letters."""

    def __init__(self, endpoints: Mapping[str, BotEndpoint]) -> None:
        self._created = int(time.time())
        self._by_name: dict[str, BotEndpoint] = {}
        self._ids: dict[str, BotEndpoint] = {}
        first = {
            id(endpoint.bot): endpoint for endpoint in reversed(list(endpoints.values()))
        }  # a bot may have many paths
        for path, endpoint in endpoints.items():
            bot = endpoint.bot
            if first[id(bot)] is endpoint:
                model = bot.name or path.strip("/") or NAMELESS
                if self._by_name.setdefault(model.lower(), endpoint) is not endpoint:
                    raise ConfigurationError(f"Two bots would be the model {model!r}; give each a name of its own.")
                self._ids[model] = endpoint
        for path, endpoint in endpoints.items():
            self._by_name.setdefault(path.strip("/").lower() or NAMELESS, first[id(endpoint.bot)])

    def opened_by(self, scope: Scope) -> list[BotEndpoint]:
        """The bots that the key of this request opens."""
        return [each for each in self._ids.values() if each.authenticate(scope) is not None]

    def find(self, name: str) -> BotEndpoint | None:
        """The bot of this name."""
        return self._by_name.get(name.lower())

    def objects(self, opened: list[BotEndpoint]) -> list[dict[str, Any]]:
        """These bots, as the API lists models."""
        return [
            {"id": model, "object": "model", "created": self._created, "owned_by": "poe-asgi"}
            for model, endpoint in self._ids.items()
            if endpoint in opened
        ]
