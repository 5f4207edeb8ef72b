"""Addresses that others wrote: downloads, redirects, hosts, data URLs.

Property: UnsafeUrlError alone is raised before anything is sent; a URL that is let through is plain, of HTTP, and its
host is the one that is connected to; an address that is not public is never let through in any of its spellings.
"""

from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import urlsplit

import httpx

from poe_asgi.client._addresses import is_public, refuse_private
from poe_asgi.client._download import _joined, _split
from poe_asgi.errors import UnsafeUrlError
from poe_asgi.playground._guard import _name
from poe_asgi.protocol import Attachment, message_from_parts, parts_of, user

from ._support import in_time, split, text

SEEDS = [
    b"\0https://pfst.cf2.poecdn.net/base/text/abc?x=1#f\x00../up",
    b"\0http://127.0.0.1:80/\x00//[::1]/",
    b"\0http://[::ffff:10.0.0.1]/\x00http://[",
    b"\0http://[64:ff9b::7f00:1]:99999/",
    b"\0http://2130706433/",
    b"\0http://localhost./",
    b"\0http://user@host/",
    b"\0http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1/",
    b"\0http://h\xc2\x9bost/",
    b"\0ht\ntp://h/",
    b"\1data:image/png;base64,AAAA",
    b"\1data:,",
    b"\1https://e.com/a.PNG?x",
    b"\1https://[/a.gif",
    b"\x02127.0.0.1:8000",
    b"\2[::1]:80",
    b"\2evil@localhost",
]


def check(data: bytes) -> None:
    choice, rest = split(data)
    with in_time():
        match choice % 3:
            case 0:
                url, _, location = text(rest).partition("\0")
                _check_download(url)
                _check_download(_joined(url, location))
            case 1:
                _check_part(text(rest))
            case _:
                host = rest.decode("latin-1")
                assert _name(host) in {"", host.lower(), host.lower().rpartition(":")[0]}


def _check_download(url: str) -> None:
    try:
        parts = _split(url)
        refuse_private(parts.hostname or "")
    except UnsafeUrlError as exc:
        assert str(exc).isprintable()
        return
    assert parts.scheme in {"http", "https"}
    assert (parts.hostname or "").isprintable()
    try:
        called = httpx.URL(url)
        host = called.raw_host.decode()
    except (httpx.InvalidURL, UnicodeError):
        return  # refused when it is sent
    if parts.hostname is not None and parts.hostname.isascii():
        assert host.lower() == parts.hostname.lower()
    with suppress(ValueError):  # of a name, whose addresses are looked up and checked
        assert is_public(host)


def _check_part(url: str) -> None:
    for part in (
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "file", "file": {"file_data": url, "filename": url}},
    ):
        message = message_from_parts("user", [part, {"type": "text", "text": "t"}])
        [attachment] = message.attachments
        assert attachment.url == url
        json.dumps(parts_of(message, {url: b"x"}))
        json.dumps(parts_of(user("", Attachment(url=url, name=url, content_type=url)), {url: b"x"}))
    assert urlsplit("http://e.com").hostname == "e.com"
