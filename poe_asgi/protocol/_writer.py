"""`ResponseWriter`: what a handler yields becomes a legal stream of bytes.

The writer holds one *run*: the adjacent text, or the latest of adjacent `replace_response`, that has not left yet. Any
other event, and the ending, flushes it. Time is an argument; nothing here waits.

Event budget. An answer may yield far more text than it may send events. Until half the events are used, a run leaves
as soon as it is asked for. After that a run is held until it is worth an event: until its share of the time left
(``time left / events left``) has passed since the last one, or until it has its share of the characters left. Either
share alone cannot use up the events that are left, so the livelier one decides; three events are never spent on the
way, they belong to the last run, `error` and `done`. Replaces are paced like text, by time alone, for they use up no
characters; and once no event is left, text and replaces that follow each other merge into what the user would see.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from ..errors import LimitError, ResponseError
from ._events import Data, ErrorEvent, Event, File, Meta, ReplaceResponse, SuggestedReply, Text
from ._limits import Limits
from ._states import State, after
from ._wire import PoeWire, Wire

# Text kept so that a delegate's `replace_response` can spare what was said before it. Poe's own limit on an answer.
KEPT_CHARACTERS = 512_000

_RESERVED = 3
_OPEN = State.OPEN  # asked for every token, and before Python 3.12 each look into an Enum takes a call


class ResponseWriter:
    """One answer being written. Every method raises ResponseError, and changes nothing, when its event may not come.

    ``now`` is in seconds on any clock; ``deadline`` is when the ending has to be written. ``wire`` makes bytes of the
    events: Poe's, unless another is given.
    """

    __slots__ = (
        "_all_characters",
        "_before",
        "_events",
        "_kept",
        "_kind",
        "_last",
        "_limits",
        "_now",
        "_plenty",
        "_promised",
        "_run",
        "_said_text",
        "_started",
        "_visible",
        "_wire",
        "deadline",
        "files",
        "held_until",
        "state",
    )

    def __init__(self, limits: Limits, *, now: float = 0.0, wire: Wire | None = None) -> None:
        self._limits = limits
        self._wire = wire or PoeWire()
        self._plenty = min(limits.events, 2 * (limits.events - _RESERVED))  # while twice the events are below it
        self.state = State.IDLE
        self.deadline = now + limits.answer_seconds
        self.held_until: float | None = None  # when a held run may leave, if nothing else happens
        self._kind = ""  # of the run: text, replace_response, or none
        self._run: list[str] = []
        self._events = 0  # framed so far
        self.files: list[File] = []  # sent so far
        self._visible = 0  # characters the user would see
        self._before = 0  # those of them that stood there before the run
        self._all_characters = 0
        self._kept: bytearray | None = bytearray()  # the visible text but for the run; a str apiece would be far more
        self._started = False  # the handler yielded something, be it ""
        self._said_text = False
        self._last = now  # when a run last left
        self._now = now
        self._promised: tuple[Meta, float] | None = None

    # ---- what a handler says

    def open(self, meta: Meta) -> None:
        """Write `meta`. Must come first; after `promise` it may come until something else has."""
        if self._promised is not None and not self._started:
            self._keep_promise(meta)
        else:
            self.state = after(self.state, "meta")
            self._more().meta(meta)

    def promise(self, meta: Meta, until: float) -> None:
        """Instead of `open`: write this `meta` at ``until``, or before the first other event, if `open` is not called.

        For handlers that say their `meta` themselves, and may be slow to do so.
        """
        self.state = after(self.state, "meta")
        self._promised = meta, until
        self._events += 1

    def text(self, text: str) -> None:
        """Append text. Raises LimitError with the part that still ``fits`` when it passes the character limit."""
        if self.state is not _OPEN:
            after(self.state, "text")
        visible = self._visible + len(text)
        if visible > self._limits.characters:
            raise self._too_long(fits=text[: self._limits.characters - self._visible])
        self._started = True
        if not text:
            return
        if self._kind != "text":
            self._begin("text")
        self._visible = visible
        self._run.append(text)

    def replace(self, text: str) -> None:
        """Discard the visible text and show this instead. Raises LimitError when it alone passes the limit."""
        after(self.state, "replace_response")
        if len(text) > self._limits.characters:
            raise self._too_long()
        self._started = True
        if self._kind != "replace_response":
            self._begin("replace_response")
        self._visible = len(text)
        self._run = [text]

    def send(self, event: Event) -> None:
        """Write any event. Raises LimitError when there is no room for it."""
        match event:
            case Text(text):
                self.text(text)
            case ReplaceResponse(text):
                self.replace(text)
            case SuggestedReply(text):
                self._other(event.kind).text(event.kind, text)
            case Data(metadata):
                self._other(event.kind).event(event.kind, {"metadata": metadata})
            case File():
                if len(self.files) == self._limits.files:
                    raise LimitError("file-limit", f"The limit of {self._limits.files:,} files is reached.")
                data = {"url": event.url, "content_type": event.content_type, "name": event.name}
                self._other(event.kind).event(event.kind, data | {"inline_ref": event.inline_ref})
                self.files.append(event)
            case _:
                assert_never(event)

    def json(self, data: Mapping[str, Any]) -> None:
        """Pass calls of tools on, if the wire can carry them."""
        after(self.state, "text")
        if self._wire.json(data):
            self._started = True

    # ---- how it ends

    def fail(self, error: ErrorEvent) -> None:
        """Write `error`. Only `finish` may follow. There is always room for it, and its text does not count."""
        state = after(self.state, "error")
        self._flush()
        self._more().error(error)
        self.state = state

    def finish(self) -> None:
        """Write `done`; before it an empty `text` if the answer had none. Raises ResponseError if it had no event."""
        state = after(self.state, "done")
        if self.state is State.OPEN:
            if not self._started:
                raise ResponseError("content-required", "The handler yielded nothing.")
            self._flush()
            if not self._said_text:
                self._more().text("text", "")
        self._more().done()
        self.state = state

    # ---- what leaves

    def take(self, now: float) -> bytes:
        """The bytes that may leave now; empty when there are none. Sets ``held_until`` when a run is being held."""
        self._now = now
        self.held_until = None
        if self._kind and (self._events * 2 < self._plenty or not self._hold(now)):
            self._flush()
        if self._promised is not None:
            self._await_meta(now, *self._promised)
        return self._wire.take()

    @property
    def events(self) -> int:
        """How many events were written, `meta` and the ending too."""
        return self._events

    @property
    def visible(self) -> int:
        """How many characters the user would see."""
        return self._visible

    @property
    def text_sum_exceeded(self) -> bool:
        """Whether all text ever sent, replaced or not, passes the limit; Poe does not say if that counts."""
        return self._all_characters > self._limits.characters

    def visible_text(self, characters: int) -> str:
        """The first characters the user would see. Raises LimitError when more than `KEPT_CHARACTERS` were said."""
        if not characters:
            return ""
        before = ""
        if self._kind != "replace_response":
            if self._kept is None:
                raise LimitError("text-limit", f"A called bot replaced its text after {KEPT_CHARACTERS:,} characters.")
            before = self._kept.decode("utf-8", "surrogatepass")
        return (before + "".join(self._run))[:characters]

    # ---- inside

    @property
    def _events_left(self) -> int:
        return self._limits.events - _RESERVED - self._events

    def _hold(self, now: float) -> bool:
        """Whether a run is not worth an event yet, now that events are not plenty any more."""
        events_left = self._events_left
        if events_left <= 0:
            self.held_until = self.deadline
            return True
        if self._kind == "text":
            pending = self._visible - self._before
            if pending * events_left >= self._limits.characters - self._before:
                return False
        due = self._last + (self.deadline - self._last) / events_left
        if now >= due:
            return False
        self.held_until = due
        return True

    def _begin(self, kind: str) -> None:
        """Start a run of another kind: what was held leaves, or where no event is left for it, merges."""
        if self._kind:
            if self._events_left <= 0:
                self._kind = "replace_response"  # text after a held replace, or a replace after held text
                return
            self._flush()
        self._kind = kind
        self._before = self._visible

    def _flush(self) -> None:
        """Frame the run."""
        if not self._kind:
            return
        text = "".join(self._run)
        self._more().text(self._kind, text)
        self._all_characters += len(text)
        self._last = self._now
        if self._kind == "text":
            self._said_text = True
        else:
            self._kept = bytearray()
        if self._kept is not None:
            self._kept += text.encode("utf-8", "surrogatepass")
            if self._visible > KEPT_CHARACTERS:
                self._kept = None
        self._kind = ""
        self._run.clear()

    def _other(self, kind: str) -> Wire:
        """The wire for an event that cannot merge: it needs room beside the run before it and the ending."""
        after(self.state, kind)
        if self._events_left < bool(self._kind) + 1:
            raise LimitError("event-limit", f"The limit of {self._limits.events:,} events is reached.")
        self._flush()
        self._started = True
        return self._more()

    def _await_meta(self, now: float, meta: Meta, until: float) -> None:
        if now >= until:
            self._keep_promise(meta)
        else:
            self.held_until = until if self.held_until is None else min(until, self.held_until)

    def _keep_promise(self, meta: Meta) -> None:
        self._wire.meta(meta)
        self._promised = None

    def _more(self) -> Wire:
        """The wire, for one more event."""
        if self._promised is not None:
            self._keep_promise(self._promised[0])
        self._events += 1
        return self._wire

    def _too_long(self, *, fits: str = "") -> LimitError:
        return LimitError("text-limit", f"The limit of {self._limits.characters:,} characters is reached.", fits=fits)
