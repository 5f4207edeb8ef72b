"""What a bot of `FakePoe` answered, written down as it was played."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from ..protocol import Text
from ._asgi import HttpAnswer
from ._records import Call
from ._script import Script, Step


@dataclass(slots=True, kw_only=True)
class Played:
    """The answer to a call: ``steps`` as far as they were played, or the HTTP answer that ``refused`` it.

    ``stand_in`` says that nothing was scripted for this bot. ``complete`` says that the answer was played to its end.
    """

    call: Call
    stand_in: bool
    steps: list[Step] = field(default_factory=list)
    refused: HttpAnswer | None = None
    complete: bool = False

    async def watch(self, steps: AsyncGenerator[Step, None]) -> AsyncGenerator[Step, None]:
        """These steps, each written down as it goes by."""
        async with aclosing(steps):
            async for step in steps:
                self.steps.append(step)
                yield step
        self.complete = True

    def answer(self) -> Script | HttpAnswer:
        """What plays the same again, with adjacent text as one step."""
        if self.refused is not None:
            return self.refused
        joined: list[Step] = []
        for step in self.steps:
            text = step.text if isinstance(step, Text) else step
            if isinstance(text, str) and joined and isinstance(joined[-1], str):
                joined[-1] += text
            else:
                joined.append(text)
        return Script(*joined)
