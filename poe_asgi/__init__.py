"""poe-asgi: an async ASGI SDK for Poe.

You write an async generator; it is a correct, fast and safe Poe server bot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import protocol
from ._version import __version__
from .errors import (
    AnswerError,
    ConfigurationError,
    InsufficientFundError,
    PrivacyAuthorizationError,
    UpstreamError,
    UserCausedError,
    UserMessageTooLongError,
)
from .protocol import (
    Answer,
    Data,
    Event,
    File,
    Limits,
    Message,
    Meta,
    ReplaceResponse,
    Settings,
    SuggestedReply,
    Text,
    assistant,
    system,
    user,
)
from .server import Bot, QueryContext, bot_routes, create_app, drain, running

if TYPE_CHECKING:
    from .chat import PoeChatModel
    from .client import USD, PoeClient
    from .protocol import Reply

__all__ = [
    "Answer",
    "AnswerError",
    "Bot",
    "ConfigurationError",
    "Data",
    "Event",
    "File",
    "InsufficientFundError",
    "Limits",
    "Message",
    "Meta",
    "PoeChatModel",
    "PoeClient",
    "PrivacyAuthorizationError",
    "QueryContext",
    "ReplaceResponse",
    "Reply",
    "Settings",
    "SuggestedReply",
    "Text",
    "USD",
    "UpstreamError",
    "UserCausedError",
    "UserMessageTooLongError",
    "__version__",
    "assistant",
    "bot_routes",
    "create_app",
    "drain",
    "running",
    "system",
    "user",
]


if not TYPE_CHECKING:  # a type checker shall find unknown names

    def __getattr__(name: str) -> Any:
        """What calls others is loaded when it is first asked for: a bot that calls nobody does without."""
        if name == "PoeChatModel":
            from . import chat

            return chat.PoeChatModel
        if name in {"PoeClient", "USD"}:
            from . import client

            return getattr(client, name)
        if name == "Reply":
            return protocol.Reply
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
