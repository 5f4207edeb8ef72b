"""The tools of one call: what is offered, and running what a model asked for."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..errors import AnswerError, ConfigurationError, ToolError
from ..protocol import ToolCall, ToolResult, ToolRound, wire_name
from ._tools import AnyTool, Tool

log = logging.getLogger("poe_asgi.client")

# Calls of one round that run at the same time; a model may ask for any number.
AT_ONCE = 8


class Toolbox:
    """Tools by the names a model calls them by. Raises ConfigurationError for what is no tool, and for a name twice."""

    def __init__(self, tools: Iterable[AnyTool]) -> None:
        if callable(tools) or isinstance(tools, Tool):
            raise ConfigurationError("tools= takes a list: tools=[get_weather].")
        self._tools: dict[str, Tool] = {}
        for each in tools:
            tool = each if isinstance(each, Tool) else Tool.of(each)
            name = wire_name(tool.name)
            if name in self._tools:
                raise ConfigurationError(
                    f"Two tools are called {name!r}; Tool.of(function, name=…) gives another name."
                )
            self._tools[name] = tool

    @property
    def runs(self) -> bool:
        """Whether there is a function to run at all."""
        return any(tool.function is not None for tool in self._tools.values())

    @property
    def definitions(self) -> tuple[dict[str, Any], ...]:
        """The definitions as they are sent."""
        return tuple(tool.to_wire() for tool in self._tools.values())

    def received(self, calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
        """The calls as a model made them, with the tools' own names, and an id where it was missing."""
        return tuple(
            replace(
                call,
                name=self._tools[call.name].name if call.name in self._tools else call.name,
                id=call.id or f"call_{secrets.token_hex(12)}",
            )
            for call in calls
        )

    def can_answer(self, calls: Iterable[ToolCall]) -> bool:
        """Whether none of the calls is to a tool without a function; one that does not exist can be answered."""
        found = (self._tools.get(wire_name(call.name)) for call in calls)
        return all(tool is None or tool.function is not None for tool in found)

    async def run(self, calls: Sequence[ToolCall]) -> ToolRound:
        """Run the calls, some at the same time, in tasks that end with this one.

        What goes wrong in a tool becomes its result, for the model to go on with. AnswerError alone is raised, when the
        other calls are cancelled.
        """
        places = asyncio.Semaphore(AT_ONCE)

        async def answer(call: ToolCall) -> ToolResult:
            async with places:
                return call.answered(await self._result(call))

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(answer(call)) for call in calls]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return ToolRound(tuple(calls), tuple(task.result() for task in tasks))

    async def _result(self, call: ToolCall) -> str:
        tool = self._tools.get(wire_name(call.name))
        if tool is None:
            log.info("a model called the tool %.80r, which there is not", call.name)
            return f"Error: there is no tool {call.name!r}, only {', '.join(self._tools)}."
        try:
            return await tool.run(call.arguments)
        except ToolError as exc:
            log.info("the tool %s refused a call", tool.name)
            return f"Error: {exc}"
        except AnswerError:
            raise
        except asyncio.CancelledError as exc:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return _failed(tool, exc)  # something the tool waited for was cancelled, and not the tool
        except Exception as exc:  # noqa: BLE001
            return _failed(tool, exc)


def check_rounds(max_rounds: object) -> None:
    """Raise ConfigurationError for what is no number of rounds."""
    if isinstance(max_rounds, bool) or not isinstance(max_rounds, int) or max_rounds < 2:
        raise ConfigurationError(
            f"max_rounds is a number from 2 (one for the tools, one to answer), not {max_rounds!r}."
        )


def _failed(tool: Tool, exc: BaseException) -> str:
    """The exception's message may hold what no model, and nobody who reads its answer, is to know."""
    log.error("the tool %s failed", tool.name, exc_info=exc)
    return f"Error: the tool failed ({type(exc).__name__}). Nothing more is known of it; do not make up a result."
