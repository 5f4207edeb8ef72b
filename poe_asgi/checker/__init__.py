"""Judges any Poe server bot over HTTP, in process or at a URL, by every rule of the protocol."""

from __future__ import annotations

from ._budget import FAST, Budget
from ._check import check
from ._expected import parse_expected, read_expected
from ._machine import render_json, render_junit, to_dict
from ._probe import Probe
from ._probes import PROBES
from ._report import BROKEN, CLEAN, COULD_NOT_CHECK, Finding, Report
from ._text import render_text

__all__ = [
    "BROKEN",
    "Budget",
    "CLEAN",
    "COULD_NOT_CHECK",
    "FAST",
    "Finding",
    "PROBES",
    "Probe",
    "Report",
    "check",
    "parse_expected",
    "read_expected",
    "render_json",
    "render_junit",
    "render_text",
    "to_dict",
]
