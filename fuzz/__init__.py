"""Fuzzing: every place where outside data enters, held against a property; see docs/security.md.

A target is a module with a docstring that states its property, ``SEEDS`` (inputs written by hand) and
``check(data: bytes)``, which raises when the property does not hold; ``JSON_AFTER`` says that inputs are JSON, after so
many bytes that choose. ``python -m fuzz TARGET`` looks for such inputs,
guided by coverage; what was found is kept in ``fuzz/found/TARGET``, and the test suite runs it again for ever.
"""

from __future__ import annotations

TARGETS = (
    "chat",
    "client",
    "completion",
    "controls",
    "fake_poe",
    "files_in_text",
    "messages",
    "markdown",
    "page",
    "parsed",
    "relay",
    "requests",
    "saved",
    "sse",
    "tools",
    "urls",
)
