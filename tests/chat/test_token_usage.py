"""`TokenUsage`: what an answer took, from the API's numbers."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from poe_asgi.chat._token_usage import TokenUsage


def test_the_counts_of_the_api_are_read() -> None:
    raw = {
        "prompt_tokens": 14,
        "completion_tokens": 5,
        "total_tokens": 19,
        "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": None},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": None},
    }
    usage = TokenUsage.from_wire(raw, said_something=True)
    assert usage == TokenUsage(14, 5, cached_tokens=3, reasoning_tokens=0)
    assert usage.total_tokens == 19


@pytest.mark.parametrize("details", [None, {}, [], 7, {"cached_tokens": None}, {"cached_tokens": "3"}])
def test_details_that_are_not_there_are_none(details: Any) -> None:
    raw = {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": details}
    assert TokenUsage.from_wire(raw, said_something=True) == TokenUsage(1, 1)


@pytest.mark.parametrize("raw", [None, {}, [], "14", {"prompt_tokens": None, "completion_tokens": None}])
def test_without_numbers_the_usage_is_an_estimate_of_0(raw: Any) -> None:
    assert TokenUsage.from_wire(raw, said_something=False) == TokenUsage(0, 0, is_estimate=True)


@pytest.mark.parametrize("wrong", [-1, "5", 5.0, True, None, [5]])
def test_what_is_no_count_is_0_and_marks_an_estimate(wrong: Any) -> None:
    asked = TokenUsage.from_wire({"prompt_tokens": wrong, "completion_tokens": 2}, said_something=True)
    answered = TokenUsage.from_wire({"prompt_tokens": 2, "completion_tokens": wrong}, said_something=False)
    assert asked == TokenUsage(0, 2, is_estimate=True)
    assert answered == TokenUsage(2, 0, is_estimate=True)


def test_no_output_tokens_for_an_answer_that_says_something_are_an_estimate_reported_as_they_are() -> None:
    raw = {"prompt_tokens": 14, "completion_tokens": 0, "total_tokens": 14}
    assert TokenUsage.from_wire(raw, said_something=True) == TokenUsage(14, 0, is_estimate=True)
    assert TokenUsage.from_wire(raw, said_something=False) == TokenUsage(14, 0)


def test_no_input_tokens_are_an_estimate() -> None:
    raw = {"prompt_tokens": 0, "completion_tokens": 4}
    assert TokenUsage.from_wire(raw, said_something=True) == TokenUsage(0, 4, is_estimate=True)


def test_usages_add_up() -> None:
    one = TokenUsage(1, 2, cached_tokens=3)
    other = TokenUsage(10, 20, cached_tokens=30, reasoning_tokens=40, is_estimate=True)
    assert one + other == TokenUsage(11, 22, cached_tokens=33, reasoning_tokens=40, is_estimate=True)
    assert other + one == one + other
    assert (one + one).reasoning_tokens is None
    assert not (one + one).is_estimate


def test_a_usage_is_not_added_to_a_number() -> None:
    with pytest.raises(TypeError):
        _ = TokenUsage(1, 2) + 3  # type: ignore[operator]


def test_a_usage_as_a_dictionary_leaves_out_what_is_not_known() -> None:
    assert TokenUsage(1, 2).to_dict() == {"input_tokens": 1, "output_tokens": 2, "is_estimate": False}
    full = TokenUsage(1, 2, cached_tokens=0, reasoning_tokens=4, is_estimate=True)
    assert full.to_dict() == {
        "input_tokens": 1,
        "output_tokens": 2,
        "cached_tokens": 0,
        "reasoning_tokens": 4,
        "is_estimate": True,
    }
    assert TokenUsage(**full.to_dict()) == full


def test_a_usage_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        TokenUsage().input_tokens = 1  # type: ignore[misc]
