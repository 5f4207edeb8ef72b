"""Models: every model on Poe through its OpenAI-compatible API, and what all models have in common."""

from __future__ import annotations

from ._bot_client import BotClient
from ._bot_model import BotModel
from ._chat_model import BaseChatModel, ChatModel
from ._content import inline_file
from ._messages import ChatMessage, Messages
from ._poe_chat_model import PoeChatModel
from ._results import ChatDelta, ChatResult, ParsedResult
from ._rounds import AnyToolOrDefinition, ChatProgress, ToolChoice, ToolOffer
from ._stream import ChatStream
from ._thoughts import Presentation
from ._token_usage import TokenUsage

__all__ = [
    "AnyToolOrDefinition",
    "BaseChatModel",
    "BotClient",
    "BotModel",
    "ChatDelta",
    "ChatMessage",
    "ChatModel",
    "ChatProgress",
    "ChatResult",
    "ChatStream",
    "Messages",
    "ParsedResult",
    "PoeChatModel",
    "Presentation",
    "TokenUsage",
    "ToolChoice",
    "ToolOffer",
    "inline_file",
]
