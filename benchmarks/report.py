"""The table and the JSON file."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from .answers import LENGTHS
from .serving import LOAD_CORE, NAMES, SERVER_CORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cases import Effort

PACKAGES = (
    "poe-asgi",
    "fastapi-poe",
    "openai",
    "uvicorn",
    "uvloop",
    "httptools",
    "starlette",
    "sse-starlette",
    "fastapi",
    "pydantic",
    "httpx",
)
HEADER = ("case", "unit", *NAMES, "ours/official", "ours/floor", "goal", "")

Samples = dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of the table. ``at_least`` and ``at_most`` are goals for ours/official."""

    name: str
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    def goal(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return f"<= {self.at_most:g}" if self.at_most is not None else ""

    def verdict(self, ratio: float) -> str:
        if not self.goal():
            return ""
        met = ratio >= self.at_least if self.at_least is not None else ratio <= (self.at_most or 0)
        return "met" if met else "missed"


METRICS = (
    Metric("burst", "requests/s", at_least=25),
    Metric("short", "requests/s", at_least=5.5),
    Metric("paced cpu_us", "CPU µs/token", at_most=0.45),
    Metric("paced tokens_per_second", "tokens/s received"),
    Metric("paced p50_ms", "ms late, median"),
    Metric("paced p99_ms", "ms late, p99"),
    Metric("paced memory_kib", "KiB/open stream", at_most=0.3),
    Metric("many cpu_us", "CPU µs/token"),
    Metric("many tokens_per_second", "tokens/s received"),
    Metric("many p50_ms", "ms late, median"),
    Metric("many p99_ms", "ms late, p99"),
    Metric("many memory_kib", "KiB/open stream"),
    *(Metric(f"long {length}", f"CPU µs/token, {length:,} ready") for length in LENGTHS),
    Metric("import", "ms", at_most=0.55),
    Metric("history", "ms to first text", at_most=0.67),
    Metric("client events_per_second", "events/s read", at_least=6),
    Metric("client us", "µs/event, 1 message"),
    Metric("client us_history", "µs/event, 1,000 messages"),
    Metric("chat us", "CPU µs/chunk", at_most=0.5),
    Metric("chat chunks_per_second", "chunks/s read"),
    Metric("chat import", "ms, import", at_most=0.5),
)


def table(samples: Samples) -> str:
    rows: list[tuple[str, ...]] = [HEADER]
    for metric in METRICS:
        medians = {name: median(samples[metric.name][name]) for name in NAMES}
        to_official = medians["ours"] / medians["official"]
        numbers = (*medians.values(), to_official, medians["ours"] / medians["floor"])
        case = metric.name.partition(" ")[0]
        rows.append((case, metric.unit, *map(_number, numbers), metric.goal(), metric.verdict(to_official)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    words = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
    return "  ".join(words + numbers).rstrip()


def _number(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def surroundings() -> dict[str, str]:
    """What the figures depend on besides the code measured."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    wrk = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split()
    return {
        "machine": f"{cpu.partition(': ')[2] or platform.machine()}, {os.cpu_count()} cores, {platform.platform()}",
        "cores": f"servers on {SERVER_CORE}, load on {LOAD_CORE}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "wrk": wrk[1] if len(wrk) > 1 else "",
    }


def as_json(effort: Effort, samples: Samples) -> dict[str, Any]:
    """Everything the table was made of: every sample of every metric, in the order measured."""
    metrics = {
        metric.name: {
            "unit": metric.unit,
            "goal": metric.goal(),
            "median": {name: median(samples[metric.name][name]) for name in NAMES},
            "samples": samples[metric.name],
        }
        for metric in METRICS
    }
    return {"surroundings": surroundings(), "effort": asdict(effort), "metrics": metrics}
