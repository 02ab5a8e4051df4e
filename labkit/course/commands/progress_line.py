"""One line on standard error that says how far a long command is; nothing when nobody watches."""

from __future__ import annotations

import sys
from types import TracebackType

__all__ = ["ProgressLine"]


class ProgressLine:
    """Call it with a message, or with ``(done, total, message)``; leaving the block ends the line.

    Scripts, whose standard error is no terminal, see nothing of it.
    """

    def __init__(self) -> None:
        self._shown = False

    def __enter__(self) -> ProgressLine:
        return self

    def __call__(self, *report: int | str) -> None:
        if sys.stderr.isatty():
            words = f"{report[0]} of {report[1]}: {report[2]}" if len(report) == 3 else str(report[0])
            print(f"\r{words}\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
