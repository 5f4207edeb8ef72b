"""`check`: runs the probes one after the other, and makes the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from .._clock import current_clock
from ..client import Transport
from ..errors import ConfigurationError, did_you_mean
from ..local import AsgiApp
from ..protocol import RULES, Limits
from ._budget import FAST, Budget
from ._expected import with_expected
from ._probe import Probe
from ._probe_hello import NoAnswerError
from ._probes import PROBES
from ._report import Report
from ._session import Session, TimeIsUpError
from ._target import CannotCheckError, Target

_MISSING = {
    "key": "no access key was given",
    "app": "it takes an app in this process",
    "public": "the URL is not public",
    "private": "a proxy may have used it up",
}


async def check(
    target: AsgiApp | str,
    *,
    access_key: str | None = None,
    path: str = "/",
    fast: bool = False,
    limits: Limits | None = None,
    budget: Budget | None = None,
    expected: Mapping[str, str] | None = None,
    transport: Transport | None = None,
    name: str | None = None,
    on_probe: Callable[[Probe], None] | None = None,
) -> Report:
    """Judge a bot server by every rule of the protocol.

    ``target`` is its URL, or its ASGI app, which has the bot at ``path`` and whose lifespan is run around the check.
    Without ``access_key`` nothing about keys is checked. ``limits`` are what its answers are held to, Poe's by default,
    ``budget`` how long to wait for what. A ``fast`` check waits less, and ends within 5 seconds; what it has not come
    to then is told. ``expected`` maps rules that may be broken to reasons. ``transport`` carries requests to a URL;
    ``name`` is what the report calls the target; ``on_probe`` is told of each probe before it runs. The queries are
    real ones: they cost what the bot's answers cost.

    Raises ConfigurationError for arguments that cannot be meant. All else is in the report.
    """
    for rule in expected or {}:
        if rule not in RULES:
            raise ConfigurationError(f"There is no rule {rule!r}.{did_you_mean(rule, RULES)}")
    checked = Target(target, path=path, transport=transport)
    started, clock = datetime.now(UTC), current_clock()
    session = Session(
        target=checked, key=access_key, limits=limits or Limits(), budget=budget or (FAST if fast else Budget())
    )
    began = clock.time()
    if session.budget.whole is not None:
        session.deadline = began + session.budget.whole
    problem: str | None = None
    complete = False
    skipped: dict[str, str] = {}
    try:
        async with checked:
            complete = await _probe_all(session, skipped, on_probe)
    except CannotCheckError as exc:
        problem = str(exc)
    report = Report(
        target=name or checked.name,
        started=started.isoformat(timespec="seconds"),
        seconds=clock.time() - began,
        requests=session.requests,
        findings=tuple(session.findings[rule] for rule in RULES if rule in session.findings),
        checked=tuple(rule for rule in RULES if rule not in skipped) if problem is None else (),
        skipped={rule: skipped[rule] for rule in RULES if rule in skipped} if problem is None else {},
        complete=complete,
        notes=tuple(filter(None, [*session.notes, checked.shutdown_failure])),
        problem=problem,
    )
    return with_expected(report, expected or {})


async def _probe_all(session: Session, skipped: dict[str, str], on_probe: Callable[[Probe], None] | None) -> bool:
    """Run what can be run, and tell whether nothing stopped it. A rule is skipped when no probe looked at it."""
    reasons: dict[str, str] = {}
    looked_at: set[str] = set()
    stopped: str | None = None
    for probe in PROBES:
        reason = stopped or _reason(session, probe)
        if reason is None:
            if on_probe is not None:
                on_probe(probe)
            try:
                await probe.run(session)
                looked_at.update(probe.rules)
            except NoAnswerError as exc:
                stopped = reason = str(exc)
            except TimeIsUpError:
                if not looked_at:
                    raise CannotCheckError(f"No answer came within {session.budget.whole:g} s.") from None
                stopped = reason = "the time of the check was over"
        if reason is not None:
            reasons.update(dict.fromkeys(probe.rules, reason))
    looked_at.update(session.findings)
    skipped.update({rule: reason for rule, reason in reasons.items() if rule not in looked_at})
    return stopped is None


def _reason(session: Session, probe: Probe) -> str | None:
    """Why a probe is not run, if it is not."""
    has = {
        "key": session.key is not None,
        "app": session.target.served is not None,
        "public": session.target.public,
        "private": not session.target.public,
    }
    return _MISSING[probe.needs] if probe.needs is not None and not has[probe.needs] else None
