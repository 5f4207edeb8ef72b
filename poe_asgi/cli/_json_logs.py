"""Logging of `run`: lines for people, or JSON for machines."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

_EXTRAS = ("bot", "message_id", "conversation_id", "user_id", "rule", "error_id")  # what poe-asgi adds to its records


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message; what poe-asgi adds; the exception, if any."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name in _EXTRAS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_config(form: str, level: str) -> dict[str, Any]:
    """For ``logging.config``: everything, the author's loggers too, goes to standard error in one form."""
    formatters: dict[str, Any] = {
        "json": {"()": f"{__name__}.JsonFormatter"},
        "text": {"format": "%(asctime)s %(levelname)-8s %(name)s: %(message)s"},
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": formatters[form]},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "chosen"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {name: {"handlers": [], "level": "NOTSET", "propagate": True} for name in _OF_UVICORN},
    }


_OF_UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access")
