"""What is tested: an ASGI app, how it is asked, and what its answers are held to."""

from __future__ import annotations

import copy
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Self

from .._clock import Clock, current_clock, passed_in
from ..client import HttpRequest, HttpResponse, read_bounded
from ..errors import ConfigurationError, ConnectionFailedError, did_you_mean
from ..local import AsgiApp, AsgiTransport, FakePoe
from ..protocol import STREAM_RULES, Limits, Reply
from ..server import Bot, create_app
from ._failures import UnexpectedAnswerError
from ._listener import Listener

_BODY_BYTES = 2**20
_ERROR_BYTES = 2_000
UNSET: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """``clock`` is the one passed in, if any; ``allow`` are the ids of rules that may be broken."""

    app: AsgiApp
    access_key: str | None = field(repr=False)
    path: str
    limits: Limits
    allow: Collection[str]
    clock: Clock | None
    poe: FakePoe

    @classmethod
    def of(
        cls,
        bot: Bot | AsgiApp,
        *,
        deps: Any,
        limits: Limits | None,
        access_key: str | None,
        **others: Any,
    ) -> Self:
        """A Bot is tested as the app that `create_app` makes of it, with these dependencies, limits and key."""
        if isinstance(bot, Bot):
            bot = copy.copy(bot)
            bot.limits = limits = limits or bot.limits
            if deps is not UNSET:
                bot.lifespan = lambda: nullcontext(deps)
            bot.access_keys = (access_key,) if access_key else bot.access_keys or (secrets.token_hex(16),)
            return cls(app=create_app(bot), access_key=bot.access_keys[0], limits=limits, **others)
        if not callable(bot):
            raise ConfigurationError(f"poe_tester takes a Bot or an ASGI app, not a {type(bot).__name__}.")
        if deps is not UNSET:
            raise ConfigurationError("deps= needs the Bot itself: of an app the lifespan is run as it is.")
        key = access_key or os.environ.get("POE_ACCESS_KEY")
        return cls(app=bot, access_key=key, limits=limits or Limits(), **others)

    def at(self, app: AsgiApp) -> Self:
        """The same, asked through another app."""
        return replace(self, app=app)

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """Inside, and in tasks that start there, Poe is the fake one and time is that of the clock."""
        with self.poe.installed():
            token = passed_in.set(self.clock or passed_in.get())
            try:
                yield
            finally:
                passed_in.reset(token)

    # ---- requests

    async def answer(self, query: Mapping[str, Any], *, disconnect_after: int | None, allow: Collection[str]) -> Reply:
        """The answer to a query, judged. Raises RuleBrokenError and UnexpectedAnswerError."""
        __tracebackhide__ = True
        with self.surroundings():
            clock = current_clock()
            listener = Listener(self.limits, clock, {*self.allow, *checked_rules(allow)}, disconnect_after)
            response = await self._post(query)
            try:
                await _check(response, "text/event-stream")
                await listener.listen(response)
            finally:
                await response.aclose()
            return listener.reply()

    async def settings(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a settings request. Raises UnexpectedAnswerError."""
        __tracebackhide__ = True
        raw = await self._answered(body, "application/json")
        try:
            answer = json.loads(raw)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            text = raw[:_ERROR_BYTES].decode("utf-8", "replace")
            raise UnexpectedAnswerError("The bot's settings are no JSON object.", status=200, body=text)
        return answer

    async def report(self, body: Mapping[str, Any]) -> None:
        """A report, of whose answer Poe looks at nothing but the status. Raises UnexpectedAnswerError."""
        __tracebackhide__ = True
        await self._answered(body)

    async def _answered(self, body: Mapping[str, Any], content_type: str | None = None) -> bytes:
        __tracebackhide__ = True
        with self.surroundings():
            response = await self._post(body)
            try:
                await _check(response, content_type)
                return await read_bounded(response, _BODY_BYTES)
            finally:
                await response.aclose()

    async def _post(self, body: Mapping[str, Any]) -> HttpResponse:
        __tracebackhide__ = True
        headers = {"content-type": "application/json"}
        if self.access_key is not None:
            headers["authorization"] = f"Bearer {self.access_key}"
        content = json.dumps(body).encode("ascii")
        request = HttpRequest(method="POST", url=f"http://bot.test{self.path}", headers=headers, content=content)
        try:
            return await AsgiTransport(self.app).send(request)
        except ConnectionFailedError as exc:
            raise UnexpectedAnswerError(str(exc)) from exc.__cause__


def checked_rules(ids: Collection[str]) -> Collection[str]:
    """Raise ConfigurationError unless these are ids of rules."""
    if isinstance(ids, str):
        raise ConfigurationError(f"allow= takes several ids of rules: allow=({ids!r},).")
    for each in ids:
        if each not in STREAM_RULES:
            raise ConfigurationError(f"There is no rule {each!r}.{did_you_mean(each, STREAM_RULES)}")
    return ids


async def _check(response: HttpResponse, content_type: str | None) -> None:
    """Raise UnexpectedAnswerError unless the status is 200 and the content of this type, if one is needed."""
    __tracebackhide__ = True
    got = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status == 200 and content_type in {None, got}:
        return
    try:
        body = (await read_bounded(response, _ERROR_BYTES)).decode("utf-8", "replace")
    except ConnectionFailedError:
        body = ""
    what = f"{response.status} instead of 200" if response.status != 200 else f"{got or 'no type'}, not {content_type}"
    raise UnexpectedAnswerError(f"The bot answered {what}.", status=response.status, body=body)
