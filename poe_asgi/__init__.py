"""poe-asgi: an async ASGI SDK for Poe.

You write an async generator; it is a correct, fast and safe Poe server bot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._later import later
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

if TYPE_CHECKING:
    from .chat import PoeChatModel
    from .client import USD, PoeClient
    from .protocol import (
        Answer,
        Data,
        Event,
        File,
        Limits,
        Message,
        Meta,
        ReplaceResponse,
        Reply,
        Settings,
        SuggestedReply,
        Text,
        assistant,
        system,
        user,
    )
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


if not TYPE_CHECKING:  # a type checker shall find unknown names
    # A bot that calls nobody does without a client, a script that asks a model without a server.
    __getattr__ = later(
        __name__,
        {
            "chat": "PoeChatModel",
            "client": "PoeClient USD",
            "protocol": (
                "Answer Data Event File Limits Message Meta ReplaceResponse Reply Settings SuggestedReply Text "
                "assistant system user"
            ),
            "server": "Bot QueryContext bot_routes create_app drain running",
        },
    )

    def __dir__() -> list[str]:
        return __all__
