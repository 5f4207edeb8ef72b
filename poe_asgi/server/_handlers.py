"""The shapes of handlers and hooks, checked when they are registered."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from ..errors import ConfigurationError


def name_of(function: Callable[..., Any]) -> str:
    """How log lines and messages call a handler."""
    inner = _innermost(function)
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)


def check_generator(function: Callable[..., Any], decorator: str) -> None:
    """Raise ConfigurationError unless this is an async generator function of one argument."""
    if not any(map(inspect.isasyncgenfunction, _layers(function))):
        inner, name = _innermost(function), name_of(function)
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
    if not any(map(inspect.iscoroutinefunction, _layers(function))):
        yields = inspect.isasyncgenfunction(_innermost(function))
        fix = "it yields; return instead" if yields else "write `async def`"
        raise ConfigurationError(f"{decorator} takes a coroutine function; {name_of(function)} is none: {fix}.")
    _check_argument(function, decorator)


def check_meta(function: Callable[..., Any]) -> None:
    """Raise ConfigurationError unless this is a plain function of one argument."""
    wrong = (inspect.isclass, inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
    if not callable(function) or any(test(layer) for test in wrong for layer in _layers(function)):
        raise ConfigurationError(
            f"Bot(meta=…) takes a Meta, or a plain function that gives one; {name_of(function)} is neither."
        )
    _check_argument(function, "Bot(meta=…)")


def check_lifespan(function: Callable[..., Any]) -> None:
    """Raise ConfigurationError unless this may be a function of no arguments that gives a context manager."""
    name, fix = getattr(function, "__qualname__", type(function).__qualname__), ""
    if isinstance(function, AbstractAsyncContextManager):
        fix = ": do not call it"
    elif inspect.isasyncgenfunction(function):
        fix = ": decorate it with @asynccontextmanager"
    elif callable(function) and not inspect.iscoroutinefunction(function) and _takes(function):
        return
    raise ConfigurationError(
        f"Bot(lifespan=…) takes a function of no arguments that gives an async context manager; {name} is none{fix}."
    )


def _layers(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """A function, then what it wraps: as a partial, by `functools.wraps`, or as an object with ``__call__``."""
    while True:
        yield function
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif not inspect.isroutine(function) and not inspect.isclass(function) and hasattr(function, "__call__"):  # noqa: B004
            function = function.__call__
        else:
            return


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    *_, inner = _layers(function)
    return inner


def _takes(function: Callable[..., Any], *args: object) -> bool:
    try:
        inspect.signature(function, follow_wrapped=False).bind(*args)
    except TypeError:
        return False
    return True


def _check_argument(function: Callable[..., Any], decorator: str) -> None:
    if not _takes(function, object()):
        raise ConfigurationError(f"{decorator}: {name_of(function)} must take one argument, the context: `(ctx)`.")
