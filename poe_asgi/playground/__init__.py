"""A page that plays Poe for one bot: to talk to it while it is being written."""

from __future__ import annotations

from ._playground import Playground

__all__ = ["Playground"]
