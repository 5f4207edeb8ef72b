"""A second door to the same bots: an OpenAI-compatible API (reference: OpenAI-compatible API).

``create_app(bot, openai=True)`` opens it, or `openai_routes` in an app that exists already. Handlers, limits, keys,
draining and the order of an answer are those of the first door; here are the requests, and another `Wire`.
"""

from __future__ import annotations

from ._routes import door, openai_routes
from ._tools import call_tools, handles_tools

__all__ = ["call_tools", "door", "handles_tools", "openai_routes"]
