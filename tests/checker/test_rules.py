"""Every rule, by a bot that breaks it."""

from __future__ import annotations

import pytest

from poe_asgi._clock import passed_in
from poe_asgi.checker import PROBES, check
from poe_asgi.local import AsgiTransport
from poe_asgi.protocol import RULES
from tests.support import KEY

from .bad_bots import BAD_BOTS, GoodBot, Timed


@pytest.mark.asyncio
@pytest.mark.parametrize("rule", RULES)
async def test_a_bot_that_breaks_a_rule_is_told_of_that_one_alone(rule: str) -> None:
    case = BAD_BOTS[rule]
    bot = case.bot()
    target, transport = (bot, None) if case.url is None else (case.url, AsgiTransport(bot))
    token = passed_in.set(bot.clock if isinstance(bot, Timed) else None)
    try:
        report = await check(target, access_key=KEY, transport=transport, **case.options)
    finally:
        passed_in.reset(token)
    assert report.problem is None
    assert rule in {finding.rule.id for finding in report.findings}
    assert [finding.rule.id for finding in report.errors] == ([rule] if RULES[rule].level == "error" else [])


def test_every_rule_has_a_bad_bot_and_a_probe_that_looks_for_it() -> None:
    assert set(BAD_BOTS) == set(RULES)
    assert {rule for probe in PROBES for rule in probe.rules} == set(RULES)


def test_probes_have_ids_of_their_own() -> None:
    ids = [probe.id for probe in PROBES]
    assert sorted(set(ids)) == sorted(ids)


@pytest.mark.asyncio
async def test_the_bot_that_all_faulty_ones_are_made_from_breaks_nothing() -> None:
    report = await check(GoodBot(), access_key=KEY)
    assert report.findings == ()
    assert set(report.skipped) == {"https"}
