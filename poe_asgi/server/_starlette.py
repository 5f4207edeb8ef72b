"""The one module that imports starlette at run time."""

from __future__ import annotations

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = [
    "ASGIApp",
    "BaseRoute",
    "HTMLResponse",
    "Receive",
    "Request",
    "Response",
    "Route",
    "Scope",
    "Send",
    "Starlette",
    "json_response",
]


def json_response(data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON escaped to ASCII: it carries any string, lone surrogates too."""
    return Response(json.dumps(data).encode("ascii"), status, headers, media_type="application/json")
