"""Costs of a bot's own: authorize and capture (reference: cost)."""

from __future__ import annotations

import json
from typing import Any, Literal
from urllib.parse import unquote

from ..errors import RequestError
from ..protocol import parse_json_object
from ._asgi import HttpAnswer, Incoming
from ._errors import RefusedError, http_error
from ._records import Amount, ChargeCall, fingerprint
from ._state import State

NO_FUNDS = "insufficient_funds"


async def cost(state: State, request: Incoming, bot_query_id: str, kind: Literal["authorize", "capture"]) -> HttpAnswer:
    """``POST /bot/cost/{id}/authorize`` or ``capture``; the key stands in the body."""
    try:
        body = parse_json_object(request.body)
    except RequestError as exc:
        return http_error(400, str(exc), shape="sse")
    amounts = _amounts(body.get("amounts"))
    key = str(body.get("access_key") or "")
    refused = state.refusal("cost", key_accepted=state.accepts(key))
    if refused is not None and refused.status != 402:
        return refused
    status = NO_FUNDS if refused is not None else state.next_cost_status()
    charge = ChargeCall(
        kind=kind, bot_query_id=unquote(bot_query_id), amounts=amounts, status=status, key=fingerprint(key)
    )
    state.records.charges.append(charge)
    result = f"event: result\r\ndata: {json.dumps({'status': status})}\r\n\r\n" if status is not None else ""
    return HttpAnswer(body=f": charging\r\n\r\n{result}".encode(), content_type="text/event-stream")


def _amounts(raw: Any) -> tuple[Amount, ...]:
    if not isinstance(raw, list) or not raw or not all(isinstance(each, dict) for each in raw):
        raise RefusedError(http_error(400, "amounts must be a list of objects.", shape="sse"))
    return tuple(_amount(each) for each in raw)


def _amount(raw: dict[str, Any]) -> Amount:
    value, description = raw.get("amount_usd_milli_cents"), raw.get("description")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RefusedError(http_error(400, "amount_usd_milli_cents must be a whole number.", shape="sse"))
    if description is not None and not isinstance(description, str):
        raise RefusedError(http_error(400, "description must be a string.", shape="sse"))
    return Amount(milli_cents=value, description=description)
