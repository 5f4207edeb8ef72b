"""What an account has, and what it has spent (reference: usage and balance)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from ..errors import InvalidResponseError
from ._calls import get_json
from ._connection import Connection
from ._tolerant import decimal, moment, number, objects, text, within

USAGE_SECONDS = 30.0
PAGE = 100  # entries, the most that Poe gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """``points`` is what is left; ``raw`` is the answer as it came, which may tell more."""

    points: int
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEntry:
    """What one call cost. ``""``, None and an empty mapping stand for what is not told.

    ``time`` is in UTC; ``usage_type`` is ``API``, ``Chat``, ``Canvas App`` or more to come; ``breakdown`` says what the
    points went to, in Poe's words. ``raw`` is the entry as it came.
    """

    query_id: str
    bot_name: str
    points: int | None
    time: datetime | None = None
    usage_type: str = ""
    usd: Decimal | None = None
    breakdown: Mapping[str, Any] = field(default_factory=dict)
    api_key_name: str = ""
    chat_name: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Usage:
    """The points of the account behind a client's key. Raises UpstreamError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def balance(self) -> Balance:
        """The points that are left."""
        what = "Asking for the balance"
        raw = await self._get("/usage/current_balance", what)
        points = number(raw, "current_point_balance")
        if points is None:
            raise InvalidResponseError(f"{what}: the answer has no current_point_balance.", status=200)
        return Balance(points=points, raw=raw)

    async def history(self) -> AsyncIterator[UsageEntry]:
        """What the last 30 days cost, newest first. Each page is asked for when it is needed."""
        what = "Asking for the history of points"
        query: dict[str, Any] = {"limit": PAGE}
        while True:
            page = await self._get(f"/usage/points_history?{urlencode(query)}", what)
            if not isinstance(page.get("data"), list):
                raise InvalidResponseError(f"{what}: the answer has no list of entries.", status=200)
            entries = objects(page, "data")
            for raw in entries:
                yield _entry(raw)
            last = text(entries[-1], "query_id") if entries else ""
            # Without something new to start after, the same page would come again and again.
            if page.get("has_more") is not True or last in {"", query.get("starting_after")}:
                return
            query["starting_after"] = last

    async def _get(self, path: str, what: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._connection.key()}"}
        return await get_json(
            self._connection, self._connection.api_url(path), what, headers=headers, seconds=USAGE_SECONDS
        )


def _entry(raw: Mapping[str, Any]) -> UsageEntry:
    return UsageEntry(
        query_id=text(raw, "query_id"),
        bot_name=text(raw, "bot_name") or text(raw, "app_name"),
        points=number(raw, "cost_points"),
        time=moment(raw.get("creation_time")),
        usage_type=text(raw, "usage_type"),
        usd=decimal(raw.get("cost_usd")),
        breakdown=within(raw, "cost_breakdown_in_points"),
        api_key_name=text(raw, "api_key_name"),
        chat_name=text(raw, "chat_name"),
        raw=raw,
    )
