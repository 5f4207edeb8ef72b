"""The lifespan of an app under test: what fails there fails the test."""

from __future__ import annotations

from ..local import Lifespan
from ._failures import UnexpectedAnswerError


class TestedLifespan(Lifespan):
    """Says of a failed start-up or shutdown what a test says of any other wrong answer."""

    def failure(self, phase: str, reason: str) -> Exception:
        return UnexpectedAnswerError(f"The app's {phase} failed.", body=reason)
