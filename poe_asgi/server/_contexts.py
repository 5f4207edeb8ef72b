"""What handlers and hooks are given: one typed object, ``ctx``."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, MutableMapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic

from pydantic import BaseModel, TypeAdapter, ValidationError
from typing_extensions import TypeVar

from ..errors import UserCausedError
from ..protocol import (
    NO_ATTACHMENTS,
    Attachments,
    ErrorReportRequest,
    FeedbackRequest,
    Message,
    QueryRequest,
    ReactionRequest,
    SettingsRequest,
    one_line,
)
from ._status import Status

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..chat import BotClient
    from ._bot import Bot

log = logging.getLogger("poe_asgi.server")

Deps = TypeVar("Deps", default=Any)
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

_IDS = ("message_id", "conversation_id", "user_id")
_LONGEST_ID = 100  # in a record; Poe's have 34, others send what they like


class _Log(logging.LoggerAdapter[logging.Logger]):
    """Adds the ids of the request to a record, beside what the caller adds."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


class Context(Generic[Deps]):
    """What every handler and hook has.

    ``request`` is the parsed request, ``deps`` the value of the bot's lifespan, ``http`` the Starlette request, ``bot``
    the bot, ``poe`` the client for other bots, and ``log`` a logger whose records carry the bot's name and the
    request's ids. ``access_key`` is the key that authenticated the request; None where none was asked for.
    """

    request: Any  # each kind of context declares its own

    def __init__(self, request: Any, *, bot: Bot, deps: Deps, http: Request, access_key: str | None) -> None:
        self.request = request
        self.bot = bot
        self.deps = deps
        self.http = http
        self.access_key = access_key

    @cached_property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        ids = {name: one_line(getattr(self.request, name, ""))[:_LONGEST_ID] for name in _IDS}
        return _Log(log, {"bot": self.bot.name, **ids})

    @cached_property
    def poe(self) -> BotClient:
        """Calls to other bots, files, costs: signed with the key of this request, bound to this query if it is one."""
        from ..chat import BotClient  # a bot that calls nobody does not load it

        query = self.request if isinstance(self.request, QueryRequest) else None
        return BotClient.of_bot(
            query=query,
            access_key=self.access_key,
            declared=self.bot.declared,
            max_files=self.bot.limits.files,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.bot!r}>"


class QueryContext(Context[Deps]):
    """A question to the bot."""

    request: QueryRequest

    @property
    def text(self) -> str:
        """The newest message of role user; ``""`` if there is none."""
        return self._newest.content if self._newest is not None else ""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation, oldest first. Messages of unknown roles are left out."""
        return self.request.query

    @property
    def attachments(self) -> Attachments:
        """The attachments of the newest message of role user, with ``.images``, ``.texts``, ``.audio``, ``.video``."""
        return self._newest.attachments if self._newest is not None else NO_ATTACHMENTS

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of the bot's controls as they came with the newest message of role user: any keys, any types."""
        return self._newest.parameters if self._newest is not None else {}

    def prompt(self, *, alternate: bool = False) -> tuple[Message, ...]:
        """The conversation for a model: with the contents of the newest message's attachments inserted before it.

        Tool rounds that this bot stored with an answer (``Data.dump(tool_rounds=…)``) come before that answer. With
        ``alternate`` neighbours of one role are joined, for models that want roles to alternate.
        """
        from ..protocol import alternate_roles, insert_attachments, insert_tool_rounds

        messages = insert_attachments(self.messages)
        return insert_tool_rounds(alternate_roles(messages) if alternate else messages)

    def parameters_as(self, model: type[M]) -> M:
        """The values of the controls, validated; names that the model does not declare are left out.

        Raises UserCausedError for a bad value: callers may send anything.
        """
        from ..protocol import values_for

        try:
            return values_for(model, self.parameters)
        except ValidationError as exc:
            wrong = exc.errors(include_url=False, include_input=False, include_context=False)[0]
            name = ".".join(map(str, wrong["loc"]))
            subject = f"The option {name!r} does" if name else "The options do"  # a validator of the whole model
            raise UserCausedError(f"{subject} not fit: {wrong['msg']}.") from None

    def recall(self, model: type[T]) -> T | None:
        """What this bot last stored in this conversation with `Data.dump`; None if nothing of that type is there."""
        from ..protocol import stored_value

        adapter = TypeAdapter(model)
        for message in reversed(self.messages):
            if message.role == "bot" and message.metadata:
                try:
                    return adapter.validate_json(stored_value(message.metadata))
                except ValidationError:
                    continue
        return None

    def status(self, label: str, awaitable: Awaitable[T]) -> Status[T]:
        """A ticker to yield while something takes long: ``yield (st := ctx.status("Painting…", paint()))``.

        Afterwards ``st.result`` is what the awaitable gave, and the text that stood before is back.
        """
        return Status(label, awaitable)

    @cached_property
    def _newest(self) -> Message | None:
        return next((message for message in reversed(self.messages) if message.role == "user"), None)


class SettingsContext(Context[Deps]):
    """Poe asks for the bot's settings."""

    request: SettingsRequest


class FeedbackContext(Context[Deps]):
    """A user gave an answer a thumb: ``ctx.request.feedback_type``."""

    request: FeedbackRequest


class ReactionContext(Context[Deps]):
    """A user reacted to an answer: ``ctx.request.reaction``."""

    request: ReactionRequest


class ErrorReportContext(Context[Deps]):
    """Poe reports that this bot broke the protocol: ``ctx.request.message``."""

    request: ErrorReportRequest
