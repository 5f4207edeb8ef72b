"""Bots written for the official SDK, under its server and under this one."""

from __future__ import annotations
