"""A bot's settings, as Poe stores them (reference: settings answer).

Poe does not fetch settings for each message: changed ones take effect with the next sync.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from reprlib import repr as short
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ._fields import InvalidFieldError, Reader, WireValue, check, is_a, plain, read, read_object, shown
from ._strict import strict

if TYPE_CHECKING:
    from ._parameters import ParameterControls

MAX_BOT_CALLS = 100
"""Calls to other bots per user message."""

# An answer that states no response_version means 0, whose defaults are not those of this class.
_DEFAULTS_OF_VERSION_0 = {"response_version": 0, "allow_attachments": False, "enable_multi_entity_prompting": False}


def _read_controls(obj: Any, path: str) -> ParameterControls:
    from ._parameters import ParameterControls  # a bot that shows no controls does not load them

    return ParameterControls.from_wire(obj, path)


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(WireValue):
    """What Poe is to know about a bot. Fields with a value here are always sent, for Poe may change its defaults.

    - ``response_version``: 0, 1 or 2; selects Poe's defaults. ``parameter_controls`` need 2.
    - ``server_bot_dependencies``: bot name to the calls expected per user message; 100 calls in all at most.
    - ``allow_attachments``: users may attach files.
    - ``expand_text_attachments``: Poe fills ``parsed_content`` of text, HTML links and PDF.
    - ``enable_image_comprehension``: Poe describes images in ``parsed_content``; then one image per message.
    - ``introduction_message``: Markdown, shown before the first message; ``""`` for none.
    - ``enforce_author_role_alternation``: Poe merges neighbouring messages of the same role.
    - ``enable_multi_entity_prompting``: in a chat of several bots or users, Poe rewrites the history so that it says
      who said what.
    - ``parameter_controls``: controls shown beside the input field.
    - ``rate_card`` (Markdown), ``cost_label`` (short): prices; ``[usd_milli_cents=X]`` is shown as points.
    - deprecated by Poe, sent only when set: ``enable_multi_bot_chat_prompting``, ``custom_rate_card``,
      ``context_clear_window_secs`` (0: never), ``allow_user_context_clear``.
    - ``extra``: JSON values for keys this version does not know.
    """

    _readers: ClassVar[Mapping[str, Reader]] = {"parameter_controls": _read_controls}

    response_version: int = 2
    server_bot_dependencies: Mapping[str, int] = field(default_factory=dict, hash=False)
    allow_attachments: bool = True
    expand_text_attachments: bool = True
    enable_image_comprehension: bool = False
    introduction_message: str = ""
    enforce_author_role_alternation: bool = False
    enable_multi_entity_prompting: bool = True
    parameter_controls: ParameterControls | None = None
    rate_card: str | None = None
    cost_label: str | None = None
    enable_multi_bot_chat_prompting: bool | None = None
    custom_rate_card: str | None = None
    context_clear_window_secs: int | None = None
    allow_user_context_clear: bool | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check(self, int, "response_version", "context_clear_window_secs")
        check(
            self,
            bool,
            "allow_attachments",
            "expand_text_attachments",
            "enable_image_comprehension",
            "enforce_author_role_alternation",
            "enable_multi_entity_prompting",
            "enable_multi_bot_chat_prompting",
            "allow_user_context_clear",
        )
        check(self, str, "introduction_message", "rate_card", "cost_label", "custom_rate_card")
        if self.response_version not in {0, 1, 2}:
            raise InvalidFieldError(self, "response_version", f"must be 0, 1 or 2, not {self.response_version}.")
        if self.context_clear_window_secs is not None and self.context_clear_window_secs < 0:
            reason = f"must be 0 or more seconds, not {self.context_clear_window_secs}."
            raise InvalidFieldError(self, "context_clear_window_secs", reason)
        self._check_parameter_controls()
        self._set_dependencies()
        self._set_extra()

    def _check_parameter_controls(self) -> None:
        controls: object = self.parameter_controls
        if controls is None:
            return
        from ._parameters import ParameterControls

        if not isinstance(controls, ParameterControls):
            reason = f"must be ParameterControls(...), not {short(controls)}."
            raise InvalidFieldError(self, "parameter_controls", reason)
        if self.response_version < 2:
            reason = f"need response_version 2: with {self.response_version} Poe drops them silently."
            raise InvalidFieldError(self, "parameter_controls", reason)

    def _set_dependencies(self) -> None:
        name = "server_bot_dependencies"
        calls: object = self.server_bot_dependencies
        if not isinstance(calls, Mapping):
            raise InvalidFieldError(self, name, f"must map bot names to numbers of calls, not {short(calls)}.")
        for bot, count in calls.items():
            if not isinstance(bot, str) or not bot:
                raise InvalidFieldError(self, name, f"must have bot names as keys, not {short(bot)}.")
            if not is_a(count, int) or not 1 <= count < 10**9:  # more would only be too many to be added up and told
                raise InvalidFieldError(
                    self, f"{name}.{shown(bot)}", f"must be a whole number from 1, not {short(count)}."
                )
        if (total := sum(calls.values())) > MAX_BOT_CALLS:
            reason = f"add up to {total} calls; Poe allows {MAX_BOT_CALLS} per user message."
            raise InvalidFieldError(self, name, reason)
        object.__setattr__(self, name, MappingProxyType(dict(calls)))

    def _set_extra(self) -> None:
        extra = self.extra
        if not isinstance(extra, Mapping):
            raise InvalidFieldError(self, "extra", f"must map keys to JSON values, not {short(extra)}.")
        known = _known_keys()
        for key in extra:
            if not isinstance(key, str):
                raise InvalidFieldError(self, "extra", f"must have strings as keys, not {short(key)}.")
            if key in known:
                raise InvalidFieldError(self, f"extra.{key}", f"is a field of Settings: write Settings({key}=...).")
        try:
            copy = json.loads(json.dumps(plain(extra), allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidFieldError(self, "extra", f"must hold JSON values only: {error}.") from None
        # To Poe a null is a key that is not set.
        object.__setattr__(self, "extra", MappingProxyType({k: v for k, v in copy.items() if v is not None}))

    def replace(self, **changes: Any) -> Settings:
        """A copy with other values, checked as a new one."""
        return replace(self, **changes)

    def to_wire(self) -> dict[str, Any]:
        """The answer to Poe's ``settings`` request: new plain JSON values, fields that are not set left out."""
        wire = WireValue.to_wire(self)
        extra = wire.pop("extra")
        if not self.introduction_message:
            del wire["introduction_message"]
        return {**wire, **extra}

    @classmethod
    def from_wire(cls, obj: Any, path: str = "") -> Self:
        """Read a settings answer as Poe understands it.

        A null counts as not set, an absent ``response_version`` as 0, and absent keys have the defaults of that
        version (0: ``allow_attachments`` and ``enable_multi_entity_prompting`` are off). Keys that are not known go
        to ``extra``. Raises ConfigurationError that names the key (``parameter_controls.sections.0.controls.2.step``).
        """
        given = {key: value for key, value in read_object(obj, path or cls.__name__).items() if value is not None}
        known = _known_keys()
        values = {key: value for key, value in given.items() if key in known}
        if not values.get("response_version"):
            values = {**_DEFAULTS_OF_VERSION_0, **values}
        return read(cls, {**values, "extra": {k: v for k, v in given.items() if k not in known}}, path)


def _known_keys() -> set[str]:
    return {field.name for field in fields(Settings)} - {"extra"}
