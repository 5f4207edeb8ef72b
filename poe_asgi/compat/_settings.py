"""Settings of official bots."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..protocol import Settings
from ..server import SettingsContext
from ._official import overridden
from ._requests import official_request

if TYPE_CHECKING:
    import fastapi_poe as fp


class _AsTold(Settings):
    """Settings that this package would refuse; Poe hears what the bot says, as from the official server."""

    __slots__ = ("_told",)

    @classmethod
    def of(cls, told: dict[str, Any]) -> _AsTold:
        settings = cls()
        object.__setattr__(settings, "_told", told)
        return settings

    def to_wire(self) -> dict[str, Any]:
        told: dict[str, Any] = self._told  # type: ignore[attr-defined]
        return told


async def settings_of(bot: fp.PoeBot, ctx: SettingsContext) -> Settings:
    """What the bot says of its settings. What this package would refuse in them is logged, and told to Poe as it is."""
    import fastapi_poe as fp

    request = official_request(fp.SettingsRequest, ctx)
    context = fp.RequestContext(http_request=ctx.http)
    if overridden(bot, "handle_settings"):
        answer = await bot.handle_settings(request, context)
        told = _without_nulls(json.loads(bytes(answer.body)))
    else:
        told = (await bot.get_settings_with_context(request, context)).model_dump(exclude_none=True)
    try:
        return Settings.from_wire(told)
    except ConfigurationError as exc:
        ctx.log.warning("the settings of %s: %s Poe may drop them silently.", type(bot).__name__, exc)
        return _AsTold.of(told)


def _without_nulls(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _without_nulls(value) for key, value in told.items() if value is not None}
    return [_without_nulls(each) for each in told] if isinstance(told, list) else told
