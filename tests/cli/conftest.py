"""Each test has a folder of its own to work in, and none of this machine's keys and settings."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from poe_asgi.cli._project import is_authors

from .support import ROOT

_OURS = ("POE_", "PORT", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS", "DISPLAY", "WAYLAND_DISPLAY")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder; environment, path, modules, logging and garbage collector are as before afterwards."""
    environment, path, modules = dict(os.environ), list(sys.path), dict(sys.modules)
    loggers = [logging.getLogger(name) for name in ("", "poe_asgi", "uvicorn", "uvicorn.error", "uvicorn.access")]
    logs = [(each, each.level, list(each.handlers), each.propagate) for each in loggers]
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]
    for name in [name for name, module in modules.items() if _of_another_test(module)]:
        del sys.modules[name]
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    gc.unfreeze()
    for logger, level, handlers, propagate in logs:
        logger.setLevel(level)
        logger.handlers, logger.propagate = handlers, propagate
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path
    for name in [name for name, module in sys.modules.items() if _of_another_test(module)]:
        del sys.modules[name]
    sys.modules.update({name: module for name, module in modules.items() if _of_another_test(module)})


def _of_another_test(module: ModuleType) -> bool:
    """Whether it was imported from a folder that a test has made."""
    filename = getattr(module, "__file__", None)
    return isinstance(filename, str) and is_authors(filename) and not Path(filename).is_relative_to(ROOT)
