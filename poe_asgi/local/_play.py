"""Plays a script: steps in, bytes out, in the frames of the surface that plays it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from .._clock import sleep
from ..errors import ConfigurationError
from ._script import STEPS, Cut, Pause, Repeat, Script, Step


class CutError(ConnectionError):
    """The script breaks the connection here. Raised out of the app, as a crash of a server would be."""


@dataclass(frozen=True, slots=True)
class Play:
    """An answer that is about to be given: its steps as they come, and the script that says what is put around."""

    steps: AsyncGenerator[Step, None]
    script: Script


class Voice(Protocol):
    """How a surface says things. Each call gives frames."""

    def opening(self) -> Iterable[bytes]: ...

    def say(self, step: Step) -> Iterable[bytes]: ...

    def closing(self, *, done: bool) -> Iterable[bytes]: ...


async def performed(play: Play, voice: Voice) -> AsyncGenerator[bytes, None]:
    """The bytes of the answer. Raises CutError where the script cuts it."""
    size = play.script.chunk_bytes
    async with aclosing(_frames(play, voice)) as frames:
        async for frame in frames:
            for start in range(0, len(frame), size or len(frame) or 1):
                yield frame[start : start + size] if size else frame


async def _frames(play: Play, voice: Voice) -> AsyncGenerator[bytes, None]:
    for frame in voice.opening():
        yield frame
    async with aclosing(simple(play.steps)) as steps:
        async for step in steps:
            match step:
                case bytes():
                    yield step
                case Cut(during):
                    if during is not None:
                        whole = b"".join(voice.say(during))
                        yield whole[: len(whole) // 2]
                    raise CutError("The script cuts the connection here.")
                case _:
                    for frame in voice.say(step):
                        yield frame
    for frame in voice.closing(done=play.script.done):
        yield frame


async def simple(steps: AsyncGenerator[Step, None]) -> AsyncGenerator[Step, None]:
    """The steps with the pauses kept and the repetitions written out."""
    async with aclosing(steps):
        async for step in steps:
            if not isinstance(step, STEPS):
                raise ConfigurationError(f"A step of an answer is text, an event or a Pause, not {step!r}.")
            for each in _repeated(step):
                if isinstance(each, Pause):
                    await sleep(each.seconds)
                else:
                    yield each
                if isinstance(step, Repeat):
                    await asyncio.sleep(0)  # nothing else would let a client that left be noticed


def _repeated(step: Step) -> Iterator[Step]:
    if not isinstance(step, Repeat):
        yield step
        return
    for _ in range(step.times):
        yield from _repeated(step.step)


async def as_steps(steps: Iterable[Step]) -> AsyncGenerator[Step, None]:
    """Steps that are there already."""
    for step in steps:
        yield step
