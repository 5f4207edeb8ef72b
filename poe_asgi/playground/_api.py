"""The calls that the page makes. Each takes the desk, the request and what its path names, and gives JSON."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from ..local._asgi import HttpAnswer, Incoming, Streamed
from ..protocol import parse_json_object
from ._as_test import as_test
from ._desk import Desk
from ._files import keep, known
from ._refusal import RefusedError
from ._replay import Replay
from ._saving import saved

_NDJSON = {"content-type": "application/x-ndjson; charset=utf-8"}
REACTIONS = ("like", "dislike", "heart", "laughing", "surprised", "sad")


async def live(desk: Desk, _: Incoming) -> Streamed:
    """Everything, then news for as long as the page is open."""
    if desk.settings is None and desk.failed is None:
        desk.spawn(desk.fetch_settings())
    return Streamed(desk.hub.lines(desk.everything), _NDJSON)


async def new(desk: Desk, _: Incoming) -> Any:
    return {"key": desk.new_conversation().key}


async def show(desk: Desk, _: Incoming, key: str) -> Any:
    return desk.conversation_to_page(desk.conversation(key))


async def delete(desk: Desk, _: Incoming, key: str) -> Any:
    await desk.delete(key)
    return {}


async def ask(desk: Desk, request: Incoming, key: str) -> Any:
    body = _object(request)
    text, parameters = body["text"], body.get("parameters", {})
    if not isinstance(text, str) or not isinstance(parameters, dict):
        raise TypeError
    files = [known(desk, url) for url in body.get("files", [])]
    if not text.strip() and not files:
        raise RefusedError("There is nothing to send.")
    return {"id": desk.ask(key, text, files, parameters).id}


async def retry(desk: Desk, _: Incoming, key: str) -> Any:
    return {"id": desk.retry(key).id}


async def stop(desk: Desk, _: Incoming, key: str) -> Any:
    await desk.stop(key)
    return {}


async def clear(desk: Desk, _: Incoming, key: str) -> Any:
    desk.clear(key)
    return {}


async def react(desk: Desk, request: Incoming, key: str) -> Any:
    body = _object(request)
    if body["reaction"] not in REACTIONS:
        raise ValueError
    await desk.react(key, body["id"], body["reaction"])
    return {}


async def feedback(desk: Desk, request: Incoming, key: str) -> Any:
    body = _object(request)
    if body["feedback"] not in {"like", "dislike"}:
        raise ValueError
    await desk.feedback(key, body["id"], body["feedback"])
    return {}


async def upload(desk: Desk, request: Incoming) -> Any:
    name = unquote(request.headers.get("x-file-name", "file"))
    file = await keep(desk, name, request.headers.get("content-type", ""), request.body)
    return {"url": file.url, "name": file.name, "type": file.content_type}


async def settings(desk: Desk, _: Incoming) -> Any:
    await desk.fetch_settings()
    return {}


async def save(desk: Desk, _: Incoming, key: str) -> HttpAnswer:
    body = json.dumps(saved(desk, desk.conversation(key)), indent=1).encode("ascii")
    return HttpAnswer(body=body, headers={"content-disposition": f'attachment; filename="conversation-{key}.json"'})


async def test(desk: Desk, _: Incoming, key: str) -> Any:
    return {"code": as_test(desk, desk.conversation(key))}


async def replay(desk: Desk, request: Incoming) -> Any:
    replaying = Replay.of(desk, request.body)
    desk.spawn(replaying.run())
    return {"key": replaying.conversation.key}


async def exchange(desk: Desk, _: Incoming, number: str) -> Any:
    found = desk.exchanges.get(int(number))
    if found is None:
        raise RefusedError("The inspector does not have this any more.")
    return found.to_page()


async def raw(desk: Desk, _: Incoming, number: str) -> HttpAnswer:
    found = desk.exchanges.get(int(number))
    if found is None:
        raise RefusedError("The inspector does not have this any more.")
    return HttpAnswer(body=found.raw(), content_type="application/octet-stream")


def _object(request: Incoming) -> dict[str, Any]:
    return parse_json_object(request.body)


_ONE = r"/api/conversations/(\d+)"

ROUTES: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/api/live", live),
    ("POST", "/api/conversations", new),
    ("GET", _ONE, show),
    ("DELETE", _ONE, delete),
    ("POST", f"{_ONE}/ask", ask),
    ("POST", f"{_ONE}/retry", retry),
    ("POST", f"{_ONE}/stop", stop),
    ("POST", f"{_ONE}/clear", clear),
    ("POST", f"{_ONE}/react", react),
    ("POST", f"{_ONE}/feedback", feedback),
    ("GET", f"{_ONE}/saved", save),
    ("GET", f"{_ONE}/test", test),
    ("POST", "/api/replay", replay),
    ("POST", "/api/files", upload),
    ("POST", "/api/settings", settings),
    ("GET", r"/api/exchanges/(\d+)", exchange),
    ("GET", r"/api/exchanges/(\d+)/raw", raw),
)
