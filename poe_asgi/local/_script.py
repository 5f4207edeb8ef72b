"""What a bot of `FakePoe` is scripted with: the steps of one answer, good and bad.

A step is a ``str`` (text), an event of the protocol, or one of the values here; ``bytes`` go out as they are, for
pings, garbage and half events. The same script is played by the bot API and by the chat API, each in its own frames.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias, get_args
from uuid import uuid4

from ..errors import ConfigurationError
from ..protocol import Meta, StreamEvent


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing for ``seconds``, on the current clock."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks; with ``during``, in the middle of an event that has this text."""

    during: str | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A step again and again, for an answer that does not end; ``times`` bounds it all the same."""

    step: Step
    _: KW_ONLY
    times: int = 20_000


@dataclass(frozen=True, slots=True)
class Thought:
    """Reasoning: its own members in the chat API; the bot API leaves it out."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, in fragments as models send it: id and name first, then the arguments in ``pieces``.

    ``arguments`` is a mapping, or a string where it is to be broken JSON. ``extra`` are members beside ``function``.
    After an answer with tool calls ``finish_reason`` is ``tool_calls``.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    _: KW_ONLY
    id: str = field(default_factory=lambda: f"call_{uuid4().hex[:8]}")
    pieces: int = 3
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def arguments_json(self) -> str:
        """The arguments as they stand on the wire."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)

    def whole(self) -> dict[str, Any]:
        """The call in one object."""
        function = {"name": self.name, "arguments": self.arguments_json}
        return {"id": self.id, "type": "function", "function": function, **self.extra}

    def fragments(self, index: int) -> Iterator[dict[str, Any]]:
        """The members of ``delta.tool_calls``, one after the other."""
        first = {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": ""}, **self.extra}
        yield {"index": index, **first}
        whole = self.arguments_json
        size = max(1, -(-len(whole) // self.pieces))
        for start in range(0, len(whole), size):
            yield {"index": index, "function": {"arguments": whole[start : start + size]}}


Step: TypeAlias = "str | bytes | StreamEvent | Pause | Cut | Repeat | Thought | ToolCall"
STEPS = (str, bytes, Pause, Cut, Repeat, Thought, ToolCall, *get_args(StreamEvent))


@dataclass(frozen=True, slots=True, init=False)
class Script:
    """One answer: its steps, with what Poe puts around them.

    ``meta`` goes before the steps (None: not at all; a late one is a step). ``done=False`` ends the stream without its
    end mark, in good order where `Cut` breaks the connection. ``chunk_bytes`` sends every event in pieces of so many
    bytes. ``finish_reason`` and ``usage`` (members that differ) are of the chat API alone.
    """

    steps: tuple[Step, ...]
    meta: Meta | None
    done: bool
    chunk_bytes: int | None
    finish_reason: str | None
    usage: Mapping[str, Any]

    def __init__(
        self,
        *steps: Step,
        meta: Meta | None = Meta(),  # noqa: B008
        done: bool = True,
        chunk_bytes: int | None = None,
        finish_reason: str | None = None,
        usage: Mapping[str, Any] | None = None,
    ) -> None:
        for step in steps:
            if not isinstance(step, STEPS):
                raise ConfigurationError(f"A step of a Script is text, an event or a Pause, not {step!r}.")
        values = (steps, meta, done, chunk_bytes, finish_reason, usage or {})
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)
