"""Serves the echo bot on this machine: ``python -m examples.serve``, which is what ``make run`` starts.

PORT chooses the port (default 8000; the next free one if it is taken), POE_ACCESS_KEY the key (default: a new one).
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
from contextlib import suppress

import uvicorn

from examples import echo
from poe_asgi import create_app

HOST = "127.0.0.1"
BODY = '{"type": "query", "query": [{"role": "user", "content": "Hello"}]}'


def listen(port: int) -> socket.socket:
    """A socket at this port, or at the next free one. It is open at once: who connects early is served later."""
    for candidate in range(port, 65536):
        try:
            return socket.create_server((HOST, candidate))
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise SystemExit(f"Port {candidate} cannot be used: {exc.strerror}.") from None
    raise SystemExit(f"No port from {port} on is free.")


def greeting(url: str, key: str) -> str:
    """What is printed; the last line is for the shell, where ``key`` stands in double quotes."""
    return f"""\
The echo bot is at {url} (Ctrl+C ends it). Ask it something from another terminal:

curl -N {url} -H "Authorization: Bearer {key}" -d '{BODY}'
"""


def main() -> None:
    port = os.environ.get("PORT", "8000")
    if not (port.isdecimal() and int(port) < 65536):
        raise SystemExit(f"PORT must be a number up to 65535, not {port!r}.")
    listener = listen(int(port))
    url = f"http://{HOST}:{listener.getsockname()[1]}"

    given_key = os.environ.get("POE_ACCESS_KEY")
    key = given_key or secrets.token_hex(16)
    print(greeting(url, "$POE_ACCESS_KEY" if given_key else key), flush=True)

    app = create_app(echo.bot, access_key=key)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn.Config(app)).run(sockets=[listener])


if __name__ == "__main__":
    main()
