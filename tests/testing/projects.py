"""Projects of tests, run by a pytest of their own: the plugin as its users have it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

# The configuration of pytest-asyncio.
STRICT = '[tool.pytest.ini_options]\nasyncio_mode = "strict"\nasyncio_default_fixture_loop_scope = "function"\n'


ASYNCIO = ("-p", "no:anyio", "-W", "error")
ANYIO = ("-p", "no:asyncio")  # older ones use what pytest warns of


def run_pytest(folder: Path, files: Mapping[str, str], *arguments: str, under: Iterable[str] = ASYNCIO) -> str:
    """Write the files, run pytest there under one plugin for async tests, and return what it prints."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("POE_", "PYTEST_", "COV"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *under, *arguments]
    result = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)
    return result.stdout + result.stderr


def outcome(output: str) -> dict[str, int]:
    """The numbers of the summary: ``{"passed": 3, "failed": 1}``."""
    (summary,) = re.findall(r"^=+ (.+) in [\d.]+s =+$", output, re.MULTILINE)
    return {what: int(number) for number, what in re.findall(r"(\d+) (passed|failed|errors?|skipped)", summary)}
