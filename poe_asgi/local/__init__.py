"""Poe on this machine: an ASGI transport that streams, and an app that plays Poe."""

from __future__ import annotations

from ._asgi import AsgiApp, HttpAnswer
from ._asgi_transport import AsgiTransport
from ._errors import http_error
from ._fake_poe import FakePoe
from ._lifespan import Lifespan
from ._records import Amount, Call, ChargeCall, PointsEntry, SettingsCall, UploadCall, fingerprint
from ._script import Cut, Pause, Repeat, Script, Thought, ToolCall
from ._scripts import Scripted

__all__ = [
    "Amount",
    "AsgiApp",
    "AsgiTransport",
    "Call",
    "ChargeCall",
    "Cut",
    "FakePoe",
    "HttpAnswer",
    "Lifespan",
    "Pause",
    "PointsEntry",
    "Repeat",
    "Script",
    "Scripted",
    "SettingsCall",
    "Thought",
    "ToolCall",
    "UploadCall",
    "fingerprint",
    "http_error",
]
