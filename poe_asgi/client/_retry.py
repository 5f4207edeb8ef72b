"""When a call is tried again: a pure rule from what happened to a pause, or to none."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import RateLimitedError, UpstreamError

# Poe's pages name a first pause of 0.25 s in general and of 1 s for rate limits.
_FIRST = 0.25
_FIRST_RATE_LIMITED = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, and for how long, a call is tried again; only ever before the first content of its answer.

    ``attempts`` counts the first one. Pauses double, are spread by chance, are at most ``longest_pause`` seconds, and
    end when the next would pass ``budget_seconds`` since the call began. What Poe asks for in ``Retry-After`` comes
    first: it is never cut short, and given up when it is longer than ``longest_pause``.
    """

    attempts: int = 3
    longest_pause: float = 20.0
    budget_seconds: float = 60.0

    def pause(self, attempt: int, error: UpstreamError, *, elapsed: float, chance: float) -> float | None:
        """Seconds to wait after the ``attempt``-th try (from 1) failed so, or None: do not try again.

        ``elapsed`` is seconds since the call began, ``chance`` a random number from 0 to 1.
        """
        if not error.allow_retry or attempt >= self.attempts:
            return None
        if error.retry_after is not None:
            pause = error.retry_after
            if pause > self.longest_pause:
                return None
        else:
            first = _FIRST_RATE_LIMITED if isinstance(error, RateLimitedError) else _FIRST
            pause = min(first * 2 ** (attempt - 1), self.longest_pause) * (0.5 + chance)
        return pause if elapsed + pause <= self.budget_seconds else None


NO_RETRY = Retry(attempts=1)
