"""What belongs to the extra `dev`, and the hint when it is missing."""

from __future__ import annotations

from importlib import import_module

from ._exits import Failure

HINT = 'pip install "poe-asgi[dev]"'


def need(*modules: str) -> None:
    """Raises Failure with one line when one of these modules is not installed."""
    for name in modules:
        try:
            import_module(name)
        except ModuleNotFoundError as exc:
            if exc.name is None or exc.name.partition(".")[0] != name.partition(".")[0]:
                raise
            raise Failure(f"This command needs {name}. Install it: {HINT}") from None
