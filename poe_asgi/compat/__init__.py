"""Bots written for the official SDK, `fastapi_poe`, served by this one."""

from __future__ import annotations

from ._from_fastapi_poe import from_fastapi_poe

__all__ = ["from_fastapi_poe"]
