"""`BotClient`: ``ctx.poe``, the client of a bot that is answering, with other bots as models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..client import PoeClient
from ..protocol import Dependency
from ._bot_model import BotModel


class BotClient(PoeClient):
    """A `PoeClient` whose bots can be asked as a `ChatModel`. Inside a query the chatting user pays for them."""

    def model(self, bot: str | Dependency, *, model_options: Mapping[str, Any] | None = None) -> BotModel:
        """Another bot as a `ChatModel`: ``await ctx.poe.model("GPT-5").invoke("…")``."""
        return BotModel(self, bot, model_options)
