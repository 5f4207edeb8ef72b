"""Runs the command line with a page in place of the playground: it says what it was told, one line each."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class Playground:
    """The same front: an app, a token, and what it is told."""

    def __init__(self, target: str, *, access_key: str, token: str | None = None, fake_poe: Any = None) -> None:
        self.token = token or "made-token"
        print(f"page: opened for {target}", flush=True)

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
            await send({"type": "http.response.body", "body": b"page"})

    def bot_reloaded(self) -> None:
        print("page: reloaded", flush=True)

    def bot_failed(self, message: str) -> None:
        print(f"page: failed: {message.splitlines()[-1]}", flush=True)

    def handler_failed(self, error_id: str, traceback: str) -> None:
        print(f"page: handler {error_id}: {traceback.splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    module: Any = ModuleType("poe_asgi.playground")
    module.Playground = Playground
    sys.modules["poe_asgi.playground"] = module
    from poe_asgi.cli import main

    main(prog_name="poe-asgi")
