"""What the bot's process tells the one that started it: JSON, one report a line, over a pipe."""

from __future__ import annotations

import json
import logging
import os
import threading
from typing import Any

from ._project import authors_traceback


class Reports:
    """The end that tells. Reports may come from any thread; when nobody listens any more, they are dropped."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, kind: str, **members: Any) -> None:
        """Tell something."""
        line = memoryview(f"{json.dumps({'kind': kind, **members})}\n".encode("ascii"))
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                return


class LogReports(logging.Handler):
    """Log records of this package: a handler's failure with its error id and traceback, or a line."""

    def __init__(self, reports: Reports) -> None:
        super().__init__(logging.INFO)
        self._reports = reports

    def emit(self, record: logging.LogRecord) -> None:
        try:
            traceback = ""
            if record.exc_info is not None and isinstance(record.exc_info[1], BaseException):
                traceback = authors_traceback(record.exc_info[1])
            self._reports.send(
                "log",
                level=record.levelname,
                message=record.getMessage(),
                traceback=traceback,
                error_id=getattr(record, "error_id", None),
            )
        except Exception:  # noqa: BLE001
            self.handleError(record)
