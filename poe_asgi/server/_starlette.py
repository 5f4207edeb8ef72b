"""The one module that imports starlette and sse-starlette at run time, and the response that streams an answer."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ._driver import Driver
from ._site import RESTARTING, Site

if TYPE_CHECKING:
    from sse_starlette import EventSourceResponse

__all__ = [
    "ASGIApp",
    "AnswerResponse",
    "BaseRoute",
    "HTMLResponse",
    "Receive",
    "Request",
    "Response",
    "Route",
    "Scope",
    "Send",
    "event_stream",
]
__all__ += ["Starlette", "json_response"]


def json_response(data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON escaped to ASCII: it carries any string, lone surrogates too."""
    return Response(json.dumps(data).encode("ascii"), status, headers, media_type="application/json")


@cache
def event_stream() -> EventSourceResponse:
    """What an event stream begins with: the status and the headers of sse-starlette's response.

    Its module loads the command line of uvicorn, too, so it waits for the start-up: by then that is there, or another
    server runs and has no use for it.
    """
    from sse_starlette import EventSourceResponse

    return EventSourceResponse(content=iter(()))


class AnswerResponse:
    """Streams what a `Driver` has ready: several events a chunk when they are ready together, one alone when not.

    One serves all answers of an app, and finds the driver in ``scope["poe_asgi.driver"]``. The tasks that an
    `EventSourceResponse` starts for pings, shutdown and disconnect are the driver's timers here, and one listener that
    starts when the handler first waits.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        driver: Driver = scope.pop("poe_asgi.driver")
        outlet = driver.outlet
        stream = event_stream()
        headers = list(stream.raw_headers)  # middleware may change them, for this answer alone
        listener: asyncio.Task[None] | None = None
        opened = False
        self._site.enter(driver)
        driver.start()
        try:
            await send({"type": "http.response.start", "status": stream.status_code, "headers": headers})
            await outlet.send(driver.take(), more=not driver.finished)  # meta, before the handler's first step
            opened = True
            driver.run()
            await asyncio.sleep(0)  # that step: what it yields at once is sent without a timer or a listener
            while not driver.finished:
                if driver.fresh:
                    chunk = driver.take()
                    if chunk:
                        await outlet.send(chunk, more=not driver.finished)
                else:
                    listener = listener or asyncio.create_task(_listen(receive, driver))
                    await outlet.wait()
        except OSError:
            driver.leave()
        except asyncio.CancelledError:
            if not opened and not driver.gone:
                raise
            await _last_words(driver)
        finally:
            try:
                await driver.close()
            finally:
                self._site.leave(driver)
                if listener is not None:
                    listener.cancel()
                    await asyncio.wait([listener])


async def _last_words(driver: Driver) -> None:
    """The server stops this task, or the driver gave up a send that nobody took.

    In the first case the peer is still there, and a cut stream helps nobody; a chunk whose sending was stopped is not
    sent again, for it may have gone out. The cancellation ends here: there is nothing left to cancel, and servers log
    one that comes out as a failure of the app.
    """
    with suppress(OSError, asyncio.CancelledError):
        if not driver.finished:
            driver.end(RESTARTING)
            await driver.outlet.send(driver.take(), more=False)
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


async def _listen(receive: Receive, driver: Driver) -> None:
    """Until the client disconnects. A body that comes again means that `receive` is broken; it is not asked twice."""
    try:
        message = await receive()
    except Exception:  # noqa: BLE001
        message = {"type": "http.disconnect"}
    if message["type"] == "http.disconnect":
        driver.leave()
