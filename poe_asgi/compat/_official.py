"""The official SDK. It is no dependency: it is there because the user's bot imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..errors import ConfigurationError

if TYPE_CHECKING:
    import fastapi_poe as fp


@runtime_checkable
class RawEvent(Protocol):
    """A `ServerSentEvent`, told by its shape: whose class it is does not matter."""

    @property
    def event(self) -> str | None: ...

    @property
    def data(self) -> Any: ...


def require() -> None:
    """Raise ConfigurationError when the official SDK is not installed."""
    try:
        import fastapi_poe  # noqa: F401
    except ImportError:
        raise ConfigurationError(
            "from_fastapi_poe serves bots of the package fastapi-poe, which is not installed: pip install fastapi-poe."
        ) from None


def overridden(bot: fp.PoeBot, name: str) -> bool:
    """Whether the bot, by its class or by itself, has a method of its own where `PoeBot` has one, too."""
    from fastapi_poe import PoeBot

    return getattr(getattr(bot, name), "__func__", None) is not getattr(PoeBot, name, None)
