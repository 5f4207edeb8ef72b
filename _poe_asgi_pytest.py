"""The pytest plugin of poe-asgi: the fixtures `poe_tester` and `fake_poe`, and no calls to the real Poe.

It is a module of its own, beside the package: pytest loads plugins before anything measures coverage, and a module
inside would bring the whole package along. Nothing of ``poe_asgi`` is imported here before the first test is set up.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from poe_asgi.local import FakePoe
    from poe_asgi.testing import PoeTester

_refusal = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("poe-asgi")
    group.addoption("--real-poe", action="store_true", help="allow every test to call the real Poe")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_poe: this test may call the real Poe (poe-asgi)")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    __tracebackhide__ = True
    item.stash[_refusal] = refusal = ExitStack()
    if not item.config.getoption("real_poe") and item.get_closest_marker("real_poe") is None:
        from poe_asgi.testing import real_poe_refused

        refusal.enter_context(real_poe_refused())
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    __tracebackhide__ = True
    try:
        return (yield)
    finally:
        item.stash[_refusal].close()


@pytest.fixture
def fake_poe() -> Iterator[FakePoe]:
    """Poe, played in this process: whatever calls Poe in this test calls it. Its bots can be scripted."""
    from poe_asgi.client import upstream, upstream_everywhere
    from poe_asgi.local import FakePoe

    poe = FakePoe()
    with poe.installed():
        elsewhere = upstream.get()
    assert elsewhere is not None
    with upstream_everywhere(elsewhere):
        yield poe


@pytest.fixture
def poe_tester(fake_poe: FakePoe) -> PoeTester:
    """Tests bots: ``(await poe_tester(bot).ask("hi")).text == "HI"``. Their calls of other bots go to fake_poe."""
    from poe_asgi.testing import PoeTester

    return PoeTester(fake_poe)
