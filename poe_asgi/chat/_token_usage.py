"""What a model's answer took in tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any, Self

_TOO_MANY = 2**53  # tokens, for it to be a count; JSON can hold integers that cannot even be printed


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the API counts them: a hint at the costs and no bill, which only the points history is (D-57).

    ``cached_tokens`` are among the input tokens, ``reasoning_tokens`` among the output tokens; None where the answer
    does not tell them (D-44). ``is_estimate`` says that the numbers are known to be wrong: there were none, or one is
    0 that cannot be. Usages can be added; the sum is an estimate if one of them is.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    _: KW_ONLY
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    is_estimate: bool = False

    @classmethod
    def from_wire(cls, raw: Any, *, said_something: bool) -> Self:
        """The ``usage`` of a chat completion; what is missing or no count is 0, or None among the details.

        ``said_something`` is whether the answer has text, thoughts or tool calls, which cannot take 0 tokens.
        """
        usage = raw if isinstance(raw, Mapping) else {}
        inputs, outputs = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
        return cls(
            inputs or 0,
            outputs or 0,
            cached_tokens=_count(usage.get("prompt_tokens_details"), "cached_tokens"),
            reasoning_tokens=_count(usage.get("completion_tokens_details"), "reasoning_tokens"),
            is_estimate=not inputs or outputs is None or (outputs == 0 and said_something),
        )

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: TokenUsage) -> TokenUsage:
        if not isinstance(other, TokenUsage):
            return NotImplemented
        return TokenUsage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            cached_tokens=_sum(self.cached_tokens, other.cached_tokens),
            reasoning_tokens=_sum(self.reasoning_tokens, other.reasoning_tokens),
            is_estimate=self.is_estimate or other.is_estimate,
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields by name; those that are None are left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def _count(raw: Any, name: str) -> int | None:
    value = raw.get(name) if isinstance(raw, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _TOO_MANY else None


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
