"""The limits of one exchange (reference: every published value, and the one to use)."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..errors import ConfigurationError
from ._strict import strict


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may take; every value can be lowered or raised.

    ``total_seconds``, ``characters`` (of the text the user would see), ``events`` and ``files`` bound the answer;
    ``body_bytes`` and ``body_seconds`` the request's body. A comment line goes out after ``ping_seconds`` of silence
    (0: never). ``close_seconds`` bounds the closing of a handler that was stopped, and a send nobody takes.
    """

    total_seconds: float = 3600
    characters: int = 512_000
    events: int = 10_000
    files: int = 20
    body_bytes: int = 16 * 2**20
    body_seconds: float = 10
    ping_seconds: float = 15
    close_seconds: float = 1

    def __post_init__(self) -> None:
        least = {"events": 4, "files": 0, "ping_seconds": 0, "close_seconds": 0}
        for name in (f.name for f in fields(self)):
            value = getattr(self, name)
            kind = (int, float) if name.endswith("_seconds") else int
            if isinstance(value, bool) or not isinstance(value, kind):
                what = "a number" if name.endswith("_seconds") else "a whole number"
                raise ConfigurationError(f"Limits: {name} must be {what}, not {value!r}.")
            if name in least and not value >= least[name]:
                raise ConfigurationError(f"Limits: {name} must be at least {least[name]}, not {value}.")
            if name not in least and not value > 0:
                raise ConfigurationError(f"Limits: {name} must be above 0, not {value}.")

    @property
    def answer_seconds(self) -> float:
        """Seconds a handler has; the rest, a second or a twentieth, lets the ending arrive in time."""
        return self.total_seconds - min(1.0, self.total_seconds * 0.05)
