"""The bot behind uvicorn in a thread of its own, as in a program that does more than serve.

    python -m tests.soak.threaded PORT

Signals go to the main thread alone, so this program drains the app itself when it is told to stop.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading

import uvicorn

from poe_asgi import drain

from .bot import app


def main(port: int) -> None:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not told.wait(0.05):
        assert thread.is_alive(), "the server has ended by itself"
    asyncio.run(drain(app))
    server.should_exit = True
    thread.join()


if __name__ == "__main__":
    main(int(sys.argv[1]))
