"""The Poe protocol without any I/O.

Events, requests, messages, settings and parameter controls as values; the rules and limits; the state machine with
its writer and its reader; the event-stream codec. No clock, no network, no logging: time is an argument.

Events and messages are loaded at once, the rest when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._later import later
from ._events import (
    Answer,
    Data,
    Done,
    ErrorEvent,
    Event,
    File,
    Item,
    Json,
    Meta,
    ReplaceResponse,
    StreamEvent,
    SuggestedReply,
    Text,
    Unknown,
)
from ._identifiers import access_key_variable, is_valid_identifier, new_identifier
from ._json import parse_json_object
from ._limits import Limits
from ._lines import one_line
from ._messages import (
    NO_ATTACHMENTS,
    Attachment,
    Attachments,
    Feedback,
    Message,
    Reaction,
    Sender,
    User,
    assistant,
    system,
    user,
)
from ._sse import PING, ServerSentEvent, SSEParser
from ._strict import strict

if TYPE_CHECKING:
    from ._comparisons import Comparison, LiteralValue, ParameterValue
    from ._controls import (
        AspectRatio,
        Condition,
        Divider,
        DropDown,
        Option,
        Ratio,
        Slider,
        TextArea,
        TextField,
        ToggleSwitch,
    )
    from ._data_urls import data_url_content
    from ._dependencies import Dependency
    from ._markers import InSection, Labels, Multiline, OnlyIf, Placeholder, Ratios
    from ._options import controls_from_model, values_for
    from ._parameters import ParameterControls, Section, Tab
    from ._parts import message_from_parts, needs_content, parts_of
    from ._prompt import alternate_roles, insert_attachments
    from ._reader import ResponseReader, Violation
    from ._reply import Reply
    from ._requests import (
        CONTENT_TYPES,
        PROTOCOL_VERSION,
        REQUEST_TYPES,
        ErrorReportRequest,
        FeedbackRequest,
        QueryRequest,
        ReactionRequest,
        Request,
        SettingsRequest,
        UnknownRequestTypeError,
        parse_request,
    )
    from ._rules import RULES, SERVER_RULES, SOURCES, STREAM_RULES, Rule
    from ._settings import Settings
    from ._states import State
    from ._tool_memory import insert_tool_rounds, stored_value
    from ._tool_rounds import ToolCall, ToolResult, ToolRound, wire_name
    from ._wire import Wire
    from ._writer import ResponseWriter

__all__ = [
    "Answer",
    "AspectRatio",
    "Attachment",
    "Attachments",
    "CONTENT_TYPES",
    "Comparison",
    "Condition",
    "Data",
    "Dependency",
    "Divider",
    "Done",
    "DropDown",
    "ErrorEvent",
    "ErrorReportRequest",
    "Event",
    "Feedback",
    "FeedbackRequest",
    "File",
    "InSection",
    "Item",
    "Json",
    "Labels",
    "Limits",
    "LiteralValue",
    "Message",
    "Meta",
    "Multiline",
    "NO_ATTACHMENTS",
    "OnlyIf",
    "Option",
    "PING",
    "PROTOCOL_VERSION",
    "ParameterControls",
    "ParameterValue",
    "Placeholder",
    "QueryRequest",
    "REQUEST_TYPES",
    "RULES",
    "Ratio",
    "Ratios",
    "Reaction",
    "ReactionRequest",
    "ReplaceResponse",
    "Reply",
    "Request",
    "ResponseReader",
    "ResponseWriter",
    "Rule",
    "SERVER_RULES",
    "SOURCES",
    "SSEParser",
    "STREAM_RULES",
    "Section",
    "Sender",
    "ServerSentEvent",
    "Settings",
    "SettingsRequest",
    "Slider",
    "State",
    "StreamEvent",
    "SuggestedReply",
    "Tab",
    "Text",
    "TextArea",
    "TextField",
    "ToggleSwitch",
    "ToolCall",
    "ToolResult",
    "ToolRound",
    "Unknown",
    "UnknownRequestTypeError",
    "User",
    "Violation",
    "Wire",
    "access_key_variable",
    "alternate_roles",
    "assistant",
    "controls_from_model",
    "data_url_content",
    "insert_attachments",
    "insert_tool_rounds",
    "is_valid_identifier",
    "message_from_parts",
    "needs_content",
    "new_identifier",
    "one_line",
    "parse_json_object",
    "parse_request",
    "parts_of",
    "stored_value",
    "strict",
    "system",
    "user",
    "values_for",
    "wire_name",
]

if not TYPE_CHECKING:  # a type checker shall find unknown names
    __getattr__ = later(
        __name__,
        {
            "_dependencies": "Dependency",
            "_requests": (
                "CONTENT_TYPES PROTOCOL_VERSION REQUEST_TYPES ErrorReportRequest FeedbackRequest QueryRequest "
                "ReactionRequest Request SettingsRequest UnknownRequestTypeError parse_request"
            ),
            "_rules": "RULES SERVER_RULES SOURCES STREAM_RULES Rule",
            "_settings": "Settings",
            "_states": "State",
            "_wire": "Wire",
            "_writer": "ResponseWriter",
            "_comparisons": "Comparison LiteralValue ParameterValue",
            "_controls": "AspectRatio Condition Divider DropDown Option Ratio Slider TextArea TextField ToggleSwitch",
            "_data_urls": "data_url_content",
            "_markers": "InSection Labels Multiline OnlyIf Placeholder Ratios",
            "_options": "controls_from_model values_for",
            "_parameters": "ParameterControls Section Tab",
            "_parts": "message_from_parts needs_content parts_of",
            "_prompt": "alternate_roles insert_attachments",
            "_reader": "ResponseReader Violation",
            "_reply": "Reply",
            "_tool_memory": "insert_tool_rounds stored_value",
            "_tool_rounds": "ToolCall ToolResult ToolRound wire_name",
        },
    )
