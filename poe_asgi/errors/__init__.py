"""The exceptions of poe-asgi.

PoeASGIError
├── ConfigurationError            the bot or the app is put together wrongly; raised while building or starting
├── AnswerError                   raised by a handler: ends the answer, its text is shown to the user
│   └── UserMessageTooLongError, InsufficientFundError, UserCausedError, PrivacyAuthorizationError
├── UpstreamError                 a call to Poe failed
│   ├── InvalidKeyError, NoCreditsError, ForbiddenError, UnknownBotError, UndeclaredDependencyError, InvalidCallError
│   ├── RateLimitedError, OverloadedError, ConnectionFailedError, TruncatedStreamError, InvalidResponseError
│   ├── BotError, StructuredOutputError, FileTooLargeError, ExpiredUrlError, UnsafeUrlError
│   └── UpstreamTimeoutError: ConnectTimeoutError, FirstEventTimeoutError, IdleTimeoutError, TotalTimeoutError
├── ToolError                     raised by a tool: what the model is told
└── ProtocolError                 a stream or a request breaks the protocol
    ├── RequestError, SSEError    what came cannot be read or accepted
    └── ResponseError, LimitError an event that may not be sent now, or does not fit into the limits
"""

from __future__ import annotations

from ._errors import (
    AnswerError,
    ConfigurationError,
    InsufficientFundError,
    LimitError,
    PoeASGIError,
    PrivacyAuthorizationError,
    ProtocolError,
    RequestError,
    ResponseError,
    SSEError,
    ToolError,
    UserCausedError,
    UserMessageTooLongError,
    did_you_mean,
)
from ._upstream import (
    BotError,
    ConnectionFailedError,
    ConnectTimeoutError,
    ExpiredUrlError,
    FileTooLargeError,
    FirstEventTimeoutError,
    ForbiddenError,
    IdleTimeoutError,
    InvalidCallError,
    InvalidKeyError,
    InvalidResponseError,
    NoCreditsError,
    OverloadedError,
    RateLimitedError,
    StructuredOutputError,
    TotalTimeoutError,
    TruncatedStreamError,
    UndeclaredDependencyError,
    UnknownBotError,
    UnsafeUrlError,
    UpstreamError,
    UpstreamTimeoutError,
)

__all__ = [
    "AnswerError",
    "BotError",
    "ConfigurationError",
    "ConnectTimeoutError",
    "ConnectionFailedError",
    "ExpiredUrlError",
    "FileTooLargeError",
    "FirstEventTimeoutError",
    "ForbiddenError",
    "IdleTimeoutError",
    "InsufficientFundError",
    "InvalidCallError",
    "InvalidKeyError",
    "InvalidResponseError",
    "LimitError",
    "NoCreditsError",
    "OverloadedError",
    "PoeASGIError",
    "PrivacyAuthorizationError",
    "ProtocolError",
    "RateLimitedError",
    "RequestError",
    "ResponseError",
    "SSEError",
    "StructuredOutputError",
    "ToolError",
    "TotalTimeoutError",
    "TruncatedStreamError",
    "UndeclaredDependencyError",
    "UnknownBotError",
    "UnsafeUrlError",
    "UpstreamError",
    "UpstreamTimeoutError",
    "UserCausedError",
    "UserMessageTooLongError",
    "did_you_mean",
]
