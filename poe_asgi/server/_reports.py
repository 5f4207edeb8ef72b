"""What a user sees of a failure, and what the author finds in the log: an error id ties the two together."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from ..errors import AnswerError, BotError, LimitError, UpstreamError
from ..protocol import ErrorEvent, File
from ._contexts import QueryContext
from ._handlers import name_of
from ._pump import WrongYieldError
from ._site import RESTARTING

if TYPE_CHECKING:
    from ..client import PoeClient
    from ._entrance import Refusal


def error_id() -> str:
    """A short id that stands in the log and in what goes out."""
    return secrets.token_hex(4)


def _is_being_stopped() -> bool:
    """Whether the handler's task itself was cancelled, as all are when a loop is shut down; nobody else knows it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Report:
    """Reports on the answer to one query. Nothing of an exception goes out but what was raised for the user."""

    __slots__ = ("_ctx", "error_id")

    def __init__(self, ctx: QueryContext) -> None:
        self._ctx = ctx
        self.error_id: str | None = None  # what the user and the log were told last

    @property
    def _handler(self) -> str:
        return f"{name_of(self._ctx.bot.handler)} of {self._ctx.bot!r}"

    def failed(self, exc: BaseException) -> ErrorEvent:
        """The handler raised this; alone in the group of a task group is as good as by itself."""
        exc = alone(exc)
        if isinstance(exc, asyncio.CancelledError) and _is_being_stopped():
            self._ctx.log.info("%s was cancelled with all other tasks", self._handler)
            return RESTARTING
        answer = self._answer(exc)
        if answer is not None:
            self._ctx.log.info("%s ended its answer with %s", self._handler, type(exc).__name__)
            return ErrorEvent(text=answer.text, allow_retry=answer.allow_retry, error_type=answer.error_type)
        if isinstance(exc, BotError):
            self._ctx.log.info("%s passed on the error of a bot it called", self._handler)
            return ErrorEvent(text=exc.text, allow_retry=exc.allow_retry, error_type=exc.error_type)
        number = self.error_id = error_id()
        extra = {"error_id": number}
        if isinstance(exc, WrongYieldError):
            self._ctx.log.error("%s: %s (error %s)", self._handler, exc, number, extra=extra)
        else:
            at = _of_the_author(exc)
            self._ctx.log.error("%s failed (error %s)", self._handler, number, exc_info=at, extra=extra)
        upstream = exc if isinstance(exc, UpstreamError) else None
        return ErrorEvent(
            text=f"Something went wrong in this bot (error {number}).",
            allow_retry=upstream is not None and upstream.allow_retry,
            error_type=upstream.error_type if upstream is not None else None,
        )

    def ended(self, rule: str, message: str) -> ErrorEvent:
        """The answer broke a rule, a limit mostly; the message is ours and fit to be shown."""
        self._ctx.log.warning("%s broke the rule %s: %s", self._handler, rule, message, extra={"rule": rule})
        return ErrorEvent(text=f"This answer was ended. {message}", allow_retry=False, rule=rule)

    def refused(self, refusal: Refusal) -> ErrorEvent:
        """The query was not let in."""
        limit, error = refusal.limit, refusal.error
        self._ctx.log.info("%r refused a query at the limit %s", self._ctx.bot, limit, extra={"limit": limit})
        return ErrorEvent(text=error.text, allow_retry=error.allow_retry, error_type=error.error_type, rule=limit)

    def too_late(self, exc: BaseException) -> None:
        """The handler raised this when its answer had ended already."""
        self._ctx.log.error("%s failed after its answer had ended", self._handler, exc_info=exc)

    def text_sum(self) -> None:
        """All text together, what was replaced too, passed the character limit."""
        self._ctx.log.warning(
            "%s sent more than %s characters, counting what was replaced; Poe does not say whether that counts",
            self._handler,
            f"{self._ctx.bot.limits.characters:,}",
            extra={"rule": "text-sum"},
        )

    def over(self, files: Sequence[File], text: Callable[[], str]) -> None:
        """The answer ended well, with these files and this text: tell of what was uploaded for it in vain."""
        poe: PoeClient | None = vars(self._ctx).get("poe")  # there if the handler used it
        if poe is not None and poe.uploads is not None and poe.uploads.unsent:
            try:
                said = text()
            except LimitError:  # too long to be kept, so a link to the file may be in it
                return
            poe.uploads.warn_of_unsent(files, said)

    def abandoned(self, seconds: float) -> None:
        """The handler ignored every cancellation."""
        self._ctx.log.error("%s did not end within %g s of its cancellation and was abandoned", self._handler, seconds)

    def _answer(self, exc: BaseException) -> AnswerError | None:
        """The AnswerError that was raised, or the one the author mapped it to."""
        if isinstance(exc, AnswerError):
            return exc
        mapped = (self._ctx.bot.errors.get(cls) for cls in type(exc).__mro__)
        return next((answer for answer in mapped if answer is not None), None)


def alone(exc: BaseException) -> BaseException:
    """The exception itself, where it is the only one of a group."""
    while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        exc = exc.exceptions[0]
    return exc


def _of_the_author(exc: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """What to log of an exception: its traceback without the steps of this package that lead to the handler."""
    traceback = exc.__traceback__
    while traceback is not None and traceback.tb_frame.f_globals.get("__package__") == __package__:
        traceback = traceback.tb_next
    return type(exc), exc, traceback or exc.__traceback__
