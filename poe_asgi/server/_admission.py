"""`Admission`: how many queries are let in, and how often. Off unless an app is given one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..errors import AnswerError, ConfigurationError
from ..protocol import strict

# In the order that a query is held against them; ``storage`` is one that gave no answer.
ADMISSION_LIMITS = ("queries_per_user", "rate_per_user", "rate_per_bot", "storage", "queries")

_BUSY = "This bot is very busy. Please try again in a moment."
_TOO_OFTEN = "You have asked very often. Please wait a little before you ask again."


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Which queries are answered; the others end in an `error` that Poe shows, never in an HTTP status.

    ``queries`` and ``queries_per_user`` may run at the same time, in one app of one process. ``queue`` more may wait up
    to ``queue_seconds`` for one of the ``queries`` to end, first come, first served; who waits counts for his user.

    ``rate_per_user`` and ``rate_per_bot`` are rates such as ``"20/minute"`` or ``"20/minute; 200/day"``. They are
    counted in ``storage``: ``memory://``, which is this process alone, or a Redis, ``redis://host:6379/0``, for all
    processes and machines that name it and the same ``namespace``. A storage that gives no answer within
    ``storage_seconds`` lets queries in, or with ``without_storage="closed"`` does not. Rates need the extra ``limits``.

    ``too_often`` is what a user reads who asks more than he may, ``busy`` what all others read. A query without a user
    is not held against limits per user.
    """

    queries: int | None = None
    queries_per_user: int | None = None
    queue: int = 0
    queue_seconds: float = 20
    rate_per_user: str | None = None
    rate_per_bot: str | None = None
    storage: str = field(default="memory://", repr=False)  # the URL of a Redis may hold a password
    storage_seconds: float = 1
    without_storage: Literal["open", "closed"] = "open"
    namespace: str = "poe-asgi"
    busy: AnswerError = field(default_factory=lambda: AnswerError(_BUSY))
    too_often: AnswerError = field(default_factory=lambda: AnswerError(_TOO_OFTEN))

    def __post_init__(self) -> None:
        for name in ("queries", "queries_per_user"):
            if getattr(self, name) is not None:
                self._check_whole(name, least=1)
        self._check_whole("queue", least=0)
        for name in ("queue_seconds", "storage_seconds"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise ConfigurationError(f"Admission: {name} must be a number of seconds above 0, not {value!r}.")
        if self.queue and self.queries is None:
            raise ConfigurationError("Admission: a queue= is for queries above queries=, which is not set.")
        if not isinstance(self.namespace, str) or not self.namespace:
            raise ConfigurationError(f"Admission: namespace must be a non-empty str, not {self.namespace!r}.")
        if self.without_storage not in {"open", "closed"}:
            raise ConfigurationError(f"Admission: without_storage is 'open' or 'closed', not {self.without_storage!r}.")
        for name in ("busy", "too_often"):
            if not isinstance(getattr(self, name), AnswerError):
                raise ConfigurationError(f'Admission: {name} is an AnswerError: {name}=AnswerError("…").')

    def _check_whole(self, name: str, *, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ConfigurationError(f"Admission: {name} must be a whole number from {least}, not {value!r}.")
