"""`USD`: an amount of money that is never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal, InvalidOperation

from ..errors import ConfigurationError

# Not the caller's context: its precision could be anything.
_CONTEXT = Context(prec=40)
_MILLI_CENT = Decimal("0.00001")


@dataclass(frozen=True, slots=True, init=False, order=True, repr=False)
class USD:
    """US dollars: ``USD("0.033")``, ``USD(2)`` or ``USD(Decimal("0.1"))``.

    Amounts add up and compare. A float is refused, for 0.1 + 0.2 is not 0.3 there. ``amount`` is the Decimal. Raises
    ConfigurationError for what is no amount, or a trillion and more.
    """

    amount: Decimal

    def __init__(self, amount: str | int | Decimal) -> None:
        if isinstance(amount, float):
            raise ConfigurationError(f'USD takes no float: write USD("{amount}").')
        if isinstance(amount, bool) or not isinstance(amount, (str, int, Decimal)):
            raise ConfigurationError(f"USD takes a str, an int or a Decimal, not {type(amount).__name__}.")
        try:
            value = Decimal(amount)
        except InvalidOperation:
            raise ConfigurationError(f'{amount!r:.50} is no amount of money: write USD("0.033").') from None
        if not value.is_finite() or value.adjusted() >= 12:
            raise ConfigurationError(f"{value!s:.50} is no amount of money that can be charged.")
        object.__setattr__(self, "amount", value)

    @property
    def milli_cents(self) -> int:
        """Thousandths of a cent, as Poe counts; a fraction of one is rounded up."""
        whole = self.amount.quantize(_MILLI_CENT, rounding=ROUND_CEILING, context=_CONTEXT)
        return int(whole.scaleb(5, context=_CONTEXT))

    @property
    def tag(self) -> str:
        """The amount for a rate card or cost label, which Poe shows as points: ``[usd_milli_cents=3300]``."""
        return f"[usd_milli_cents={self.milli_cents}]"

    def __add__(self, other: USD) -> USD:
        return USD(_CONTEXT.add(self.amount, other.amount)) if isinstance(other, USD) else NotImplemented

    def __str__(self) -> str:
        return f"${self.amount:f}"

    def __repr__(self) -> str:
        return f"USD({str(self.amount)!r})"
