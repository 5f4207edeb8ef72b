"""How a command ends: exit codes, and failures with what to do about them.

The codes are documented in docs/cli.md, and a test holds the two together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from enum import IntEnum
from functools import wraps
from typing import IO, Any, ParamSpec, TypeVar

import click

from ..errors import ConfigurationError, PoeASGIError, UpstreamError

P = ParamSpec("P")
T = TypeVar("T")


class Exit(IntEnum):
    """Exit codes. 2 is click's own, for wrong arguments."""

    OK = 0
    NEGATIVE = 1
    USAGE = 2
    NOT_LOADED = 3
    UPSTREAM = 4
    SETUP = 5
    INTERRUPTED = 130


class Failure(click.ClickException):
    """Ends a command: one message that says what is wrong and what to do; ``details`` go above it."""

    def __init__(self, message: str, code: Exit = Exit.SETUP, *, details: str = "") -> None:
        super().__init__(message)
        self.exit_code = int(code)  # type: ignore[misc]  # click reads it from the instance, too
        self.details = details

    def show(self, file: IO[Any] | None = None) -> None:
        if self.details:
            click.echo(self.details.rstrip("\n"), err=True, file=file)
        click.echo(f"{click.style('Error:', fg='red', bold=True)} {self.message}", err=True, file=file)


def failing_well(function: Callable[P, T]) -> Callable[P, T]:
    """What this package raises becomes a message and an exit code; anything else is a bug, with its traceback."""

    @wraps(function)
    def command(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except UpstreamError as exc:
            raise Failure(str(exc), Exit.UPSTREAM) from exc
        except ConfigurationError as exc:
            raise Failure(str(exc)) from exc
        except PoeASGIError as exc:
            raise Failure(str(exc), Exit.NEGATIVE) from exc
        except KeyboardInterrupt:
            click.echo("", err=True)
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None

    return command


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; Ctrl-C cancels it, so that what it opened is closed."""
    return asyncio.run(work)
