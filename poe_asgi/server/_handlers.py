"""The shapes of handlers and hooks, checked when they are registered."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..errors import ConfigurationError


def name_of(function: Callable[..., Any]) -> str:
    """How log lines and messages call a handler."""
    inner = _innermost(function)
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)


def check_generator(function: Callable[..., Any], decorator: str) -> None:
    """Raise ConfigurationError unless this is an async generator function of one argument."""
    inner, name = _innermost(function), name_of(function)
    if not inspect.isasyncgenfunction(inner):
        if inspect.iscoroutinefunction(inner):
            fix = "it never yields; write `yield` where it should answer"
        elif inspect.isgeneratorfunction(inner):
            fix = "write `async def` instead of `def`"
        elif callable(function):
            fix = "write `async def` and `yield` the answer"
        else:
            fix = f"it is a {type(function).__name__}"
        raise ConfigurationError(f"{decorator} takes an async generator function; {name} is none: {fix}.")
    _check_argument(function, decorator)


def check_coroutine(function: Callable[..., Any], decorator: str) -> None:
    """Raise ConfigurationError unless this is a coroutine function of one argument."""
    inner, name = _innermost(function), name_of(function)
    if not inspect.iscoroutinefunction(inner):
        fix = "it yields; return instead" if inspect.isasyncgenfunction(inner) else "write `async def`"
        raise ConfigurationError(f"{decorator} takes a coroutine function; {name} is none: {fix}.")
    _check_argument(function, decorator)


def check_plain(function: Callable[..., Any], what: str) -> None:
    """Raise ConfigurationError for a coroutine or generator function where a plain one is needed."""
    inner = _innermost(function)
    if any(
        test(inner) for test in (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
    ):
        raise ConfigurationError(
            f"{what} takes a plain function; {name_of(function)} is none: write `def` and `return`."
        )
    _check_argument(function, what)


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """What partials and `functools.wraps` wrappers wrap; for a callable object, its ``__call__``."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = inspect.unwrap(function)
        elif not inspect.isroutine(function) and not inspect.isclass(function) and hasattr(function, "__call__"):  # noqa: B004
            function = function.__call__
        else:
            return function


def _check_argument(function: Callable[..., Any], decorator: str) -> None:
    try:
        inspect.signature(function, follow_wrapped=False).bind(object())
    except TypeError:
        raise ConfigurationError(
            f"{decorator}: {name_of(function)} must take one argument, the context: `(ctx)`."
        ) from None
