"""``dev --live``: the real Poe answers when a bot under development calls other bots.

It stands behind the local Poe, which notes each call. Charges and settings stay on this machine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from ..client import HttpRequest, HttpResponse, PoeClient
from ..errors import ConnectionFailedError, SSEError, UpstreamError
from ..local import AsgiApp, Call, Cut, FakePoe, http_error
from ..protocol import Done, Meta, ResponseReader, StreamEvent
from ._passing_on import Answers, post, refusal

_PASSED_ON = ("/v1/", "/poe_api/", "/usage/")  # what is not about a bot goes to the real Poe as it comes
_KEPT = ("content-type", "retry-after", "content-length")


def live_answers(poe: FakePoe, client: PoeClient) -> Answers:
    """Has the bots of the real Poe answer, with the key of this client."""

    async def answer(call: Call) -> Any:
        body = {name: value for name, value in call.body.items() if name not in {"access_key", "api_key"}}
        try:
            body["query"] = [await _with_real_files(message, poe, client) for message in body["query"]]
            response = await post(client, client.connection.bot_url(call.bot), body, client.connection.key())
        except UpstreamError as exc:
            return http_error(502, str(exc))
        if response.status != 200:
            return await refusal(response)
        return _events(response)

    return answer


def with_live_surfaces(poe: FakePoe, client: PoeClient) -> AsgiApp:
    """The local Poe, whose models, uploads and points are those of the real one."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PASSED_ON):
            await poe(scope, receive, send)
            return
        response = await client.connection.transport().send(await _passed_on(scope, receive, client))
        try:
            headers = [(name.encode(), response.headers[name].encode()) for name in _KEPT if name in response.headers]
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            async with aclosing(_bytes(response)) as chunks:
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await response.aclose()

    return app


async def _passed_on(scope: Any, receive: Any, client: PoeClient) -> HttpRequest:
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    connection, path = client.connection, scope["path"]
    url = connection.upload_url() if path.startswith("/poe_api/") else connection.api_url(path)
    query = scope["query_string"].decode("latin-1")
    own = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name == b"content-type"}
    # An upload carries its key bare, all else as a Bearer token.
    key = connection.key() if path.startswith("/poe_api/") else f"Bearer {connection.key()}"
    return HttpRequest(
        method=scope["method"],
        url=f"{url}?{query}" if query else url,
        headers={**own, "authorization": key},
        content=bytes(body),
    )


async def _with_real_files(message: Mapping[str, Any], poe: FakePoe, client: PoeClient) -> dict[str, Any]:
    """A message whose attachments the real Poe can read: what is stored here is uploaded there."""
    here = {upload.url: upload for upload in poe.uploads}
    attachments = []
    for each in message.get("attachments") or []:
        upload = here.get(each.get("url", ""))
        if upload is None:
            attachments.append(each)
        else:
            file = await client.upload(upload.content, name=upload.name, content_type=upload.content_type)
            attachments.append({**each, "url": file.url})
    return {**message, "attachments": attachments}


async def _events(response: HttpResponse) -> AsyncIterator[StreamEvent | Cut]:
    """The events of an answer; the local Poe puts its own `meta` and `done` around them."""
    reader = ResponseReader()
    try:
        async for chunk in response.chunks():
            for event in reader.feed(chunk):
                if isinstance(event, Done):
                    return
                if not isinstance(event, Meta):
                    yield event
    except (ConnectionFailedError, SSEError):
        pass
    finally:
        await response.aclose()
    yield Cut()


async def _bytes(response: HttpResponse) -> Any:
    async for chunk in response.chunks():
        yield chunk
