"""From the body of a request to the official class for it.

The classes take what they know and drop the rest, so they are given the body as it came. They also refuse much that
Poe may send (roles, content types or feedback that are new, a field that is missing or null); there, what they refuse
is left out, and only that.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import RequestError
from ..protocol import CONTENT_TYPES, ErrorReportRequest
from ..server import Context

M = TypeVar("M", bound=BaseModel)

# Each pass leaves out what the one before refused; a part that lacks a field goes with the next one.
_PASSES = 10

_IDS = {"message_id": "", "user_id": "", "conversation_id": ""}


def official_request(model: type[M], ctx: Context[Any], **values: Any) -> M:
    """The request of this context as an instance of ``model``; ``values`` go over what was sent.

    Raises RequestError, which quotes nothing, when something is missing that the class cannot do without.
    """
    sent = ctx.http.scope.get("poe_asgi.sent")
    if sent is None:  # a query that came by another door
        sent = {"type": "query", **ctx.request.to_wire()}
    for message in sent.get("query") or ():
        _fill(message)
    if isinstance(ctx.request, ErrorReportRequest):
        values = {"message": ctx.request.message, "metadata": ctx.request.metadata, **values}
    return _validated(model, {"version": ctx.request.version, **_IDS, **sent, **values})


def _fill(message: dict[str, Any]) -> None:
    """What would otherwise be left out, though it can be told."""
    content_type = message.get("content_type")
    if isinstance(content_type, str) and content_type not in CONTENT_TYPES:
        message["content_type"] = "text/plain"
    for feedback in message.get("feedback") or ():
        feedback.setdefault("reason", None)
    if message.get("referenced_message"):
        _fill(message["referenced_message"])


def _validated(model: type[M], values: dict[str, Any]) -> M:
    for _ in range(_PASSES):
        try:
            return model.model_validate(values)
        except ValidationError as exc:
            refused = {_part(values, each["loc"], each["type"]) for each in exc.errors(include_input=False)}
        if () in refused:
            break
        values = deepcopy(values)  # parts of it are parts of the request, too
        _leave_out(values, refused)
    # Raised out here: the error caught above holds the values, the access key among them, and would be its context.
    raise RequestError(f"The request does not fit {model.__name__} of fastapi_poe.")


def _part(values: Any, path: tuple[Any, ...], problem: str) -> tuple[Any, ...]:
    """The path to what is to be left out: the value that was refused, or the object that lacks one."""
    steps = path[:-1] if problem == "missing" else path
    for number, step in enumerate(steps):
        known = step in values if isinstance(values, dict) else isinstance(values, list) and isinstance(step, int)
        if not known:
            return steps[:number]
        values = values[step]
    return steps


def _leave_out(values: Any, paths: Iterable[tuple[Any, ...]]) -> None:
    """Delete the values at these paths, from the back: a deletion moves what follows it in a list."""
    for path in sorted(paths, reverse=True):
        parent = values
        for step in path[:-1]:
            parent = parent[step]
        del parent[path[-1]]
