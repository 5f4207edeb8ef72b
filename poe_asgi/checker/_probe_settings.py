"""Probes of the settings and the parameter controls in them."""

from __future__ import annotations

import json
from typing import Any

from ..errors import ConfigurationError
from ..protocol import ParameterControls, Settings
from ._exchange import Exchange
from ._lenient import lenient
from ._probe import Probe
from ._session import REDIRECTS, Session

_DEPRECATED = {
    "enable_multi_bot_chat_prompting": "enable_multi_entity_prompting",
    "custom_rate_card": "rate_card",
    "context_clear_window_secs": "",
    "allow_user_context_clear": "",
}


async def settings(session: Session) -> None:
    exchange = await session.send({"version": "1.2", "type": "settings"}, "a settings request")
    if exchange.late or exchange.status in REDIRECTS:
        return
    if exchange.status == 501:
        session.note("settings-supported", exchange)
        return
    if exchange.status != 200:
        session.note("settings-status", exchange)
        return
    await _bare(session)
    try:
        answer = json.loads(exchange.body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        session.note("settings-json", exchange)
        return
    if exchange.content_type != "application/json":
        session.note("settings-content-type", exchange)
    given = {key: value for key, value in answer.items() if value is not None}
    _judge_fields(session, exchange, given)
    if "parameter_controls" in given:
        _judge_controls(session, exchange, given)


async def _bare(session: Session) -> None:
    exchange = await session.send({"type": "settings"}, "a settings request of `type` alone")
    if exchange.status != 200 and not exchange.late:
        session.note("version-optional", exchange)


def _judge_fields(session: Session, exchange: Exchange, given: dict[str, Any]) -> None:
    if "response_version" not in given:
        session.note("settings-version", exchange, "There is no `response_version`.")
    try:
        read = Settings.from_wire({key: value for key, value in given.items() if key != "parameter_controls"})
    except ConfigurationError as exc:
        session.note("settings-fields", exchange, str(exc))
    else:
        if read.extra:
            session.note("settings-unknown", exchange, f"Unknown: {', '.join(sorted(read.extra))}.")
    deprecated = [f"{key} (use {new})" if new else key for key, new in _DEPRECATED.items() if key in given]
    if deprecated:
        session.note("settings-deprecated", exchange, f"Deprecated: {', '.join(deprecated)}.")


def _judge_controls(session: Session, exchange: Exchange, given: dict[str, Any]) -> None:
    version, controls = given.get("response_version", 0), given["parameter_controls"]
    if version in {0, 1}:
        session.note("controls-version", exchange, f"The response_version is {version}.")
    try:
        strict = ParameterControls.from_wire(controls, "parameter_controls")
    except ConfigurationError as exc:
        advice = str(exc)
    else:
        names = (getattr(control, "parameter_name", None) for _, control in strict.walk())
        session.parameters = tuple(name for name in names if name is not None)
        return
    try:
        ParameterControls.from_wire(lenient(controls), "parameter_controls")
    except ConfigurationError as exc:
        session.note("controls-valid", exchange, str(exc))
    else:
        session.note("controls-consistent", exchange, advice)


PROBES = (
    Probe(
        id="settings",
        title="the settings",
        rules=(
            *("settings-status", "settings-supported", "settings-json", "settings-content-type", "settings-fields"),
            *("settings-unknown", "settings-version", "settings-deprecated", "version-optional"),
            *("controls-version", "controls-valid", "controls-consistent"),
        ),
        run=settings,
    ),
)
