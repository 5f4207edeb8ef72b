"""The one list of rules a bot server is judged by. Every other module names a rule by its id.

``error`` rules make a bot wrong; ``warning`` rules are worth knowing: advice, and points on which Poe is tolerant or
its documents disagree. `STREAM_RULES` judge the bytes of an answer, and `ResponseReader` notes them; `SERVER_RULES`
judge what surrounds these bytes, and take a checker that sends requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ._request_rules import ALL as _REQUESTS
from ._rule import SOURCES, Rule
from ._service_rules import ALL as _SERVICE
from ._stream_rules import ALL as _STREAM

__all__ = ["RULES", "SERVER_RULES", "SOURCES", "STREAM_RULES", "Rule"]

STREAM_RULES: Final[Mapping[str, Rule]] = {rule.id: rule for rule in _STREAM}
SERVER_RULES: Final[Mapping[str, Rule]] = {rule.id: rule for rule in (*_REQUESTS, *_SERVICE)}
RULES: Final[Mapping[str, Rule]] = {**STREAM_RULES, **SERVER_RULES}
