"""URLs that no call may go to, in the whole process: a test run refuses Poe's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_checks: list[Callable[[str], None]] = []


@contextmanager
def checking_urls(check: Callable[[str], None]) -> Iterator[None]:
    """Inside, every URL is given to ``check`` before a call goes to the network; what that raises ends the call."""
    _checks.append(check)
    try:
        yield
    finally:
        _checks.remove(check)


def check_url(url: str) -> None:
    """Raise what the checks raise."""
    for check in _checks:
        check(url)
