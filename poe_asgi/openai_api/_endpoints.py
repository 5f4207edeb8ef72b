"""The apps behind the paths, each from a request to its answer, in this order: method, key, content type, size, time,
JSON, model, fields."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import replace
from typing import Any

from .._clock import current_clock
from ..errors import RequestError
from ..protocol import Limits, parse_json_object
from ..server._body import RefusedError as BodyRefusedError, read_body
from ..server._endpoint import BotEndpoint
from ..server._outlet import Outlet
from ..server._starlette import Receive, Request, Scope, Send, json_response
from ._errors import RefusedError
from ._models import Models
from ._opening import Opening
from ._requests import Completion, model_of, read_completion
from ._tools import takes_tools
from ._wires import ChunkWire, CompletionWire


class ChatEndpoint:
    """``POST /v1/chat/completions``."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = current_clock().time()
        try:
            endpoint, completion = await self._read(scope, receive)
            _let_in(endpoint)
        except RefusedError as exc:
            with suppress(OSError):  # the client is gone
                await exc.error.response()(scope, receive, send)
            return
        wire = ChunkWire(completion) if completion.stream else CompletionWire(completion)
        opening = Opening(send, wire)

        limits = endpoint.bot.limits
        scope["poe_asgi.driver"] = endpoint.driver(
            completion.query,
            Request(scope),
            "",  # the key of this bot opens nothing at Poe for somebody who is no user there
            started,
            Outlet(opening),
            limits=limits if completion.stream else replace(limits, ping_seconds=0),
            wire=wire,
        )
        with suppress(OSError):
            await endpoint.answers(scope, receive, opening)
            await opening.close()

    async def _read(self, scope: Scope, receive: Receive) -> tuple[BotEndpoint, Completion]:
        _expect(scope, "POST")
        opened = _opened(self._models, scope)
        _expect_json(scope)
        widest = Limits(
            body_bytes=max(each.bot.limits.body_bytes for each in opened),
            body_seconds=max(each.bot.limits.body_seconds for each in opened),
        )
        try:
            raw = await read_body(scope, receive, widest)
            body = parse_json_object(raw)
        except BodyRefusedError as exc:
            raise RefusedError(exc.status, str(exc)) from None
        except RequestError as exc:
            raise RefusedError(400, str(exc)) from None
        name = model_of(body)
        endpoint = _found(self._models, opened, name)
        most = endpoint.bot.limits.body_bytes
        if len(raw) > most:
            raise RefusedError(413, f"The request is larger than {most:,} bytes.")
        id_ = f"chatcmpl-{secrets.token_hex(12)}"
        return endpoint, read_completion(body, id=id_, takes_tools=takes_tools(endpoint.bot))


class ModelsEndpoint:
    """``GET /v1/models`` and ``GET /v1/models/{model}``: the bots that the key opens."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = json_response(self._answer(scope))
        except RefusedError as exc:
            response = exc.error.response()
        with suppress(OSError):
            await response(scope, receive, send)

    def _answer(self, scope: Scope) -> dict[str, Any]:
        _expect(scope, "GET")
        opened = _opened(self._models, scope)
        name = scope.get("path_params", {}).get("model", "").strip("/")
        if name:
            return self._models.objects([_found(self._models, opened, name)])[0]
        return {"object": "list", "data": self._models.objects(opened)}


class NothingHere:
    """Any other path of the API."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = RefusedError(404, "There is nothing at this path: this API has /models and /chat/completions.").error
        with suppress(OSError):
            await error.response()(scope, receive, send)


def _expect(scope: Scope, method: str) -> None:
    if scope["method"] != method and not (method == "GET" and scope["method"] == "HEAD"):
        raise RefusedError(405, f"This path is asked by {method}.", headers={"Allow": method})


def _opened(models: Models, scope: Scope) -> list[BotEndpoint]:
    opened = models.opened_by(scope)
    if not opened:
        raise RefusedError(
            401,
            "The API key is missing or wrong: it is the access key of the bot, as `Authorization: Bearer …`.",
            code="invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return opened


def _expect_json(scope: Scope) -> None:
    headers = {name: value.decode("latin-1").strip().lower() for name, value in scope["headers"]}
    kind = headers.get(b"content-type", "application/json").partition(";")[0].strip()
    if kind != "application/json" and not kind.endswith("+json"):
        raise RefusedError(415, "The body must be JSON: send it with `Content-Type: application/json`.")
    if headers.get(b"content-encoding", "identity") != "identity":
        raise RefusedError(415, "The body must not be compressed.")


def _found(models: Models, opened: list[BotEndpoint], name: str) -> BotEndpoint:
    endpoint = models.find(name)
    if endpoint is None or all(endpoint.bot is not each.bot for each in opened):
        raise RefusedError(
            404, "There is no such model, or this key does not open it.", param="model", code="model_not_found"
        )
    return endpoint


def _let_in(endpoint: BotEndpoint) -> None:
    try:
        endpoint.admit()
    except BodyRefusedError as exc:
        raise RefusedError(exc.status, str(exc), headers=exc.headers) from None
