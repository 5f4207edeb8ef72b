"""The response that streams an answer.

sse-starlette loads the command line of uvicorn, too, so this module waits for the start-up: by then that is there, or
another server runs and has no use for it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from sse_starlette import EventSourceResponse

from ._driver import Driver
from ._site import RESTARTING, Site
from ._starlette import Receive, Scope, Send


class AnswerResponse(EventSourceResponse):
    """Streams what a `Driver` has ready: several events a chunk when they are ready together, one alone when not.

    One serves all answers of an app: it keeps the status, headers and media type of its base class, and finds the
    driver in ``scope["poe_asgi.driver"]``. The tasks that the base class starts for pings, shutdown and disconnect are
    the driver's timers here, and one listener that starts when the handler first waits.
    """

    def __init__(self, site: Site) -> None:
        super().__init__(content=iter(()))  # the body comes from the driver
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        driver: Driver = scope.pop("poe_asgi.driver")
        outlet = driver.outlet
        headers = list(self.raw_headers)  # middleware may change them, for this answer alone
        listener: asyncio.Task[None] | None = None
        opened = False
        self._site.enter(driver)
        driver.start()
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
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
            await driver.outlet.send(driver.take(), more=True)
            await driver.outlet.send(b"", more=False)  # uvicorn waits for the reader before it writes, not afterwards
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
