"""Settings sync: fetch from a bot's server, or update with what is sent (reference: settings sync)."""

from __future__ import annotations

import json
import logging
from typing import Any, Literal
from urllib.parse import unquote

from ..errors import ConfigurationError, RequestError
from ..protocol import PROTOCOL_VERSION, Settings, one_line, parse_json_object
from ._asgi import HttpAnswer, Incoming
from ._errors import RefusedError, http_error
from ._records import SettingsCall, fingerprint
from ._state import State

log = logging.getLogger("poe_asgi.local")


async def sync(
    state: State, request: Incoming, kind: Literal["fetch", "update"], quoted_name: str, quoted_key: str, version: str
) -> HttpAnswer:
    """``POST /bot/fetch_settings/…`` and ``/bot/update_settings/…``, with the version or without it."""
    key, name = unquote(quoted_key), state.scripts.name(unquote(quoted_name))
    refused = state.refusal("settings", key_accepted=state.accepts(key))
    if refused is not None:
        return refused
    body = await _fetched(state, name, version or PROTOCOL_VERSION) if kind == "fetch" else _sent(request)
    stored, dropped = _stored(body)
    if dropped:
        log.warning("Poe would drop the parameter controls of %.80r without a word: %s", name, one_line(dropped))
    state.records.settings.append(
        SettingsCall(bot=name, kind=kind, body=body, stored=stored, dropped=dropped, key=fingerprint(key))
    )
    text = f"The settings of {name} are stored: {json.dumps(stored.to_wire())}"
    return HttpAnswer(body=text.encode(), content_type="text/plain; charset=utf-8")


async def _fetched(state: State, name: str, version: str) -> dict[str, Any]:
    served = state.scripts.served(name)
    if served is None:
        raise RefusedError(http_error(404, f"There is no server bot named {name}.", shape="text"))
    settings = await served.settings(version)
    if settings is None:
        raise RefusedError(http_error(500, f"The server of {name} did not answer with settings.", shape="text"))
    return settings


def _sent(request: Incoming) -> dict[str, Any]:
    try:
        return parse_json_object(request.body)
    except RequestError as exc:
        raise RefusedError(http_error(400, str(exc), shape="text")) from None


def _stored(body: dict[str, Any]) -> tuple[Settings, str]:
    """What Poe stores, and why it dropped the controls, if it did."""
    try:
        return Settings.from_wire(body), ""
    except ConfigurationError as exc:
        problem = str(exc)
    try:
        without = {key: value for key, value in body.items() if key != "parameter_controls"}
        return Settings.from_wire(without), problem
    except ConfigurationError as exc:
        raise RefusedError(http_error(400, f"The settings are not valid: {exc}", shape="text")) from None
