"""Poe's identifiers: strict when made here, any string when received (reference: identifiers)."""

from __future__ import annotations

import re
import secrets
import string

from ..errors import ConfigurationError

_TAG = re.compile(r"[a-z]{1,3}")
_IDENTIFIER = re.compile(r"[a-z]{1,3}-[a-z0-9=]{32}")
_ALPHABET = string.ascii_lowercase + string.digits


def is_valid_identifier(value: str, tag: str | None = None) -> bool:
    """Whether ``value`` has the published form: one to three lower-case letters, ``-``, 32 of ``[a-z0-9=]``.

    With ``tag`` the letters before the dash must be these: ``m`` message, ``u`` user, ``c`` conversation, ``d``
    metadata handle. Poe itself sends other forms now and then, and clients send ``""``, so this is a question to
    ask, never a reason to refuse a request.
    """
    return _IDENTIFIER.fullmatch(value) is not None and (tag is None or value.startswith(f"{tag}-"))


def new_identifier(tag: str) -> str:
    """A fresh identifier of the published form: ``tag``, ``-`` and 32 random characters of ``[a-z0-9]``.

    A tag that is not one to three lower-case letters raises ConfigurationError.
    """
    if _TAG.fullmatch(tag) is None:
        raise ConfigurationError(f"The tag of an identifier must be one to three letters a to z, not {tag!r}.")
    return f"{tag}-" + "".join(secrets.choice(_ALPHABET) for _ in range(32))


def access_key_variable(handle: str) -> str:
    """The environment variable of one bot: ``POE_ACCESS_KEY_`` and the handle in upper snake case."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", handle)
    return "POE_ACCESS_KEY_" + re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")
