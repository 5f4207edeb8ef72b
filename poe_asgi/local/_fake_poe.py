"""`FakePoe`: Poe on this machine, as one ASGI app."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..client import Upstream, upstream
from ._asgi import (
    GoneError,
    HttpAnswer,
    Incoming,
    Receive,
    Scope,
    Send,
    Streamed,
    TooLargeError,
    read,
    respond,
    serve_lifespan,
)
from ._asgi_transport import AsgiTransport
from ._bots import query
from ._chat_api import chat
from ._costs import cost
from ._errors import WITH_KEY, RefusedError, Surface, http_error, not_found
from ._files import download, upload
from ._models import models
from ._played import Played
from ._records import Call, ChargeCall, PointsEntry, SettingsCall, UploadCall
from ._scripts import Scripted
from ._settings import sync
from ._state import State
from ._usage import balance, history

BASE_URL = "http://poe.test"

_ROUTES: tuple[tuple[str, str, Callable[..., Awaitable[HttpAnswer | Streamed]]], ...] = (
    ("POST", r"/bot/([^/]+)", query),
    ("POST", r"/bot/(fetch|update)_settings/([^/]+)/([^/]+)(?:/([^/]+))?", sync),
    ("POST", r"/bot/cost/([^/]+)/(authorize|capture)", cost),
    ("POST", r"/poe_api/file_upload_3RD_PARTY_POST", upload),
    ("GET", r"/files/[^/]+/[^/]*", download),
    ("POST", r"/v1/chat/completions", chat),
    ("GET", r"/v1/models", models),
    ("GET", r"/usage/current_balance", balance),
    ("GET", r"/usage/points_history", history),
)


class FakePoe:
    """Plays the surfaces of Poe that bots and clients call: bots, settings, files, costs, the chat API and usage.

    Every bot answers: scripted ones as scripted, all others with a stand-in that repeats the newest message;
    ``only_scripted`` refuses those instead. Any key is good unless ``keys`` names the good ones. What happened stands
    in ``calls``, ``charges``, ``uploads`` and ``settings``, oldest first.
    """

    def __init__(self, *, keys: Collection[str] | None = None, only_scripted: bool = False) -> None:
        self._state = State(keys=keys, only_scripted=only_scripted)

    def __repr__(self) -> str:
        bots, calls = len(self._state.scripts.names()), len(self.calls)
        return f"<FakePoe: {bots} scripted bots, {calls} calls>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await serve_lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                request = await read(scope, receive)
            except GoneError:
                return
            except TooLargeError:
                await respond(http_error(413, "The request is larger than 64 MB."), receive, send)
            else:
                await respond(await self._answer(request), receive, send)

    # ---- how it is reached

    def transport(self) -> AsgiTransport:
        """A transport to this Poe, for `PoeClient(transport=…)`."""
        return AsgiTransport(self)

    @contextmanager
    def installed(self) -> Iterator[FakePoe]:
        """Inside, this is Poe for every client that was given no base URL or transport of its own."""
        token = upstream.set(Upstream(BASE_URL, self.transport()))
        try:
            yield self
        finally:
            upstream.reset(token)

    # ---- what it does

    def bot(self, name: str, answer: Scripted, *, access_key: str | None = None) -> None:
        """Script a bot, which is a model of the chat API too. Names are alike in any case.

        ``answer`` is text, an event, a `Script` or an `http_error`; or a list of answers, one for each call, of which
        the last one stays; or a function of the `Call` that returns one of these or yields steps, plain or async; or
        a `Bot` or an ASGI app, which is asked as Poe would ask it, with ``access_key``. The lifespan of an app is its
        owner's to run. Raises ConfigurationError for anything else.
        """
        self._state.scripts.script(name, answer, access_key=access_key)

    def otherwise(self, answer: Scripted | None) -> None:
        """What every bot answers that is not scripted by its name, as in `bot`; None: a stand-in again.

        `real_bots` lets the real Poe answer.
        """
        self._state.scripts.otherwise(answer)

    def declare(self, calls: Mapping[str, int] | None) -> None:
        """Refuse, as Poe does, calls that a bot has not declared: bot name to the calls for one message of a user.

        It holds for calls that carry the id of a message, as those of a bot do. None lets every call through again.
        """
        self._state.declare(calls)

    def charging(self, *statuses: str | None) -> None:
        """How the next charges end, one after the other; the last one stays. None: in no ``result`` at all."""
        self._state.cost_statuses = list(statuses) or ["success"]

    @property
    def models(self) -> dict[str, dict[str, Any]]:
        """By name, what ``/v1/models`` is to say of a model beside, or other than, the usual."""
        return self._state.models

    # ---- what goes wrong

    def failing(self, answer: HttpAnswer, *on: Surface, times: int | None = 1) -> None:
        """Answer the next ``times`` calls (None: all) like this, on these surfaces or, if none is named, on all.

        ``answer`` is an `http_error`, or any `HttpAnswer`. Surfaces are ``bot``, ``chat``, ``models``, ``upload``,
        ``cost``, ``settings`` and ``usage``. Raises ConfigurationError for others.
        """
        self._state.outages.add(answer, on=on, times=times)

    def recovered(self) -> None:
        """Whatever was failing works again."""
        self._state.outages.clear()

    def bad_key(self, *, times: int | None = None) -> None:
        """No key is good any more (401)."""
        self.failing(http_error(401, "The key is not valid."), *WITH_KEY, times=times)

    def insufficient_funds(self, *, times: int | None = None) -> None:
        """The points are used up (402; the cost API says it in a ``result``)."""
        self.failing(http_error(402, "There are not enough points."), "bot", "chat", "cost", times=times)

    def rate_limited(self, *, times: int | None = 1, retry_after: float | None = None) -> None:
        """Too many requests (429), with ``Retry-After`` in seconds if given."""
        self.failing(http_error(429, "There were too many requests.", retry_after=retry_after), times=times)

    def overloaded(self, *, times: int | None = 1, retry_after: float | None = None) -> None:
        """The provider has too much to do (529)."""
        self.failing(http_error(529, "The provider is overloaded.", retry_after=retry_after), times=times)

    # ---- what happened

    @property
    def calls(self) -> list[Call]:
        """Calls of bots and models, refused ones too."""
        return self._state.records.calls

    @property
    def played(self) -> list[Played]:
        """What bots and models answered, in the order of the calls; a `Script` of it plays the same again."""
        return self._state.records.played

    @property
    def charges(self) -> list[ChargeCall]:
        """Authorizations and captures."""
        return self._state.records.charges

    @property
    def uploads(self) -> list[UploadCall]:
        """Files."""
        return self._state.records.uploads

    @property
    def settings(self) -> list[SettingsCall]:
        """Settings that were fetched or pushed."""
        return self._state.records.settings

    @property
    def points(self) -> list[PointsEntry]:
        """The points history: one entry for each call that was answered."""
        return self._state.records.points

    @property
    def balance(self) -> int:
        """Points that are left."""
        return self._state.balance

    @balance.setter
    def balance(self, points: int) -> None:
        self._state.balance = points

    # ---- inside

    async def _answer(self, request: Incoming) -> HttpAnswer | Streamed:
        for method, pattern, surface in _ROUTES:
            found = re.fullmatch(pattern, request.path) if method == request.method else None
            if found is not None:
                try:
                    return await surface(self._state, request, *found.groups(""))
                except RefusedError as refused:
                    return refused.answer
        return not_found(f"endpoint {request.method} {request.path}")
