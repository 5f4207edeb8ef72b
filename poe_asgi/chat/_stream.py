"""`ChatStream`: an answer of a model as it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

from ..client import Stream
from ..errors import TruncatedStreamError
from ..protocol import Event, File, Text
from ._media import FileLines
from ._results import ChatDelta, ChatResult
from ._rounds import ChatProgress
from ._thoughts import Presentation, Thoughts


class ChatStream(Stream[ChatDelta]):
    """An answer that is coming: an async iterable of deltas, and an async context manager that closes it.

    Nothing is sent before it is iterated, and it can be iterated once. ``result`` is what came so far, and afterwards
    the whole, equal to what `invoke` returns. What goes wrong is raised while iterating, as an UpstreamError; whatever
    way the iteration ends, the connection is given back.
    """

    def __init__(self, open_deltas: Callable[[ChatProgress], AsyncGenerator[ChatDelta, None]]) -> None:
        progress = self._progress = ChatProgress()
        super().__init__(lambda: open_deltas(progress))

    @property
    def result(self) -> ChatResult:
        """What came so far."""
        return self._progress.result

    async def read(self) -> ChatResult:
        """Read to the end. Raises what iterating raises."""
        await self._read()
        return self.result

    def answer(self, *, thoughts: Presentation = "hide") -> AsyncGenerator[Event, None]:
        """The answer as a handler serves it: ``yield model.stream(ctx.prompt()).answer(thoughts="quote")``.

        ``thoughts`` are left out, shown before the text as they are, or quoted. Files that the text refers to on lines
        of their own become `File` events. Raises what iterating raises, and TruncatedStreamError for an answer that
        just stopped.
        """
        return self._events(thoughts, Thoughts(thoughts))

    async def _events(self, thoughts: Presentation, presented: Thoughts) -> AsyncGenerator[Event, None]:
        lines = FileLines()
        async with aclosing(aiter(self)) as deltas:
            async for delta in deltas:
                if delta.thoughts and thoughts != "hide":
                    for event in _events(lines.end(), presented):  # text that is held still comes before the thoughts
                        yield event
                    if shown := presented.thought(delta.thoughts):
                        yield Text(shown)
                if delta.text:
                    for event in _events(lines.feed(delta.text), presented):
                        yield event
        for event in _events(lines.end(), presented):
            yield event
        if not self.result.complete and self.result.finish_reason is None:
            raise TruncatedStreamError(f"The answer of {self.result.model} stopped without its end mark.")


def _events(pieces: list[str | File], presented: Thoughts) -> Iterator[Event]:
    for piece in pieces:
        if isinstance(piece, File):
            yield piece
        elif shown := presented.text(piece):
            yield Text(shown)
