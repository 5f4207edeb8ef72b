"""What a load balancer or Kubernetes asks, without a key: is the process alive, and may queries be sent to it."""

from __future__ import annotations

from ._site import Site
from ._starlette import Receive, Response, Scope, Send, json_response


class Liveness:
    """200 for as long as the event loop turns, while the app drains, too: a restart would cut what still runs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _told("alive", 200)(scope, receive, send)


class Readiness:
    """200, or 503 from the moment the app begins to drain."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _told("draining", 503) if self._site.draining else _told("ready", 200)
        await answer(scope, receive, send)


def _told(status: str, code: int) -> Response:
    return json_response({"status": status}, code, {"Cache-Control": "no-store"})
