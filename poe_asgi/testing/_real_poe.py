"""No test calls the real Poe by mistake: it would cost somebody points."""

from __future__ import annotations

from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from ..client import checking_urls
from ._failures import RealPoeError


def real_poe_refused() -> AbstractContextManager[None]:
    """Inside, a call to Poe's own hosts raises RealPoeError in the whole process. Other hosts are left alone."""
    return checking_urls(_refuse)


def _refuse(url: str) -> None:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    if f".{host}".endswith(".poe.com") or (host == "www.quora.com" and parts.path.startswith("/poe_api/")):
        raise RealPoeError(
            f"This would call {host}, the real Poe. Use the fixture fake_poe; "
            "or allow it, with @pytest.mark.real_poe on the test or --real-poe for a run."
        )
