"""Amounts of money."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest

from poe_asgi import ConfigurationError
from poe_asgi.client import USD


@pytest.mark.parametrize("amount", ["0.1", Decimal("0.10"), "1e-1", " 0.1 "])
def test_an_amount_is_a_decimal_however_it_is_written(amount: Any) -> None:
    assert USD(amount) == USD("0.1")
    assert hash(USD(amount)) == hash(USD("0.1"))
    assert USD(amount).amount == Decimal("0.1")
    assert USD(2).amount == 2


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0.033, r'USD\("0\.033"\)'),
        (True, "not bool"),
        (None, "not NoneType"),
        (b"1", "not bytes"),
        ("$1", "no amount"),
        ("", "no amount"),
        ("a" * 1000, "no amount"),
        ("NaN", "no amount"),
        ("Infinity", "no amount"),
        ("-inf", "no amount"),
        (10**12, "no amount"),
        pytest.param(10**5000, "no amount", id="5,001 digits"),
        ("1e999999", "no amount"),
    ],
)
def test_what_is_no_amount_is_refused(amount: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        USD(amount)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("amount", "milli_cents"),
    [
        ("0.033", 3300),
        ("1", 100_000),
        ("0.00001", 1),
        ("0.000011", 2),
        ("0.00000000000000000000000000000000000000001", 1),
        ("1e-999999", 1),
        ("0.0330000000000000000000000000000000000000001", 3301),
        ("999999999999.99999", 99_999_999_999_999_999),
        ("0", 0),
    ],
)
def test_fractions_of_a_milli_cent_are_rounded_up(amount: str, milli_cents: int) -> None:
    assert USD(amount).milli_cents == milli_cents


def test_a_rate_card_gets_a_tag() -> None:
    assert f"{USD('0.033').tag} per image" == "[usd_milli_cents=3300] per image"


def test_amounts_add_up_exactly_and_compare() -> None:
    assert USD("0.1") + USD("0.2") == USD("0.3")
    assert USD("0.1") < USD("0.2") <= USD("0.20") < USD(1)
    assert max(USD("0.1"), USD("0.09")) == USD("0.1")
    with pytest.raises(TypeError):
        USD("0.1") + 1  # type: ignore[operator]
    other: object = 1
    assert USD(1) != other


def test_the_precision_that_a_caller_works_with_changes_nothing() -> None:
    with localcontext(prec=2):
        assert USD("0.12345").milli_cents == 12_345
        assert USD("12345.678") + USD("0.001") == USD("12345.679")


def test_an_amount_is_shown_as_money() -> None:
    assert (str(USD("0.033")), repr(USD("0.033"))) == ("$0.033", "USD('0.033')")
    assert str(USD("1e-3")) == "$0.001"


def test_an_amount_does_not_change() -> None:
    with pytest.raises(AttributeError):
        USD(1).amount = Decimal(2)  # type: ignore[misc]
