"""What a type checker says of users' code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "typing"

pytest.importorskip("mypy", reason="mypy is not installed here; the checks of the repository run it")


def mypy(*paths: Path) -> list[str]:
    """The lines with errors, as ``name:line``."""
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-error-summary",
            "--cache-dir",
            ".mypy_cache/users",
            *map(str, paths),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not result.stderr
    return [
        f"{Path(name).name}:{line}" for name, line in re.findall(r"^(.+?):(\d+): error", result.stdout, re.MULTILINE)
    ]


def test_calls_that_are_right_are_accepted_and_those_that_are_wrong_refused() -> None:
    refused = HERE / "refused.py"
    expected = [
        f"refused.py:{number}"
        for number, line in enumerate(refused.read_text().splitlines(), 1)
        if line.endswith("# refused")
    ]
    assert sorted(set(mypy(HERE / "accepted.py", refused))) == sorted(expected)
