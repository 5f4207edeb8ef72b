"""Points: balance and history (reference: usage and balance)."""

from __future__ import annotations

import re
from dataclasses import asdict

from ._asgi import HttpAnswer, Incoming, json_answer
from ._errors import http_error
from ._state import State, bearer

_NUMBER = re.compile("[0-9]{1,4}")
_DEFAULT_PAGE = 20
_LONGEST_PAGE = 100


async def balance(state: State, request: Incoming) -> HttpAnswer:
    """``GET /usage/current_balance``."""
    refused = state.refusal("usage", key_accepted=state.accepts(bearer(request.headers)))
    return refused or json_answer({"current_point_balance": state.balance})


async def history(state: State, request: Incoming) -> HttpAnswer:
    """``GET /usage/points_history``, newest first, in pages."""
    refused = state.refusal("usage", key_accepted=state.accepts(bearer(request.headers)))
    if refused is not None:
        return refused
    limit = request.query.get("limit", str(_DEFAULT_PAGE))
    if not _NUMBER.fullmatch(limit) or not 1 <= int(limit) <= _LONGEST_PAGE:
        return http_error(400, f"limit must be from 1 to {_LONGEST_PAGE}.")
    entries = state.records.points[::-1]
    after = request.query.get("starting_after")
    if after is not None:
        place = next((number for number, entry in enumerate(entries, 1) if entry.query_id == after), None)
        if place is None:
            return http_error(400, "starting_after is no query_id of the history.")
        entries = entries[place:]
    page = [asdict(entry) for entry in entries[: int(limit)]]
    return json_answer({"has_more": len(entries) > len(page), "length": len(page), "data": page})
