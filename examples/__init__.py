"""Small bots, one idea each. All run without an access key; serve one with ``uvicorn examples.echo:app``."""

from __future__ import annotations
