"""All probes, in the order in which they are run: what takes an answer of the bot comes late."""

from __future__ import annotations

from typing import Final

from . import (
    _probe_connection,
    _probe_hello,
    _probe_keys,
    _probe_queries,
    _probe_requests,
    _probe_settings,
)
from ._probe import Probe

PROBES: Final[tuple[Probe, ...]] = (
    *_probe_hello.PROBES,
    *_probe_settings.PROBES,
    *_probe_requests.PROBES,
    *_probe_keys.PROBES,
    *_probe_connection.PROBES,
    *_probe_queries.PROBES,
)
