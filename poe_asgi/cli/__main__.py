"""``python -m poe_asgi.cli`` is ``poe-asgi``."""

from __future__ import annotations

from ._main import main

if __name__ == "__main__":
    main(prog_name="poe-asgi")
