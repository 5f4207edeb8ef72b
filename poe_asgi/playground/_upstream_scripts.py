"""What other bots said while the bot was answering, as scripts for a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from ..local import FakePoe, HttpAnswer, Played, Script, Step
from ..protocol import StreamEvent
from ._conversation import Answer
from ._source import Source, call, literal


def scripts_of(poe: FakePoe, answers: Sequence[Answer], source: Source) -> list[str]:
    """The lines that script ``fake_poe``. Stand-ins need none: a test has the same."""
    by_bot: dict[str, list[Played]] = {}
    for answer in answers:
        start, end = answer.played
        for played in poe.played[start:end]:
            if played.call.request.message_id in {answer.id, ""} and not played.stand_in:
                by_bot.setdefault(played.call.bot, []).append(played)
    lines: list[str] = []
    for name, all_played in by_bot.items():
        written = [_answer(played.answer(), source) for played in all_played]
        if len(written) == 1:
            lines.append(call("fake_poe.bot", literal(name), written[0]))
        else:
            lines.append(call("fake_poe.bot", literal(name), f"[{', '.join(written)}]"))
    return lines


def _answer(answer: Script | HttpAnswer, source: Source) -> str:
    if isinstance(answer, HttpAnswer):
        source.use("poe_asgi.local", "HttpAnswer")
        return f"HttpAnswer({answer.status}, body={answer.body!r}, content_type={answer.content_type!r})"
    source.use("poe_asgi.local", "Script")
    return call("Script", *(_step(step, source) for step in answer.steps))


def _step(step: Step, source: Source) -> str:
    if isinstance(step, str | bytes):
        return literal(step)
    home = "poe_asgi.protocol" if isinstance(step, StreamEvent) else "poe_asgi.local"
    source.use(home, type(step).__name__)
    values = ((each.name, getattr(step, each.name)) for each in fields(step))
    return f"{type(step).__name__}({', '.join(f'{name}={literal(value)}' for name, value in values)})"
