"""How long a check waits, and for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Seconds.

    - ``response``: until the first byte of an answer; more than Poe's 5 seconds, to tell late from never.
    - ``answer``: an answer is read for so long; one that has not ended then is left, and the report says so.
    - ``linger``: of most answers only the beginning matters; they are left so long after their first content.
    - ``silence``: an answer that sends nothing for longer, not even a comment, is told of.
    - ``open``: the response may stay open for so long after ``done``.
    - ``disconnect``: a bot may go on for so long after its client has left; 5 at most.
    - ``whole``: all of the check; what is left over then is not checked. None: no end.
    """

    response: float = 10
    answer: float = 60
    linger: float = 2
    silence: float = 30
    open: float = 2
    disconnect: float = 5
    whole: float | None = None


FAST = Budget(answer=2, linger=0.2, open=0.5, disconnect=0.5, whole=4)
