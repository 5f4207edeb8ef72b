"""Speed beside the official SDK and beside a hand-written ASGI app: `make bench`, explained in README.md."""

from __future__ import annotations
