"""The command line: ``poe-asgi``. See docs/cli.md."""

from __future__ import annotations

from ._main import main

__all__ = ["main"]
