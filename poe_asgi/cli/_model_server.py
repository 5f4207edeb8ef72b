"""``dev --model-url``: a model on this machine answers when a bot under development calls other bots."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from ..client import HttpRequest, HttpResponse, PoeClient, read_bounded
from ..errors import ConnectionFailedError, SSEError, UpstreamError
from ..local import Call, Cut, http_error
from ..protocol import Message, SSEParser, insert_attachments
from ._passing_on import BODY_BYTES, Answers, post, refusal


def model_answers(url: str, model: str | None, client: PoeClient) -> Answers:
    """Has a server that speaks OpenAI's chat API answer for all bots; ``url`` ends as in ``…/v1``."""
    base = url.rstrip("/")
    name = model

    async def answer(call: Call) -> Any:
        nonlocal name
        try:
            name = name or await _first_model(base, client)
            messages = call.body["messages"] if call.surface == "chat" else _as_chat(call.request.query)
            body = {"model": name, "messages": messages, "stream": True}
            response = await post(client, f"{base}/chat/completions", body, "local")
        except UpstreamError as exc:
            return http_error(502, f"The model at {base} cannot be asked: {exc}")
        if response.status != 200:
            return await refusal(response)
        return _deltas(response)

    return answer


async def _first_model(base: str, client: PoeClient) -> str:
    response = await client.connection.transport().send(HttpRequest(method="GET", url=f"{base}/models"))
    try:
        listed = json.loads(await read_bounded(response, BODY_BYTES))
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
