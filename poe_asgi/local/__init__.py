"""Poe on this machine: an ASGI transport that streams, and an app that plays Poe."""

from __future__ import annotations

from ._asgi_transport import AsgiApp, AsgiTransport

__all__ = ["AsgiApp", "AsgiTransport"]
