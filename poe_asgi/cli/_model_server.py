"""``dev --model-url``: a model on this machine answers when a bot under development calls other bots."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from ..client import HttpRequest, HttpResponse, PoeClient, read_bounded
from ..errors import ConnectionFailedError, SSEError, UpstreamError
from ..local import Call, Cut, HttpAnswer, http_error
from ..protocol import Message, SSEParser, insert_attachments

_BODY_BYTES = 2**20


def model_answers(url: str, model: str | None, client: PoeClient) -> Callable[[Call], Awaitable[Any]]:
    """Has a server that speaks OpenAI's chat API answer for all bots; ``url`` ends as in ``…/v1``."""
    base = url.rstrip("/")
    name = model

    async def answer(call: Call) -> Any:
        nonlocal name
        try:
            name = name or await _first_model(base, client)
            messages = call.body["messages"] if call.surface == "chat" else _as_chat(call.request.query)
            body = {"model": name, "messages": messages, "stream": True}
            response = await _post(client, f"{base}/chat/completions", body, "local")
        except UpstreamError as exc:
            return http_error(502, f"The model at {base} cannot be asked: {exc}")
        if response.status != 200:
            return await _refusal(response)
        return _deltas(response)

    return answer


async def _first_model(base: str, client: PoeClient) -> str:
    response = await client.connection.transport().send(HttpRequest(method="GET", url=f"{base}/models"))
    try:
        listed = json.loads(await read_bounded(response, _BODY_BYTES))
        return str(listed["data"][0]["id"])
    except (ValueError, LookupError, TypeError):
        raise ConnectionFailedError("it lists no models; name one with --model.") from None
    finally:
        await response.aclose()


def _as_chat(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    roles = {"bot": "assistant"}
    return [{"role": roles.get(each.role, each.role), "content": each.content} for each in insert_attachments(messages)]


async def _deltas(response: HttpResponse) -> AsyncIterator[str | Cut]:
    parser = SSEParser()
    try:
        async for chunk in response.chunks():
            for event in parser.feed(chunk):
                if event.data == "[DONE]":
                    return
                if text := _delta(event.data):
                    yield text
    except (ConnectionFailedError, SSEError):
        pass
    finally:
        await response.aclose()
    yield Cut()


def _delta(data: str) -> str:
    try:
        return json.loads(data)["choices"][0]["delta"].get("content") or ""
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


async def _post(client: PoeClient, url: str, body: Mapping[str, Any], key: str) -> HttpResponse:
    """The response to a body in JSON. Raises UpstreamError."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", "accept": "text/event-stream"}
    content = json.dumps(body).encode("ascii")
    return await client.connection.transport().send(
        HttpRequest(method="POST", url=url, headers=headers, content=content)
    )


async def _refusal(response: HttpResponse) -> HttpAnswer:
    """A refusal, as it came."""
    try:
        body = await read_bounded(response, _BODY_BYTES)
    finally:
        await response.aclose()
    headers = {name: response.headers[name] for name in ("retry-after",) if name in response.headers}
    content_type = response.headers.get("content-type", "application/json")
    return HttpAnswer(response.status, body=body, content_type=content_type, headers=headers)
