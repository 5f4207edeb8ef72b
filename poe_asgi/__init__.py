"""poe-asgi: an async ASGI SDK for Poe.

You write an async generator; it is a correct, fast and safe Poe server bot.
"""

from __future__ import annotations

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
    "PrivacyAuthorizationError",
    "QueryContext",
    "ReplaceResponse",
    "Settings",
    "SuggestedReply",
    "Text",
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
