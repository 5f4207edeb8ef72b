"""Seeing what an app does: `Observer` is the protocol, and two observers are ready.

`PrometheusObserver` needs the extra ``prometheus``, `OpenTelemetryObserver` the extra ``opentelemetry``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._watch import UpstreamCall, UpstreamEnd
from ..errors import ConfigurationError
from ._observer import Observer, Query, QueryEnd, QueryError
from ._watch import QueryWatch, checked

if TYPE_CHECKING:
    from ._opentelemetry import OpenTelemetryObserver
    from ._prometheus import PrometheusObserver

__all__ = [
    "Observer",
    "OpenTelemetryObserver",
    "PrometheusObserver",
    "Query",
    "QueryEnd",
    "QueryError",
    "QueryWatch",
    "UpstreamCall",
    "UpstreamEnd",
    "checked",
]

_EXTRAS = {
    "OpenTelemetryObserver": ("_opentelemetry", "opentelemetry-api", "opentelemetry"),
    "PrometheusObserver": ("_prometheus", "prometheus-client", "prometheus"),
}

if not TYPE_CHECKING:  # a type checker shall find unknown names

    def __getattr__(name: str) -> Any:
        """The ready observers are loaded when they are asked for."""
        if name not in _EXTRAS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, package, extra = _EXTRAS[name]
        try:
            return getattr(import_module(f".{module}", __name__), name)
        except ModuleNotFoundError:
            raise ConfigurationError(f"{name} needs the package {package}: pip install 'poe-asgi[{extra}]'.") from None
