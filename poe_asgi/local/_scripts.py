"""Which bot answers what: scripted by name, one answer after the other, or by a function of the call."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ..errors import ConfigurationError
from ..server import Bot
from ._asgi import AsgiApp, HttpAnswer
from ._play import Play, as_steps
from ._records import Call
from ._script import STEPS, Script, Step
from ._served import Served

OneAnswer: TypeAlias = "Step | Script | HttpAnswer"
Function: TypeAlias = Callable[[Call], Any]
Scripted: TypeAlias = "OneAnswer | Function | Bot | AsgiApp | Sequence[Scripted]"


def stand_in(call: Call) -> str:
    """What a bot says for which nothing is scripted."""
    return f"{call.bot} is not here; this is a stand-in for it. You said: {call.text}"


class Scripts:
    """The bots by name, in whatever case."""

    def __init__(self) -> None:
        self._scripts: dict[str, list[Any]] = {}
        self._names: dict[str, str] = {}
        self._served: dict[str, Served] = {}
        self._otherwise: Any = stand_in

    def otherwise(self, answer: Scripted | None) -> None:
        """Script every bot that is not scripted by its name. Raises ConfigurationError for what cannot be played."""
        self._otherwise = stand_in if answer is None else _checked("A bot that is not scripted", answer, None)

    def is_stand_in(self, name: str) -> bool:
        """Whether nothing is scripted for this bot."""
        return name not in self and self._otherwise is stand_in

    def script(self, name: str, scripted: Scripted, *, access_key: str | None) -> None:
        """Script this bot anew. Raises ConfigurationError for what cannot be played."""
        answers = list(scripted) if isinstance(scripted, (list, tuple)) else [scripted]
        if not answers:
            raise ConfigurationError(f"The list of answers of {name!r} is empty.")
        checked = [_checked(name, answer, access_key) for answer in answers]
        self._names[name.casefold()] = name
        self._scripts[name.casefold()] = checked
        self._served.pop(name.casefold(), None)
        for answer in checked:
            if isinstance(answer, Served):
                self._served[name.casefold()] = answer

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._scripts

    def names(self) -> list[str]:
        """The scripted bots as they were named."""
        return list(self._names.values())

    def name(self, called: str) -> str:
        """The bot's name as it was scripted."""
        return self._names.get(called.casefold(), called)

    def served(self, name: str) -> Served | None:
        """The server bot behind a name."""
        return self._served.get(name.casefold())

    def access_keys(self) -> set[str]:
        """The keys of the server bots, which sign their calls with them."""
        return {served.access_key for served in self._served.values()}

    async def answer(self, call: Call) -> HttpAnswer | Play:
        """The answer to this call. The last of a list of answers stays."""
        answers = self._scripts.get(call.bot.casefold(), [self._otherwise])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Served):
            return Play(answer.events(call.request), Script(meta=None))
        if callable(answer):
            answer = answer(call)
            if inspect.isawaitable(answer):
                answer = await answer
        return _play(answer)


def _checked(name: str, answer: Any, access_key: str | None) -> Any:
    if isinstance(answer, (Script, HttpAnswer, *STEPS)):
        return answer
    if isinstance(answer, Bot) or (callable(answer) and _parameters(answer) == 3):
        return Served.of(answer, access_key)
    if callable(answer) and _parameters(answer) == 1:
        return answer
    raise ConfigurationError(
        f"{name!r} answers with text, events, a Script, a function of the call, a Bot or an ASGI app, not {answer!r}."
    )


def _parameters(function: Any) -> int:
    required = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    return sum(p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD} for p in required)


def _play(answer: Any) -> HttpAnswer | Play:
    if isinstance(answer, HttpAnswer):
        return answer
    if isinstance(answer, Script):
        return Play(as_steps(answer.steps), answer)
    if isinstance(answer, STEPS):
        return Play(as_steps([answer]), Script())
    if isinstance(answer, AsyncGenerator):
        return Play(answer, Script())
    if isinstance(answer, AsyncIterable):
        return Play((step async for step in answer), Script())
    if isinstance(answer, Iterable) and not isinstance(answer, Mapping):
        return Play(as_steps(answer), Script())
    raise ConfigurationError(f"A function that scripts a bot gave {type(answer).__name__}, which is no answer.")
