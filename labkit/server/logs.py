"""What the terminal says while the lab runs: one line for each event that matters.

Details, tracebacks included, go to a file among the user's cached files; nobody has to
read them in the terminal, and no page ever shows them.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from tornado.iostream import StreamClosedError

__all__ = ["Noise", "OneLine", "logging_config"]

# True on every start, or nothing that a participant can act on.
_KNOWN = (
    "All authentication is disabled",
    "wrote error:",
    "The websocket_ping_timeout",
    "is not trusted",
    "No such file or directory: no-such-file",
    "Replacing stale connection",
    "Nudge: attempt",
    "Uncaught exception GET /api/kernels",  # a tab that was closed while it connected
    " referer=",  # the request of an error that has its line already
    "{\n",  # the headers of that request
)
_LARGEST = 1_000_000  # bytes, then the file is begun anew and one old one is kept


class Noise(logging.Filter):
    """Lets a record pass unless it comes with every start, or tells of a browser that has gone on."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], StreamClosedError):
            return False  # to another page, while a file was still coming
        text = record.getMessage()
        return not any(known in text for known in _KNOWN)


class OneLine(logging.Formatter):
    """A time and the first line of the message, never a traceback."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        without = {"exc_info": None, "exc_text": None, "stack_info": None}
        plain = logging.makeLogRecord({**record.__dict__, **without})
        plain.levelname = record.levelname.lower()
        return super().format(plain).split("\n", 1)[0]


def logging_config(file: Path | None) -> dict[str, Any]:
    """Return what Jupyter merges into its own settings of :mod:`logging`.

    Parameters
    ----------
    file : Path or None
        Where details go; None keeps none.
    """
    console = {"level": "WARNING", "filters": ["noise"], "formatter": "one-line"}
    handlers: dict[str, Any] = {"console": console}
    if file is not None:
        handlers["file"] = {
            "class": "logging.handlers.RotatingFileHandler",
            "filename": str(file),
            "maxBytes": _LARGEST,
            "backupCount": 1,
            "encoding": "utf-8",
            "delay": True,
            "level": "INFO",
            "formatter": "details",
        }
    return {
        "filters": {"noise": {"()": "labkit.server.logs.Noise"}},
        "formatters": {
            "one-line": {"class": "labkit.server.logs.OneLine"},
            "details": {"format": "%(asctime)s %(name)s %(levelname)s %(message)s"},
        },
        "handlers": handlers,
        "loggers": {
            name: {"level": "INFO", "handlers": list(handlers), "propagate": False}
            for name in ("ServerApp", "LabApp")
        }
        | {
            # A browser that leaves in the middle of an answer is no event.
            "asyncio": {"level": "INFO", "handlers": ["file"] if file else [], "propagate": False}
        },
    }
