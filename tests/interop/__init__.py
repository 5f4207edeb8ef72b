"""This package and the official SDK, talking to each other."""

from __future__ import annotations
