"""Each test has a folder of its own to work in, and none of this machine's keys and settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_OURS = ("POE_", "PORT", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS", "DISPLAY", "WAYLAND_DISPLAY")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder; the environment, the path and the modules are as before afterwards."""
    environment, path, modules = dict(os.environ), list(sys.path), set(sys.modules)
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]
