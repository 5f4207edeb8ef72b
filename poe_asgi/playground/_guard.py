"""Who may talk to the playground: pages that it served itself, to somebody who knows the token.

The playground can make a bot on this machine do things, and it shows what the bot says. So no other site may reach it
by way of the browser (Host and Origin are checked, nothing is shared across origins), and nothing a bot says may run
(the page's policy allows no script and no style but its own files).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Mapping

from ..local import HttpAnswer

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

_EVERYWHERE = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' https: http: data:",  # what a bot shows may be anywhere, as at Poe
    "media-src 'self' https: http:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types playground",
)
PAGE_HEADERS = _EVERYWHERE | {
    "content-security-policy": "; ".join(_POLICY),
    "permissions-policy": "camera=(), microphone=(), geolocation=(), clipboard-write=(self)",
}
# A file somebody uploaded, or a bot made, is looked at and never run.
FILE_HEADERS = _EVERYWHERE | {"content-security-policy": "sandbox; default-src 'none'"}
_SHOWN_TYPE = re.compile(r"(?:image|audio|video)/(?!svg\+xml)[\w.+-]+ *(?:;[^,]*)?")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")


class Guard:
    """Checks requests. ``allowed_hosts`` are names without a port; ``*`` allows any."""

    def __init__(self, token: str, allowed_hosts: Collection[str]) -> None:
        self._token = token.encode()
        self._hosts = frozenset(host.lower() for host in allowed_hosts)

    def refusal(self, headers: Mapping[str, str], scheme: str) -> HttpAnswer | None:
        """What a request for another host, or from another site, is answered."""
        host = headers.get("host", "")
        if "*" not in self._hosts and _name(host) not in self._hosts:
            return _no(421, f"The playground is not known by the name {host[:80]!r}.")
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"{scheme}://{host}".lower():
            return _no(403, "Other sites may not call the playground.")
        if headers.get("sec-fetch-site", "none") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return _no(403, "Other sites may not call the playground.")
        return None

    def knows(self, token: str) -> bool:
        """Whether this is the token; compared in constant time."""
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._token)

    @staticmethod
    def without_token() -> HttpAnswer:
        return _no(403, "Open the address that was printed when the playground started: it ends with a token.")


def file_headers(content_type: str) -> dict[str, str]:
    """For a file: what is no picture, sound or film is saved, and not opened in the playground's name."""
    shown = _SHOWN_TYPE.fullmatch(content_type.strip().lower()) is not None
    return FILE_HEADERS if shown else FILE_HEADERS | {"content-disposition": "attachment"}


def _name(host: str) -> str:
    """The host without its port."""
    found = _HOST.fullmatch(host.lower())
    return found[1] if found else ""


def _no(status: int, text: str) -> HttpAnswer:
    return HttpAnswer(status, body=text.encode(), content_type="text/plain; charset=utf-8", headers=_EVERYWHERE)
