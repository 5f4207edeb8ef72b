"""The short form of `make soak`: the same, less of it."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from . import answers, leavers, streams
from .servers import COMMANDS
from .stops import Outcome, Stop, stop

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors and memory in /proc")

STOPS = 20
AT_ONCE = 4  # most of a stop is waiting


def test_twenty_stops_under_load_cut_no_stream() -> None:
    def one(number: int) -> tuple[str, Stop]:
        name = list(COMMANDS)[number % len(COMMANDS)]
        return name, asyncio.run(stop(name, random.Random(number)))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(one, range(STOPS)))
    for name, result in results:
        assert result.cuts == [], name
        assert result.complaint == "", name
        assert result.outcomes[Outcome.ENDED] >= 2, name  # of those that ask for more than there is time for
        assert result.outcomes[Outcome.FINISHED] > 0, name


def test_five_hundred_streams_on_one_process_end_cleanly_and_leave_nothing() -> None:
    (figures,) = streams.soak(500, tokens=3, seconds=1)
    streams.check(figures)
    assert figures.kib_per_stream < 40


def test_ten_thousand_short_answers_leave_nothing() -> None:
    (figures,) = answers.soak(10_000, warm_up=5_000, at_once=10_000, most_seconds=30)
    assert figures.answers == 10_000
    answers.check(figures)


def test_two_thousand_clients_that_leave_at_any_moment_leave_nothing() -> None:
    (figures,) = leavers.soak(2_000, warm_up=1_000, at_once=2_000)
    answers.check(figures, leavers.GROWTH)
