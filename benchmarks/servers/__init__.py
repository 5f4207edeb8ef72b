"""One bot, served three ways. Importing a module here imports its SDK and builds its `app`, as uvicorn does."""

from __future__ import annotations
