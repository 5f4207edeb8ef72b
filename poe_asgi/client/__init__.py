"""Calls to Poe: other bots, files, costs, settings."""

from __future__ import annotations

from ._client import PoeClient
from ._connection import Connection, Timeouts, Upstream, close_pool, upstream
from ._declared import Declared
from ._failures import error_members, failure, failure_in_stream
from ._http import HttpRequest, HttpResponse, Transport, read_bounded
from ._retry import NO_RETRY, Retry
from ._side_by_side import in_sections, side_by_side
from ._stream import BotStream
from ._tool_calls import ToolCallAccumulator
from ._tool_loop import ToolForm
from ._toolbox import Toolbox
from ._tools import AnyTool, Tool

__all__ = [
    "AnyTool",
    "BotStream",
    "Connection",
    "Declared",
    "HttpRequest",
    "HttpResponse",
    "NO_RETRY",
    "PoeClient",
    "Retry",
    "Timeouts",
    "Tool",
    "ToolCallAccumulator",
    "ToolForm",
    "Toolbox",
    "Transport",
    "Upstream",
    "close_pool",
    "error_members",
    "failure",
    "failure_in_stream",
    "in_sections",
    "read_bounded",
    "side_by_side",
    "upstream",
]
