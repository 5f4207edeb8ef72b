"""The bot's settings: what it answered, what Poe would make of it, and what Poe would drop."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ..errors import ConfigurationError, RequestError
from ..protocol import Settings, one_line, parse_json_object


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSettings:
    """``stored`` is what Poe would keep; ``problems`` are sentences for the author."""

    stored: Settings
    answered: dict[str, Any] | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, raw: bytes) -> BotSettings:
        """The settings in this answer."""
        try:
            answered = parse_json_object(raw)
        except RequestError as exc:
            return cls.missing(f"This is no answer with settings. {exc} Poe would keep the settings it had before.")
        problems: list[str] = []
        try:
            stored = Settings.from_wire(answered)
        except ConfigurationError as exc:
            problems.append(f"Poe would drop the parameter controls without a word: {exc}")
            without = {key: value for key, value in answered.items() if key != "parameter_controls"}
            try:
                stored = Settings.from_wire(without)
            except ConfigurationError as other:
                return cls(
                    stored=Settings(),
                    answered=answered,
                    problems=(f"Poe would refuse the settings: {other}",),
                )
        problems += (f"Poe does not know the key `{one_line(key)[:80]}`." for key in stored.extra)
        return cls(stored=stored, answered=answered, problems=tuple(problems))

    @classmethod
    def missing(cls, problem: str) -> BotSettings:
        """There are none."""
        return cls(stored=Settings(), problems=(problem,))

    def to_page(self, introduction: list[str]) -> dict[str, Any]:
        """What the page shows; ``introduction`` are the blocks of the introduction message."""
        given = self.answered or {}
        values = self.stored.to_wire()
        names = [each.name for each in fields(Settings) if each.name not in {"extra", "parameter_controls"}]
        rows = [
            {"name": name, "value": values.get(name), "given": given.get(name) is not None}
            for name in names
            if values.get(name) is not None or given.get(name) is not None
        ]
        return {
            "rows": rows,
            "problems": list(self.problems),
            "controls": values.get("parameter_controls"),
            "introduction": introduction,
            "attachments": self.stored.allow_attachments,
            "answered": self.answered,
        }
