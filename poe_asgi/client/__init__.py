"""Calls to Poe: other bots, files, costs, settings.

What any call needs is loaded at once, the kinds of calls when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._later import later
from ._attempts import retried, retried_stream
from ._calls import BODY_BYTES, call, json_object
from ._connection import Connection, Timeouts, Upstream, close_pool, open_pool, upstream, upstream_everywhere
from ._failures import blotted, error_members, failure, failure_in_stream
from ._http import HttpRequest, HttpResponse, Transport, read_bounded
from ._money import USD
from ._once import Stream
from ._own_pool import OwnPool
from ._refusal import checking_urls
from ._retry import NO_RETRY, Retry
from ._sources import Source, UploadData, source_of
from ._streamed import StreamedAnswer
from ._tool_calls import ToolCallAccumulator
from ._toolbox import Toolbox, check_rounds
from ._tools import AnyTool, Tool
from ._watched import watched_call

if TYPE_CHECKING:
    from ._catalog import Model, ModelParameter, Pricing, models
    from ._client import PoeClient
    from ._contents import contents_of
    from ._costs import Charge, Cost, CostItem, request_cost
    from ._declared import Declared
    from ._download import download
    from ._multipart import MAX_FILE_BYTES, checked_name, checked_type
    from ._settings_echo import Difference
    from ._settings_sync import HasSettings, SettingsSync
    from ._side_by_side import in_sections, side_by_side
    from ._stream import BotStream, Received
    from ._tool_loop import ToolForm
    from ._uploads import Uploads
    from ._usage import Balance, Usage, UsageEntry

__all__ = [
    "AnyTool",
    "BODY_BYTES",
    "Balance",
    "BotStream",
    "Charge",
    "Connection",
    "Cost",
    "CostItem",
    "Declared",
    "Difference",
    "HasSettings",
    "HttpRequest",
    "HttpResponse",
    "MAX_FILE_BYTES",
    "Model",
    "ModelParameter",
    "NO_RETRY",
    "OwnPool",
    "PoeClient",
    "Pricing",
    "Received",
    "Retry",
    "SettingsSync",
    "Source",
    "Stream",
    "StreamedAnswer",
    "Timeouts",
    "Tool",
    "ToolCallAccumulator",
    "ToolForm",
    "Toolbox",
    "Transport",
    "USD",
    "UploadData",
    "Uploads",
    "Upstream",
    "Usage",
    "UsageEntry",
    "blotted",
    "call",
    "check_rounds",
    "checked_name",
    "checked_type",
    "checking_urls",
    "close_pool",
    "contents_of",
    "download",
    "error_members",
    "failure",
    "failure_in_stream",
    "in_sections",
    "json_object",
    "models",
    "open_pool",
    "read_bounded",
    "request_cost",
    "retried",
    "retried_stream",
    "side_by_side",
    "source_of",
    "upstream",
    "upstream_everywhere",
    "watched_call",
]

if not TYPE_CHECKING:  # a type checker shall find unknown names
    __getattr__ = later(
        __name__,
        {
            "_catalog": "Model ModelParameter Pricing models",
            "_client": "PoeClient",
            "_contents": "contents_of",
            "_costs": "Charge Cost CostItem request_cost",
            "_declared": "Declared",
            "_download": "download",
            "_multipart": "MAX_FILE_BYTES checked_name checked_type",
            "_settings_echo": "Difference",
            "_settings_sync": "HasSettings SettingsSync",
            "_side_by_side": "in_sections side_by_side",
            "_stream": "BotStream Received",
            "_tool_loop": "ToolForm",
            "_uploads": "Uploads",
            "_usage": "Balance Usage UsageEntry",
        },
    )
