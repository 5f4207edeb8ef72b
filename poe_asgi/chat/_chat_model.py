"""`ChatModel`, what a handler should ask for, and what all models have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, TypeVar, overload

from ._messages import Messages
from ._options import wire_options
from ._parse import parse
from ._results import ChatResult, ParsedResult
from ._rounds import AnyToolOrDefinition, ToolChoice, ToolOffer
from ._stream import ChatStream

T = TypeVar("T")


class ChatModel(Protocol):
    """A model to talk to, whoever pays: `PoeChatModel`, ``ctx.poe.model("X")``, or a scripted one in a test.

    The options are those of `PoeChatModel.stream`.
    """

    @property
    def model(self) -> str:
        """The name it is asked for by."""
        ...

    async def invoke(self, messages: Messages, *, streaming: Literal[False] = False, **options: Any) -> ChatResult:
        """The whole answer."""
        ...

    def stream(self, messages: Messages, **options: Any) -> ChatStream:
        """The answer as it comes."""
        ...

    async def parse(self, messages: Messages, into: type[T], **options: Any) -> ParsedResult[T]:
        """The answer as a value of this type."""
        ...


class BaseChatModel(ABC):
    """The calls that every model has. A model differs in its name and in how it opens an answer."""

    takes_response_format: ClassVar[bool] = True

    def __init__(self, model: str, model_options: Mapping[str, Any] | None = None) -> None:
        self._model = model
        wire_options(model_options)  # what is wrong there is told now
        self._options = dict(model_options or {})

    @property
    def model(self) -> str:
        """The name it is asked for by."""
        return self._model

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._model!r})"

    @abstractmethod
    def _open(self, messages: Messages, offer: ToolOffer, options: Mapping[str, Any], *, whole: bool) -> ChatStream:
        """An answer, as a ``whole`` or piece by piece. ``options`` are all that hold, under their names on the wire."""

    def stream(
        self,
        messages: Messages,
        *,
        tools: Sequence[AnyToolOrDefinition] = (),
        tool_choice: ToolChoice | None = None,
        max_rounds: int = 5,
        model_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ChatStream:
        """The answer as it comes; nothing is sent before it is iterated, or its `answer` yielded by a handler.

        ``messages`` is a text, a `Message`, a dictionary as in the OpenAI API, or a list of the latter two. Values in a
        dictionary's list of content may be texts, parts, `File` values, paths, or bytes.

        ``tools`` are typed functions, `Tool` values, or definitions as in the OpenAI API. Calls are run and their
        results sent back, in at most ``max_rounds`` requests, the last of which allows no call. Calls of tools without
        a function end the answer and are left in ``tool_calls``. ``tool_choice`` is ``auto``, ``none``, ``required``,
        or the name of a tool or the tool itself; what forces a call does so in the first request.

        ``options`` go to the model, in snake_case or camelCase: ``temperature``, ``max_tokens``, ``reasoning_effort``,
        the parameters of a bot. They win over ``model_options``, the same as a mapping, and these over those of the
        model. None takes an option away; ``extra_body={…}`` is for names that are to stay as they are.

        Raises ConfigurationError for what is wrong in the call; UpstreamError while iterating.
        """
        offer = ToolOffer(tools, tool_choice, max_rounds=max_rounds)
        return self._open(messages, offer, wire_options(self._options, model_options, options), whole=False)

    @overload
    async def invoke(
        self,
        messages: Messages,
        *,
        streaming: Literal[False] = False,
        tools: Sequence[AnyToolOrDefinition] = (),
        tool_choice: ToolChoice | None = None,
        max_rounds: int = 5,
        model_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ChatResult: ...

    @overload
    async def invoke(
        self,
        messages: Messages,
        *,
        streaming: Literal[True],
        tools: Sequence[AnyToolOrDefinition] = (),
        tool_choice: ToolChoice | None = None,
        max_rounds: int = 5,
        model_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ChatStream: ...

    @overload
    async def invoke(
        self,
        messages: Messages,
        *,
        streaming: bool,
        tools: Sequence[AnyToolOrDefinition] = (),
        tool_choice: ToolChoice | None = None,
        max_rounds: int = 5,
        model_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ChatResult | ChatStream: ...

    async def invoke(
        self,
        messages: Messages,
        *,
        streaming: bool = False,
        tools: Sequence[AnyToolOrDefinition] = (),
        tool_choice: ToolChoice | None = None,
        max_rounds: int = 5,
        model_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ChatResult | ChatStream:
        """The whole answer, in one piece; otherwise as `stream`.

        With ``streaming`` it is the stream that `stream` gives, its answer begun: close it, or iterate it to its end.
        """
        offer = ToolOffer(tools, tool_choice, max_rounds=max_rounds)
        merged = wire_options(self._options, model_options, options)
        answer = self._open(messages, offer, merged, whole=not streaming)
        return await (answer.start() if streaming else answer.read())

    async def parse(self, messages: Messages, into: type[T], *, repairs: int = 2, **options: Any) -> ParsedResult[T]:
        """The answer as a value of a type: ``(await model.parse("…", Recipe)).parsed`` is a ``Recipe``.

        ``into`` is a pydantic model or any type pydantic knows. Its schema goes along, in the prompt too, for many
        models ignore what the API has for it. The answer is searched for JSON that fits; one that does not is sent back
        with what is wrong, ``repairs`` times at most. Other options are those of `invoke`.

        Raises StructuredOutputError when there is still none that fits, and what `invoke` raises.
        """
        return await parse(
            self.invoke, messages, into, repairs=repairs, takes_format=self.takes_response_format, options=options
        )
