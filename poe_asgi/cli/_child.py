"""The bot's process: waits for its order, loads the target, serves it on the socket it inherited, and tells.

It is started ahead of time, so that the next version of a bot costs no more than its own import. When the process that
started it is gone, its control pipe ends, and so does this one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from importlib import import_module
from typing import Any

import uvicorn

from ..server import ServedBot, served_bots
from ._exits import Exit, Failure
from ._loopback import LocalServer
from ._observed import Observed
from ._project import authors_traceback, loaded_files
from ._reports import LogReports, Reports
from ._target import Loaded, load, parse_target
from ._watchdog import Watchdog

GRACE_SECONDS = 1  # for answers that run when the bot is stopped; then they end with an error, properly
_LAST_SECONDS = 5.0  # then a process whose parent has left is ended whatever it does


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops this process
    given = json.loads(sys.argv[1])
    reports = Reports(given["reports"])
    if not select.select([given["control"]], [], [], 0)[0]:
        import_module("httpx")  # there is time: the first call of another bot takes it
    order = _line(given["control"])
    if not order:
        return
    os.environ.update(json.loads(order)["env"])
    _log_to(reports)
    try:
        app = _loaded(given["target"], given["key"], reports)
    except Failure as exc:
        reports.send("failed", message=exc.message, details=exc.details, files=sorted(loaded_files()))
        raise SystemExit(Exit.NOT_LOADED) from None
    listener = socket.socket(fileno=given["listener"])
    asyncio.run(_serve(app, listener, given["control"], reports))


def _line(descriptor: int) -> bytes:
    """The next line; empty when the other side is gone."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(descriptor, 65536)
        if not part:
            return b""
        line += part
    return line


def _loaded(target: str, key: str | None, reports: Reports) -> Any:
    """The app. With a key, that one opens all of its bots, beside their own."""
    loaded = load(parse_target(target))
    app = loaded.app()
    bots = served_bots(app)
    if key is not None:
        for each in bots:
            each.bot.access_keys = (*each.access_keys, key)
    reports.send("loaded", bots=[_told(each, loaded) for each in bots], files=sorted(loaded_files()))
    return app


def _told(served: ServedBot, loaded: Loaded) -> dict[str, Any]:
    bot = served.bot
    variable = next((name for name, value in vars(loaded.module).items() if value is bot), loaded.name)
    settings = None if bot.hook("on_settings") is not None else bot.complete().to_wire()
    return {"path": served.path, "name": bot.name, "variable": variable, "settings": settings}


def _log_to(reports: Reports) -> None:
    """What this package logs is told; the author's own logging is theirs."""
    ours = logging.getLogger("poe_asgi")
    ours.setLevel(logging.INFO)
    ours.addHandler(LogReports(reports))
    ours.propagate = False
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)


async def _serve(app: Any, listener: socket.socket, control: int, reports: Reports) -> None:
    observed = Observed(app, reports)
    config = uvicorn.Config(
        observed,
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        # Kept connections would lead to a version of the bot that is gone.
        headers=[("connection", "close")],
    )
    server = LocalServer(config)
    loop = asyncio.get_running_loop()
    thread = threading.Thread(target=_obey, args=(control, loop, server), name="poe-asgi control", daemon=True)
    thread.start()
    serving = asyncio.create_task(server.serve([listener]))
    await server.up.wait()
    if server.started:
        reports.send("ready")
        watchdog = Watchdog(reports)
        watchdog.start()
        await asyncio.wait([serving])
        watchdog.stop()
    elif observed.failure is not None:
        exc = observed.failure
        message = f"The start-up of the app failed: {type(exc).__name__}: {exc}"
        reports.send("failed", message=message, details=authors_traceback(exc), files=sorted(loaded_files()))
    elif not server.should_exit:
        reports.send("failed", message="The start-up of the app failed.", details="", files=sorted(loaded_files()))
    await serving


def _obey(control: int, loop: asyncio.AbstractEventLoop, server: uvicorn.Server) -> None:
    """In a thread: when the parent says so, or is gone, stop; and do not let a blocked loop stand in the way."""
    _line(control)

    def stop() -> None:
        server.should_exit = True

    loop.call_soon_threadsafe(stop)
    time.sleep(_LAST_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
