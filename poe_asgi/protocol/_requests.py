"""The requests Poe sends to a bot, and the way from a JSON object to them (reference: request types).

Poe may add anything at any time, and other bots send what they like. So unknown keys, roles, content types, feedback
types and reactions never fail a request, ``null`` counts as absent in every optional field, and ids may be missing.
What remains wrong is a `RequestError` that names the places and quotes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from functools import cache
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from pydantic import (
    AfterValidator,
    FiniteFloat,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from ..errors import RequestError
from ._json import TOO_DEEP
from ._messages import Array, Attachment, Feedback, Message, Reaction, Sender, User, to_wire

PROTOCOL_VERSION: Final = "1.2"
"""The version this package speaks; every version is accepted."""

ROLES: Final = frozenset({"system", "user", "bot", "tool"})
CONTENT_TYPES: Final = frozenset({"text/markdown", "text/plain"})

_MAX_FIELDS: Final = 20
_LEFT_OUT: Final = Message("", "")


class UnknownRequestTypeError(RequestError):
    """A request of a type this version does not know; a server answers 501."""


def _read_messages(raw: Any, read: ValidatorFunctionWrapHandler) -> tuple[Message, ...]:
    if raw == []:
        raise PydanticCustomError("empty", "There should be at least one message")
    try:
        messages: tuple[Message, ...] = read(raw)
    except ValidationError:
        pass
    else:
        if all(map(_is_usual, messages)):
            return messages
    # What is left out keeps its place while reading, so that errors name the right index.
    messages = read([_tidy_message(each) for each in raw] if isinstance(raw, (list, tuple)) else raw)
    return tuple(each for each in messages if each is not _LEFT_OUT)


def _is_usual(message: Message) -> bool:
    return (
        message.role in ROLES
        and message.content_type in CONTENT_TYPES
        and (message.referenced_message is None or _is_usual(message.referenced_message))
    )


def _tidy_message(raw: Any) -> Any:
    if not isinstance(raw, dict):
        return raw
    role, content_type = raw.get("role"), raw.get("content_type")
    if isinstance(role, str) and role not in ROLES:
        return _LEFT_OUT
    message = _without_nulls(raw)
    if isinstance(content_type, str) and content_type not in CONTENT_TYPES:
        message["content_type"] = "text/plain"
    if "referenced_message" in message:
        reference = _tidy_message(message["referenced_message"])
        message["referenced_message"] = None if reference is _LEFT_OUT else reference
    return message


def _without_nulls(raw: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if value is not None}


def _all_numbers(values: dict[str, Any]) -> dict[str, Any]:
    # Checked here, not by a type of the values: pydantic would report on each of a million wrong ones.
    for value in values.values():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_INFINITY < value < _INFINITY:
            raise PydanticCustomError("numbers", "Every value should be a number")
    return values


_INFINITY = float("inf")


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """A question: the conversation so far, of which the bot writes the next message.

    ``query`` is in chronological order, the newest message, normally the user's, last; messages of unknown roles are
    left out, so a received one can be empty. ``message_id`` is the id of the message the bot is about to write;
    ``user_id`` is anonymised and lasts; ``conversation_id`` is new after the user cleared the context; each may be
    ``""``. ``metadata`` is a handle of Poe's that calls to other bots send back unchanged, not to be mixed up with
    `Message.metadata`. ``bot_query_id`` is what charges are made on.

    ``temperature``, ``skip_system_prompt``, ``stop_sequences`` and ``logit_bias`` (token to number, -100 to 100) are
    hints. ``language_code`` is the BCP 47 code of the user's client. ``users`` are those of a chat with several.
    ``adopt_current_bot_name`` asks a called bot to take on the caller's identity. ``tools``, ``tool_calls`` and
    ``tool_results`` come from a calling bot, as raw objects. ``query_creation_time`` is in microseconds since the
    epoch. The access key is no field of a request, so that it cannot reach a log by way of a ``repr``.
    """

    kind: ClassVar[str] = "query"
    query: Annotated[Array[Message], WrapValidator(_read_messages)]
    _: KW_ONLY
    version: str = "1.0"
    user_id: str = ""
    conversation_id: str = ""
    message_id: str = ""
    metadata: str = ""
    temperature: FiniteFloat | None = None
    skip_system_prompt: bool = False
    logit_bias: Annotated[dict[str, Any], AfterValidator(_all_numbers)] = field(default_factory=dict)
    stop_sequences: Array[str] = ()
    language_code: str = "en"
    adopt_current_bot_name: bool | None = None
    bot_query_id: str = ""
    users: Array[User] = ()
    tools: Array[dict[str, Any]] = ()
    tool_calls: Array[dict[str, Any]] = ()
    tool_results: Array[dict[str, Any]] = ()
    query_creation_time: int | None = None
    extra_params: dict[str, Any] | None = None

    def to_wire(self) -> dict[str, Any]:
        """The body of this query as a plain JSON object, for calling a bot: the same protocol with roles reversed.

        The ids are always there, other optional fields only when set. Keys come in the order Poe's own clients use.
        """
        body: dict[str, Any] = to_wire(self)
        head = {"version": self.version, "type": self.kind, "query": body["query"]}
        ids = {name: getattr(self, name) for name in ("user_id", "conversation_id", "message_id")}
        return head | ids | body


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRequest:
    """Poe asks for the bot's settings."""

    kind: ClassVar[str] = "settings"
    version: str = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackRequest:
    """A user's thumb on an answer, ``like``, ``dislike`` or more. Deprecated by Poe, which sends reactions now."""

    kind: ClassVar[str] = "report_feedback"
    version: str = "1.0"
    message_id: str
    user_id: str = ""
    conversation_id: str = ""
    feedback_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionRequest:
    """A user's reaction to an answer; ``message_id`` is that of the query. For ``reaction`` see `Reaction`."""

    kind: ClassVar[str] = "report_reaction"
    version: str = "1.0"
    message_id: str
    user_id: str = ""
    conversation_id: str = ""
    reaction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReportRequest:
    """Poe says, with best effort, that this bot broke the protocol.

    The contents of ``metadata`` are not specified. ``message`` is taken from ``error_message`` where that came instead.
    ``extra`` has the keys that are not known, for a log.
    """

    kind: ClassVar[str] = "report_error"
    version: str = "1.0"
    message: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


Request: TypeAlias = QueryRequest | SettingsRequest | FeedbackRequest | ReactionRequest | ErrorReportRequest

REQUEST_TYPES: Final[Mapping[str, type[Request]]] = {
    cls.kind: cls for cls in (QueryRequest, SettingsRequest, FeedbackRequest, ReactionRequest, ErrorReportRequest)
}


def parse_request(obj: dict[str, Any]) -> Request:
    """The request that a JSON object, as `parse_json_object` gives it, stands for.

    Raises UnknownRequestTypeError for a ``type`` this version does not know, and RequestError for anything else that
    cannot be accepted: its ``fields`` say where and why, 20 at most, and quote no value of the request.
    """
    kind = obj.get("type")
    if kind is None:
        raise RequestError("The request has no type.", (("type", "Field required"),))
    if not isinstance(kind, str):
        raise RequestError("The request's type is not a string.", (("type", "Input should be a valid string"),))
    if kind not in REQUEST_TYPES:
        raise UnknownRequestTypeError("The request's type is not known.", (("type", "Unknown type of request"),))
    present = _without_nulls(obj)
    if kind == ErrorReportRequest.kind:
        present = _tidy_error_report(present)
    try:
        request: Request = _adapter(kind).validate_python(present)
    except ValidationError as error:
        wrong = tuple(_wrong_field(each) for each in error.errors(include_input=False, include_url=False)[:_MAX_FIELDS])
        problem = f"The request is not valid. {': '.join(wrong[0])}."
    except RecursionError:
        wrong = ()
        problem = TOO_DEEP
    else:
        return request
    # Raised out here because the errors caught above hold the request's values, and would be this one's context.
    raise RequestError(problem, wrong)


def _tidy_error_report(raw: dict[str, Any]) -> dict[str, Any]:
    known = {key: value for key, value in raw.items() if key in {"version", "message", "metadata"}}
    extra = {key: value for key, value in raw.items() if key not in known and key != "type"}
    if "message" not in known and isinstance(extra.get("error_message"), str):
        known["message"] = extra.pop("error_message")
    return {**known, "extra": extra}


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(REQUEST_TYPES[kind])  # on first use: milliseconds that an import can do without


# pydantic says these in terms of Python.
_WORDS = {
    "dataclass_type": "Input should be an object",
    "dict_type": "Input should be an object",
    "tuple_type": "Input should be an array",
}


def _wrong_field(error: Mapping[str, Any]) -> tuple[str, str]:
    path = ".".join(str(step) for step in error["loc"] if isinstance(step, int) or step in _field_names())
    return path, _WORDS.get(error["type"], error["msg"])


@cache
def _field_names() -> frozenset[str]:
    """What may stand in a path: not the keys of free-form objects, which are the sender's words."""
    values = (*REQUEST_TYPES.values(), Message, Attachment, Sender, User, Feedback, Reaction)
    return frozenset(each.name for cls in values for each in fields(cls))
