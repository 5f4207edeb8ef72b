"""What a load balancer or Kubernetes asks, without a key: is the process alive, and may queries be sent to it."""

from __future__ import annotations

from ._site import Site
from ._starlette import Receive, Scope, Send, json_response


class Liveness:
    """200 for as long as the event loop turns, while the app drains, too: a restart would cut what still runs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await json_response({"status": "alive"})(scope, receive, send)


class Readiness:
    """200, or 503 from the moment the app begins to drain."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, code = ("draining", 503) if self._site.draining else ("ready", 200)
        headers = {"Cache-Control": "no-store"}
        await json_response({"status": status}, code, headers)(scope, receive, send)
