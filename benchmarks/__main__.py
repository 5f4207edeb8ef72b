"""Run every case in interleaved rounds and print one table: `python -m benchmarks [--quick] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from . import cases, report
from .serving import LOAD_CORE, NAMES, WrongAnswerError

CASES = (
    cases.burst,
    cases.short,
    cases.paced,
    cases.many,
    cases.long,
    cases.imports,
    cases.history,
    cases.client,
    cases.chat,
    cases.chat_imports,
)


def main() -> None:
    arguments = _arguments()
    effort = _effort(quick=arguments.quick)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwind, so that the servers are ended too
    os.sched_setaffinity(0, {LOAD_CORE})  # inherited by the load; the servers move to a core of their own
    samples: report.Samples = {metric.name: {name: [] for name in NAMES} for metric in report.METRICS}
    try:
        for number in range(effort.rounds):
            for case in CASES:
                print(f"round {number + 1} of {effort.rounds}: {case.__name__}", file=sys.stderr)
                for metric, server, value in case(effort):
                    samples[metric][server].append(value)
    except WrongAnswerError as error:
        sys.exit(f"wrong answer: {error}")

    print(report.table(samples))
    print("official in the lines of chat: the openai package")
    print()
    for name, fact in report.surroundings().items():
        print(f"{name}: {fact}")
    print(f"medians of {effort.rounds} round(s), {effort.seconds} turns of each server in a round")
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(effort, samples), indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run", description="Speed beside the official SDK and a plain ASGI app."
    )
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it runs, not to quote")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there too")
    return parser.parse_args()


def _effort(*, quick: bool) -> cases.Effort:
    rounds = max(1, int(os.environ.get("BENCH_ROUNDS", "1" if quick else "3")))
    seconds = max(1, int(os.environ.get("BENCH_SECONDS", "1" if quick else "4")))
    repeats = 3 if quick else 10
    return cases.Effort(
        rounds=rounds, seconds=seconds, paced_seconds=seconds / 2, imports=repeats, histories=2 * repeats
    )


main()
