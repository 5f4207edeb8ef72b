"""How the playground says no."""

from __future__ import annotations


class RefusedError(Exception):
    """What the user wants is not possible now; its text is what the page says."""
