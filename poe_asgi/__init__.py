"""poe-asgi: an async ASGI SDK for Poe.

You write an async generator; it is a correct, fast and safe Poe server bot.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from .chat import PoeChatModel
    from .client import USD, PoeClient
    from .protocol import Reply
    from .server import Bot, QueryContext, bot_routes, create_app, drain, running

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


# Loaded when they are first asked for: a bot that calls nobody does without a client, a script that asks a model
# without a server.
_LATER = {
    "chat": ("PoeChatModel",),
    "client": ("PoeClient", "USD"),
    "protocol": ("Reply",),
    "server": ("Bot", "QueryContext", "bot_routes", "create_app", "drain", "running"),
}

if not TYPE_CHECKING:  # a type checker shall find unknown names

    def __getattr__(name: str) -> Any:
        for module, names in _LATER.items():
            if name in names:
                value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __all__
