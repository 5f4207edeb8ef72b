"""The long form: `python -m tests.soak`, or only some of it: `python -m tests.soak streams leavers`.

Prints a table of figures as they come, and the load that the machine was under. Fails where something does not hold.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version

from . import answers, leavers, stops, streams

PARTS: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "stops": stops.long_form,
    "streams": streams.long_form,
    "answers": answers.long_form,
    "leavers": leavers.long_form,
}


def load() -> str:
    return "load average " + " ".join(f"{each:.1f}" for each in os.getloadavg())


def main(names: list[str]) -> None:
    libraries = ", ".join(
        f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "httptools", "granian", "hypercorn")
    )
    row(f"{os.cpu_count()} cores, Python {platform.python_version()}", f"{libraries}; {load()}")
    for name in names or PARTS:
        for what, figures in PARTS[name]():
            row(what, figures)
        row(f"end of {name}", load())


def row(what: str, figures: str) -> None:
    sys.stdout.write(f"| {what} | {figures} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
