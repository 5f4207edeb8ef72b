"""Poe server bots: `Bot` declares one, `create_app` serves it. See the package `poe_asgi` for the names to import."""

from __future__ import annotations

from ._admission import ADMISSION_LIMITS, Admission
from ._app import bot_routes, create_app, drain
from ._bot import Bot
from ._contexts import Context, ErrorReportContext, FeedbackContext, QueryContext, ReactionContext, SettingsContext
from ._lifespan import running
from ._served import ServedBot, served_bots

__all__ = [
    "ADMISSION_LIMITS",
    "Admission",
    "Bot",
    "Context",
    "ErrorReportContext",
    "FeedbackContext",
    "QueryContext",
    "ReactionContext",
    "ServedBot",
    "SettingsContext",
    "bot_routes",
    "create_app",
    "drain",
    "running",
    "served_bots",
]
