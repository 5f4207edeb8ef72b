"""Values that bot authors write: an unknown name is refused with the nearest known one."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import Any, TypeVar

from ..errors import ConfigurationError, did_you_mean

T = TypeVar("T")


def strict(cls: type[T]) -> type[T]:
    """Make the class refuse unknown keyword arguments with a ConfigurationError that suggests the right name.

    Python's own TypeError names the wrong argument but not the right one.
    """
    original = cls.__init__
    known = tuple(inspect.signature(original).parameters)[1:]

    @wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        for name in kwargs:
            if name not in known:
                message = f"{cls.__name__}() has no argument {name!r}.{did_you_mean(name, known)}"
                raise ConfigurationError(message)
        original(self, *args, **kwargs)

    cls.__init__ = __init__  # type: ignore[method-assign]
    return cls
