"""The real Poe behind a `FakePoe`: its bots answer, and what they said is written down like any other answer."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace

from .._clock import current_clock
from ..client import Connection, HttpRequest, HttpResponse, Transport, read_bounded
from ..errors import ConnectionFailedError, ConnectTimeoutError, SSEError
from ..protocol import Done, Meta, ResponseReader
from ._asgi import HttpAnswer
from ._errors import http_error
from ._records import Call
from ._script import Cut, Step

API = "https://api.poe.com"
_ERROR_BYTES = 64 * 2**10


def real_bots(
    api_key: str, *, base_url: str = API, transport: Transport | None = None
) -> Callable[[Call], Awaitable[HttpAnswer | AsyncGenerator[Step, None]]]:
    """What `FakePoe.otherwise` takes to let Poe answer: each call goes to the bot of that name, and its answer comes
    back as it is. The owner of ``api_key`` pays. The ids of a query made here mean nothing to Poe and stay here, and
    Poe cannot fetch a file that was uploaded here.
    """
    connection = Connection(api_key=api_key, base_url=base_url, own_transport=transport)

    async def answer(call: Call) -> HttpAnswer | AsyncGenerator[Step, None]:
        query = replace(
            call.request, user_id="", conversation_id="", message_id="", metadata="", bot_query_id="", users=()
        )
        request = HttpRequest(
            method="POST",
            url=connection.bot_url(call.bot),
            headers={
                "authorization": f"Bearer {connection.key()}",
                "content-type": "application/json",
                "accept": "text/event-stream",
            },
            content=json.dumps(query.to_wire()).encode("ascii"),
        )
        try:
            response = await connection.transport().send(request)
        except (ConnectionFailedError, ConnectTimeoutError) as exc:
            return http_error(502, str(exc))
        if response.status == 200:
            return _steps(response)
        try:
            body = await read_bounded(response, _ERROR_BYTES)
        except ConnectionFailedError:
            body = b""
        finally:
            await response.aclose()
        return HttpAnswer(response.status, body=body, content_type=response.headers.get("content-type", "text/plain"))

    return answer


async def _steps(response: HttpResponse) -> AsyncGenerator[Step, None]:
    clock = current_clock()
    reader = ResponseReader(now=clock.time())
    try:
        async for chunk in response.chunks():
            for event in reader.feed(chunk, clock.time()):
                if isinstance(event, Done):
                    return
                if not isinstance(event, Meta):  # there is one before every answer
                    yield event
    except (ConnectionFailedError, SSEError):
        pass
    finally:
        await response.aclose()
    yield Cut()
