"""The test kit: a bot is asked as Poe asks it, in process, and every answer is judged. See docs/testing.md.

pytest finds the fixtures ``poe_tester`` and ``fake_poe`` by itself; the names here are for annotations, and for other
test runners: ``PoeTester(FakePoe())(bot)``.
"""

from __future__ import annotations

from ._chat import Chat
from ._clock import ManualClock, settle
from ._failures import RealPoeError, RuleBrokenError, UnexpectedAnswerError
from ._real_poe import real_poe_refused
from ._scripted_model import ScriptedModel
from ._tester import BotTester, PoeTester

for _error in (RealPoeError, RuleBrokenError, UnexpectedAnswerError):
    _error.__module__ = __name__  # it is shown when a test fails

__all__ = [
    "BotTester",
    "Chat",
    "ManualClock",
    "PoeTester",
    "RealPoeError",
    "RuleBrokenError",
    "ScriptedModel",
    "UnexpectedAnswerError",
    "real_poe_refused",
    "settle",
]
