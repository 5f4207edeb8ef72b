"""What a probe is: one thing that is tried, and the rules it can find broken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ._session import Session

Need: TypeAlias = Literal["key", "app", "public", "private"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """``title`` says what is tried. ``rules`` are the ids it looks at. ``needs`` is what a check must have for it.

    All but the first are run only when the bot answers a plain question.
    """

    id: str
    title: str
    rules: tuple[str, ...]
    run: Callable[[Session], Awaitable[None]]
    needs: Need | None = None
